package ai.seedcore.serve.anomaly;

import static org.assertj.core.api.Assertions.assertThat;

import ai.seedcore.serve.contract.Limits;
import java.time.Clock;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class AnomalyDetectorTest {

  private final AnomalyDetector detector =
      new AnomalyDetector(new Limits(1 << 20, 10, 200, 100, 4, 1 << 20), Clock.systemUTC());

  @Test
  void knownMetricsAreJudgedByTheirLimits() {
    Map<?, ?> reply =
        answer("{\"data\": [{\"cpu_usage\": 0.79}, {\"cpu_usage\": 0.80}, {\"cpu_usage\": 0.95}]}");
    assertThat(severities(reply)).isEqualTo("1:warning 2:critical");
    assertThat(reply.get("summary"))
        .isEqualTo(
            Map.of("total", 3, "warning", 1, "critical", 1, "normal", 1, "anomaly_rate", 2 / 3.0));
    assertThat(reply.get("judges")).isEqualTo(List.of("thresholds"));
    assertThat(first(reply).get("reasons").toString()).contains("threshold: cpu_usage 0.8");
  }

  @Test
  void aSpikeIsFoundByThoseBeforeItAndTimestampsComeBack() {
    String points =
        IntStream.range(0, 30)
            .mapToObj(
                i ->
                    "{\"timestamp\": %d, \"queue\": %s}"
                        .formatted(1_000 + i, i == 20 ? "90" : Integer.toString(10 + i % 3)))
            .collect(Collectors.joining(","));
    Map<?, ?> reply = answer("{\"data\": [" + points + "]}");
    assertThat(severities(reply)).isEqualTo("20:critical");
    assertThat(first(reply).get("timestamp")).isEqualTo(1_020.0);
    assertThat(reply.get("judges")).isEqualTo(List.of("robust"));
    assertThat((List<?>) reply.get("scores"))
        .allSatisfy(score -> assertThat((Double) score).isBetween(0.0, 1.0));
  }

  @Test
  void whatComesLaterChangesNoScore() {
    List<?> all = (List<?>) answer(series(40)).get("scores");
    List<?> some = (List<?>) answer(series(25)).get("scores");
    assertThat(all.subList(0, 25)).isEqualTo(some);
  }

  @Test
  void aConstantSeriesIsNormal() {
    Map<?, ?> reply = answer("{\"data\": [" + "5,".repeat(99) + "5]}");
    assertThat((List<?>) reply.get("anomalies")).isEmpty();
    assertThat((List<?>) reply.get("scores")).allMatch(score -> score.equals(0.0));
  }

  @Test
  void moreSensitivityReportsNoLess() {
    String data = series(60);
    int few = anomalies(data.replace("}", ", \"sensitivity\": 0}"));
    int some = anomalies(data);
    int many = anomalies(data.replace("}", ", \"sensitivity\": 1}"));
    assertThat(few).isLessThanOrEqualTo(some);
    assertThat(some).isLessThanOrEqualTo(many);
    assertThat(few).isLessThan(many);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          {"data": [1, "2"]} | data[1]: found the text "2"
          {"data": [1, {"a": 1}]} | data[1]: found an object
          {"data": [{"a": 1}, {"b": 1}]} | data[1].b: found a field that data[0] does not have
          {"data": [{"a": 1, "c": 2}, {"a": 1}]} | data[1].c: found nothing
          {"data": [{"a": 1}, {"a": 1, "b": 1}]} | data[1].b: found a field that data[0] does not have
          {"data": [{"a": 1}, {"a": 1, "timestamp": 1}]} | data[1].timestamp: found a field that data[0] does not have
          {"data": [{"timestamp": 1}]} | data[0]: found no metric
          {"data": [{"timestamp": 2, "a": 1}, {"timestamp": 1, "a": 1}]} | data[1].timestamp: found 1, expected no time before
          {"data": [{"timestamp": "noon", "a": 1}]} | data[0].timestamp: found the text "noon"
          {"data": [1e999]} | data[0]: found
          {"data": []} | data: found an empty list
          {"data": [1], "sensitivity": 2} | sensitivity: found 2
          {"data": [1], "window": 2} | window: found an unknown field
          {} | data: found nothing
          """)
  void aBadRequestIsToldWhereAndWhy(String body, String message) {
    Map<?, ?> reply = answer(body);
    assertThat(reply.get("code")).isEqualTo("invalid_field");
    assertThat((String) reply.get("error")).startsWith(message);
  }

  @Test
  void tooManyPointsAreTooLarge() {
    assertThat(answer("{\"data\": [" + "1,".repeat(200) + "1]}").get("code"))
        .isEqualTo("too_large");
  }

  private static String series(int points) {
    return IntStream.range(0, points)
        .mapToObj(
            i -> Double.toString(Math.sin(i * 12.9898) * 43_758.5453 % 1 + (i % 17 == 0 ? 3 : 0)))
        .collect(Collectors.joining(",", "{\"data\": [", "]}"));
  }

  private int anomalies(String body) {
    return ((List<?>) answer(body).get("anomalies")).size();
  }

  private static String severities(Map<?, ?> reply) {
    return ((List<?>) reply.get("anomalies"))
        .stream()
            .map(entry -> (Map<?, ?>) entry)
            .map(entry -> entry.get("index") + ":" + entry.get("severity"))
            .collect(Collectors.joining(" "));
  }

  private static Map<?, ?> first(Map<?, ?> reply) {
    return (Map<?, ?>) ((List<?>) reply.get("anomalies")).get(0);
  }

  private Map<?, ?> answer(String body) {
    return (Map<?, ?>) detector.call(body);
  }
}
