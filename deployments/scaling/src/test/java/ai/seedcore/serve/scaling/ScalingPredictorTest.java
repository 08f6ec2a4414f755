package ai.seedcore.serve.scaling;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.seedcore.serve.api.Inference;
import ai.seedcore.serve.api.Tensor;
import java.util.Map;
import java.util.function.Function;
import java.util.function.IntToDoubleFunction;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ScalingPredictorTest {

  private final ScalingPredictor predictor = new ScalingPredictor();

  @ParameterizedTest
  @CsvSource({
    // cpu, memory, response, cpu scale, memory scale, response scale, overall, action
    "0.9, 0.9, 3.0, 1.4, 1.225, 1.45, 1.35833, scale_up",
    "0.5, 0.5, 1.0, 1.0, 1.0, 1.0, 1.0, maintain",
    "0.1, 0.1, 0.1, 0.9, 0.91, 0.92, 0.91, scale_down",
    "1.0, 1.0, 9.0, 1.6, 1.375, 1.5, 1.49167, scale_up",
  })
  void appliesDefaultPolicy(
      double cpu,
      double memory,
      double response,
      double cpuScale,
      double memoryScale,
      double responseScale,
      double overall,
      String action) {
    Map<?, ?> reply =
        answer(
            "{\"cpu_avg\": %s, \"memory_avg\": %s, \"response_time\": %s}"
                .formatted(cpu, memory, response));
    assertThat((Double) reply.get("cpu_scale")).isCloseTo(cpuScale, Offset.offset(1e-9));
    assertThat((Double) reply.get("memory_scale")).isCloseTo(memoryScale, Offset.offset(1e-9));
    assertThat((Double) reply.get("response_scale")).isCloseTo(responseScale, Offset.offset(1e-9));
    assertThat((Double) reply.get("overall_scale")).isCloseTo(overall, Offset.offset(1e-5));
    assertThat(reply.get("confidence")).isEqualTo(1.0);
    assertThat(reply.get("action")).isEqualTo(action);
    assertThat(reply.containsKey("recommended_replicas")).isFalse();
  }

  @ParameterizedTest
  @CsvSource({
    "0.9, 0.9, 3.0, 4, 1, 100, 6", // ceil(4 * 0.9 / 0.6)
    "0.9, 0.9, 3.0, 4, 1, 5, 5",
    "0.5, 0.5, 1.0, 4, 1, 100, 4", // maintain
    "0.1, 0.1, 0.1, 8, 1, 100, 2", // ceil(8 * 0.1 / 0.6)
    "0.1, 0.1, 0.1, 8, 3, 100, 3",
  })
  void recommendsReplicasWithinBounds(
      double cpu, double memory, double response, int current, int min, int max, int expected) {
    Map<?, ?> reply =
        answer(
            ("{\"cpu_avg\": %s, \"memory_avg\": %s, \"response_time\": %s,"
                    + " \"current_replicas\": %d, \"min_replicas\": %d, \"max_replicas\": %d}")
                .formatted(cpu, memory, response, current, min, max));
    assertThat(reply.get("recommended_replicas")).isEqualTo(expected);
  }

  @Test
  void monitorsOnlyWithSingleMetric() {
    Map<?, ?> reply = answer("{\"cpu_avg\": 0.99, \"current_replicas\": 3}");
    assertThat((Double) reply.get("confidence")).isCloseTo(1 / 3.0, Offset.offset(1e-12));
    assertThat(reply.get("action")).isEqualTo("monitor");
    assertThat(reply.get("recommended_replicas")).isEqualTo(3);
  }

  @Test
  void extrapolatesRisingHistory() {
    String history =
        IntStream.range(0, 60)
            .mapToObj(
                i ->
                    "{\"timestamp\": %d, \"cpu_avg\": %s, \"memory_avg\": 0.5}"
                        .formatted(i * 10, 0.3 + i * 0.005))
            .collect(Collectors.joining(",", "{\"history\": [", "], \"horizon_s\": 200}"));
    Map<?, ?> reply = answer(history);
    Map<?, ?> forecast = (Map<?, ?>) ((Map<?, ?>) reply.get("forecast")).get("cpu_avg");
    assertThat((Double) forecast.get("value")).isCloseTo(0.3 + 79 * 0.005, Offset.offset(1e-6));
    assertThat((Double) forecast.get("low")).isLessThanOrEqualTo((Double) forecast.get("value"));
    assertThat((Double) reply.get("confidence")).isCloseTo(2 / 3.0, Offset.offset(1e-6));
  }

  @Test
  void aSpikeDoesNotMoveTheForecast() {
    // At noon of the sixth of eight days, once, a spike of a hundred times the usual value.
    Map<?, ?> forecast =
        forecast(8 * 24, 3_600, 3_600, hour -> hour == 132 ? 3_000 : 30 + hour % 3);
    assertThat((Double) forecast.get("value")).isBetween(29.0, 33.0);
    assertThat((Double) forecast.get("high")).isLessThan(40);
  }

  @Test
  void forecastsTheWeekendFromTheWeekendBefore() {
    // Four weeks and five days: Saturday follows.
    Map<?, ?> forecast =
        forecast(33 * 24, 3_600, 86_400, hour -> hour / 24 % 7 < 5 ? 80 + hour % 24 : 20);
    assertThat((Double) forecast.get("value")).isBetween(18.0, 22.0);
  }

  @Test
  void forecastsADayFromMinutes() {
    Map<?, ?> forecast =
        forecast(7 * 1_440, 60, 86_400, minute -> 50 + 40 * Math.sin(2 * Math.PI * minute / 1_440));
    assertThat((Double) forecast.get("value")).isCloseTo(50, Offset.offset(5.0));
  }

  private Map<?, ?> forecast(int points, int step, int horizon, IntToDoubleFunction value) {
    String history =
        IntStream.range(0, points)
            .mapToObj(
                i ->
                    "{\"timestamp\": %d, \"load\": %s}"
                        .formatted(1_700_000_000L + (long) i * step, value.applyAsDouble(i)))
            .collect(
                Collectors.joining(",", "{\"history\": [", "], \"horizon_s\": " + horizon + "}"));
    return (Map<?, ?>) ((Map<?, ?>) answer(history).get("forecast")).get("load");
  }

  @Test
  void forecastsAnyMetricOverGapsAndMilliseconds() {
    String history =
        IntStream.range(0, 60)
                .mapToObj(
                    i ->
                        "{\"timestamp\": %d, \"pod\": \"a\", \"queue\": %s}"
                            .formatted(
                                1_700_000_000_000L + i * 10_000L,
                                i % 7 == 3 ? "null" : -30 + 2 * i))
                .collect(
                    Collectors.joining(
                        ",", "{\"history\": [", "], \"horizon_s\": 200, \"ignore\": [\"pod\"],"))
            + "\"current_replicas\": 3}";
    Map<?, ?> reply = answer(history);
    Map<?, ?> forecast = (Map<?, ?>) ((Map<?, ?>) reply.get("forecast")).get("queue");
    assertThat((Double) forecast.get("value")).isCloseTo(-30 + 2 * 79, Offset.offset(1e-3));
    assertThat(((Map<?, ?>) reply.get("summary")).get("missing")).isEqualTo(9L);
    assertThat(reply.get("action")).isEqualTo("monitor");
    assertThat(reply.get("recommended_replicas")).isEqualTo(3);
    assertThat(reply.containsKey("overall_scale")).isFalse();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          {"cpu_avg": 85} | cpu_avg: found 85, expected a number from 0 to 1
          {"cpu_avg": 0.5, "current_replicas": 1.5} | current_replicas: found 1.5
          {"cpu_avg": 0.5, "min_replicas": 5, "max_replicas": 2} | min_replicas: found 5
          {"cpu_avg": 0.5, "horizon_s": 10} | horizon_s: found it without history
          {"cpu_avg": 0.5, "history": [{"timestamp": 1, "cpu_avg": 1}]} | cpu_avg: found it together with history
          {"history": []} | history: found an empty list
          {"history": [{"cpu_avg": 0.5}]} | history[0].timestamp: found nothing
          {"history": [{"timestamp": 1}]} | history[0]: found no metric
          {"history": [{"timestamp": 1, "cpu_avg": 0.5}, {"timestamp": 2}], "missing": "refuse"} | history[1].cpu_avg: found no value
          {"history": [{"timestamp": 1, "cpu_avg": 38.1}]} | history[0].cpu_avg: found 38.1, expected a number from 0 to 1
          {"history": [{"timestamp": 1, "cpu_avg": 0.5, "pod": "a"}]} | history[0].pod: found the string "a"
          {"history": [1]} | history[0]: found 1, expected an object
          {"cpu_avg": 0.5, "ignore": ["pod"]} | ignore: found it without history
          {"history": [{"timestamp": 1, "cpu_avg": 0.5}], "horizon_s": 0} | horizon_s: found 0
          {"request_rate": 5} | body: found no metric
          {"load": 1} | load: found an unknown field
          """)
  void rejectsInvalidRequestWithPathAndReason(String body, String message) {
    Map<?, ?> reply = answer(body);
    assertThat(reply.get("code")).isEqualTo("invalid_field");
    assertThat((String) reply.get("error")).startsWith(message);
  }

  private Map<?, ?> answer(String body) {
    return (Map<?, ?>) predictor.call(body).body();
  }

  private static Map<String, Tensor> infer(Map<String, Object> parameters, Tensor... inputs) {
    Map<String, Tensor> named =
        Stream.of(inputs).collect(Collectors.toMap(Tensor::name, Function.identity()));
    return new ScalingPredictor()
        .infer(new Inference(named, parameters, 100)).stream()
            .collect(Collectors.toMap(Tensor::name, Function.identity()));
  }

  @Test
  void judgesTensorsAsItsOwnRequests() {
    Map<String, Tensor> now =
        infer(
            Map.of("current_replicas", 4L),
            Tensor.of("cpu_avg", 0.9),
            Tensor.of("memory_avg", 0.9),
            Tensor.of("response_time", 2.0));
    assertThat(now.get("action").texts()).containsExactly("scale_up");
    assertThat(now.get("recommended_replicas").longs()[0]).isGreaterThan(4);
    double[] times = IntStream.range(0, 40).mapToDouble(i -> 1e9 + 60 * i).toArray();
    double[] load = IntStream.range(0, 40).mapToDouble(i -> 0.5).toArray();
    Map<String, Tensor> later =
        infer(
            Map.of("horizon_s", 600L), Tensor.of("timestamps", times), Tensor.of("cpu_avg", load));
    assertThat(later)
        .containsKeys("action", "confidence", "cpu_scale")
        .doesNotContainKey("recommended_replicas");
  }

  @Test
  void refusesTensorsThatAreNoMeasurements() {
    assertRefused("at least one of", Map.of());
    assertRefused("cpu_avg", Map.of(), Tensor.of("cpu_avg", 38.1));
    assertRefused("one, or a history", Map.of(), Tensor.of("cpu_avg", 0.1, 0.2));
    assertRefused(
        "as many as timestamps",
        Map.of(),
        Tensor.of("cpu_avg", 0.1, 0.2),
        Tensor.of("timestamps", 1.0));
    assertRefused("current_replicas", Map.of("current_replicas", 1.5), Tensor.of("cpu_avg", 0.1));
    assertRefused(
        "min_replicas", Map.of("min_replicas", 5L, "max_replicas", 2L), Tensor.of("cpu_avg", 0.1));
    assertRefused("horizon_s", Map.of("horizon_s", 0L), Tensor.of("cpu_avg", 0.1));
  }

  private static void assertRefused(
      String message, Map<String, Object> parameters, Tensor... inputs) {
    assertThatThrownBy(() -> infer(parameters, inputs))
        .isInstanceOf(Inference.Refused.class)
        .hasMessageContaining(message);
  }
}
