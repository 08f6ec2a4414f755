package ai.seedcore.serve.anomaly;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assertions.assertTimeout;

import ai.seedcore.serve.api.Datatype;
import ai.seedcore.serve.api.Inference;
import ai.seedcore.serve.api.Tensor;
import java.time.Duration;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class AnomalyDetectorTest {

  private final AnomalyDetector detector = new AnomalyDetector("{\"limits\": {\"points\": 2000}}");

  @Test
  void appliesThresholdsToKnownMetrics() {
    Map<?, ?> reply =
        answer("{\"data\": [{\"cpu_usage\": 0.79}, {\"cpu_usage\": 0.80}, {\"cpu_usage\": 0.95}]}");
    assertThat(severities(reply)).isEqualTo("1:warning 2:critical");
    assertThat(reply.get("summary"))
        .isEqualTo(
            Map.of(
                "total",
                3,
                "warning",
                1,
                "critical",
                1,
                "normal",
                1,
                "anomaly_rate",
                2 / 3.0,
                "missing",
                0L));
    assertThat(reply.get("judges")).isEqualTo(List.of("thresholds"));
    assertThat(first(reply).get("reasons").toString()).contains("threshold: cpu_usage 0.8");
  }

  @Test
  void reportsSpikeWithItsTimestamp() {
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
  void laterPointsDoNotChangeScores() {
    List<?> all = (List<?>) answer(series(700)).get("scores");
    List<?> some = (List<?>) answer(series(333)).get("scores");
    assertThat(all.subList(0, 333)).isEqualTo(some);
  }

  @Test
  void constantSeriesIsNormal() {
    Map<?, ?> reply = answer("{\"data\": [" + "5,".repeat(99) + "5]}");
    assertThat((List<?>) reply.get("anomalies")).isEmpty();
    assertThat((List<?>) reply.get("scores")).allMatch(score -> score.equals(0.0));
  }

  @Test
  void higherSensitivityReportsMoreAnomalies() {
    String data = series(600);
    int few = anomalies(data.replace("}", ", \"sensitivity\": 0}"));
    int some = anomalies(data);
    int many = anomalies(data.replace("}", ", \"sensitivity\": 1}"));
    assertThat(few).isLessThanOrEqualTo(some);
    assertThat(some).isLessThanOrEqualTo(many);
    assertThat(few).isLessThan(many);
  }

  @Test
  void namesOnlyMethodsThatJudged() {
    String point = "{\"queue\": %d, \"load\": %s}";
    String alone =
        IntStream.range(0, 200)
            .mapToObj(i -> point.formatted(i % 7, "null"))
            .collect(Collectors.joining(","));
    String both =
        IntStream.range(0, 200)
            .mapToObj(i -> point.formatted(i % 7, i % 5))
            .collect(Collectors.joining(","));
    assertThat(answer("{\"data\": [" + alone + "]}").get("judges")).isEqualTo(List.of("robust"));
    assertThat(answer("{\"data\": [" + both + "]}").get("judges"))
        .isEqualTo(List.of("robust", "joint"));
  }

  @Test
  void dailyPeakIsNormalOnlyAtItsTime() {
    double[] day = IntStream.range(0, 600).mapToDouble(AnomalyDetectorTest::daily).toArray();
    assertThat((List<?>) answer(body(day)).get("anomalies")).isEmpty();
    day[548] = day[500]; // A peak value outside the peak.
    Map<?, ?> reply = answer(body(day));
    assertThat(severities(reply)).startsWith("548:");
    assertThat(first(reply).get("reasons").toString()).contains("period of 96 points");
    assertThat(reply.get("judges")).isEqualTo(List.of("robust"));
  }

  @Test
  void detectsBrokenCorrelation() {
    String points =
        IntStream.range(0, 600)
            .mapToObj(
                i -> {
                  // Neither value is unusual by itself.
                  double drive = i == 555 ? 1.2 : noise(i);
                  double other = i == 555 ? -drive : drive;
                  return "{\"a\": %s, \"b\": %s}".formatted(drive, 10 * other + 0.1 * noise(-i));
                })
            .collect(Collectors.joining(",", "[", "]"));
    List<?> scores = (List<?>) answer("{\"data\": " + points + "}").get("scores");
    double broken = (Double) scores.get(555);
    long higher = scores.stream().skip(64).filter(score -> (Double) score > broken).count();
    assertThat(higher).isLessThan(6);
  }

  @Test
  void scoresOfExtremesIncreaseBelowOne() {
    double[] quiet = IntStream.range(0, 400).mapToDouble(AnomalyDetectorTest::noise).toArray();
    double before = 0;
    for (double size : new double[] {10, 100, 1e4, 1e8, 1e12}) {
      double[] values = quiet.clone();
      values[399] = size;
      double score = (Double) ((List<?>) answer(body(values)).get("scores")).get(399);
      assertThat(score).isGreaterThan(before).isLessThan(1);
      before = score;
    }
  }

  @Test
  void reportsNewLevelOnlyAtItsStart() {
    double[] values =
        IntStream.range(0, 600).mapToDouble(i -> noise(i) + (i < 300 ? 0 : 30)).toArray();
    List<Integer> found = indices(answer(body(values)));
    assertThat(found).contains(300);
    assertThat(found).allMatch(index -> index >= 300 && index < 315);
  }

  @Test
  void scoresExtremeValuesWithFiniteNumbers() {
    double[] values = IntStream.range(0, 300).mapToDouble(AnomalyDetectorTest::noise).toArray();
    values[20] = Double.MAX_VALUE;
    values[150] = -Double.MAX_VALUE;
    values[151] = Double.MAX_VALUE;
    values[200] = Double.MIN_VALUE;
    Map<?, ?> reply = answer(body(values));
    assertThat(indices(reply)).contains(20, 150, 151).doesNotContain(200);
    assertThat((List<?>) reply.get("scores"))
        .allSatisfy(score -> assertThat((Double) score).isBetween(0.0, 1.0));
  }

  @Test
  void missingAndRepeatedPointsAreNormal() {
    StringBuilder points = new StringBuilder("{\"data\": [");
    for (int i = 0; i < 700; i++) {
      if (i % 97 == 5 || (i > 400 && i < 420)) {
        continue;
      }
      String point = "{\"timestamp\": %d, \"q\": %s}".formatted(60 * i, daily(i));
      points.append(points.length() > 20 ? "," : "").append(point);
      points.append(i % 89 == 7 ? "," + point : "");
    }
    assertThat((List<?>) answer(points.append("]}").toString()).get("anomalies")).isEmpty();
  }

  @Test
  void readsThresholdsFromOptions() {
    AnomalyDetector strict =
        new AnomalyDetector("{\"thresholds\": {\"queue\": {\"warning\": 5, \"critical\": 9}}}");
    Map<?, ?> reply =
        (Map<?, ?>)
            strict.call("{\"data\": [{\"queue\": 4}, {\"queue\": 5}, {\"queue\": 9}]}").body();
    assertThat(severities(reply)).isEqualTo("1:warning 2:critical");
    assertThatThrownBy(() -> new AnomalyDetector("{\"thresholds\": {\"q\": {\"warning\": 5}}}"))
        .hasMessageContaining("init_args[0].thresholds.q: found warning 5.0, critical NaN");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          {"data": [1, "2"]} | data[1]: found the string "2"
          {"data": [1, {"a": 1}]} | data[1]: found an object
          {"data": [{"a": 1}, {"b": 1}], "missing": "refuse"} | data[0].b: found no value
          {"data": [{"a": 1, "c": 2}, {"a": 1}], "missing": "refuse"} | data[1].c: found no value
          {"missing": "refuse", "data": [{"a": 1}, {"a": null}]} | data[1].a: found no value
          {"data": [1, null], "missing": "refuse"} | data[1]: found no value
          {"data": [1], "missing": "drop"} | missing: found the string "drop", expected "accept" or "refuse"
          {"data": [1], "ignore": "a"} | ignore: found the string "a", expected a list
          {"data": [{"a": 1, "host": "x"}]} | data[0].host: found the string "x"
          {"data": [{"a": 1}], "ignore": ["a"]} | data[0]: found no metric
          {"data": [{"cpu_usage": 38.1}]} | data[0].cpu_usage: found 38.1, expected a number from 0 to 1
          {"data": [{"a": 1}, {"a": 1, "timestamp": 1}]} | data[1].timestamp: found a timestamp, which data[0] does not have
          {"data": [{"a": 1, "timestamp": 1}, {"a": 1}]} | data[1].timestamp: found nothing
          {"data": [{"a": 1, "timestamp": null}]} | data[0].timestamp: found null
          {"data": [{"a": 1, "timestamp": "2014-02-30T00:00:00"}]} | data[0].timestamp: found the string
          {"data": [{"timestamp": 1}]} | data[0]: found no metric
          {"data": [{"timestamp": 2, "a": 1}, {"timestamp": 1, "a": 1}]} | data[1].timestamp: found 1, expected a time no earlier
          {"data": [{"timestamp": "noon", "a": 1}]} | data[0].timestamp: found the string "noon"
          {"data": [1e999]} | data[0]: found
          {"data": []} | data: found an empty list
          {"data": [1], "sensitivity": 2} | sensitivity: found 2
          {"data": [1], "window": 2} | window: found an unknown field
          {} | data: found nothing
          """)
  void rejectsInvalidRequestWithPathAndReason(String body, String message) {
    Map<?, ?> reply = answer(body);
    assertThat(reply.get("code")).isEqualTo("invalid_field");
    assertThat((String) reply.get("error")).startsWith(message);
  }

  @Test
  void aPointThatIsSentTwiceMayLackAMetricWithThresholds() {
    Map<?, ?> reply =
        answer(
            """
            {"data": [{"timestamp": 1, "queue": 5, "cpu_usage": 0.4}, {"timestamp": 2, "queue": 5},
              {"timestamp": 2, "queue": 5, "cpu_usage": null}, {"timestamp": 2, "queue": 5}]}
            """);
    assertThat(severities(reply)).isEmpty();
    assertThat(reply.get("scores")).isEqualTo(List.of(0.0, 0.0, 0.0, 0.0));
  }

  /** The examples of RFC 3339, 5.8, and what java.time refuses of its grammar. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "1985-04-12T23:20:50.52Z",
        "1996-12-19T16:39:57-08:00",
        "1990-12-31T23:59:60Z",
        "1990-12-31T15:59:60-08:00",
        "1937-01-01T12:00:27.87+00:20",
        "0000-01-01t00:00:00.123456789012z",
        "9999-12-31T23:59:59-23:59"
      })
  void readsTheTimestampsOfTheStandard(String timestamp) {
    Map<?, ?> reply = answer("{\"data\": [{\"timestamp\": \"" + timestamp + "\", \"a\": 1}]}");
    assertThat(reply.get("status")).isEqualTo("success");
  }

  @Test
  void aLeapSecondIsTheSecondAfterIt() {
    String points =
        "{\"data\": [{\"timestamp\": \"1990-12-31T23:59:60Z\", \"a\": 1}, {\"timestamp\": %s, \"a\": 1}]}";
    assertThat(answer(points.formatted("662688000")).get("status")).isEqualTo("success");
    assertThat(answer(points.formatted("662687999.9")).get("error").toString())
        .startsWith("data[1].timestamp");
  }

  @Test
  void missingValuesAreGaps() {
    StringBuilder data = new StringBuilder();
    for (int i = 0; i < 600; i++) {
      String value = i % 50 == 7 ? "null" : i == 500 ? "150" : Double.toString(daily(i));
      data.append(i == 0 ? "" : ",").append(value);
    }
    Map<?, ?> reply = answer("{\"data\": [" + data + "]}");
    assertThat(severities(reply)).isEqualTo("500:critical");
    assertThat(((Map<?, ?>) reply.get("summary")).get("missing")).isEqualTo(12L);
    assertThat(((List<?>) reply.get("scores")).get(7)).isEqualTo(0.0);
  }

  @Test
  void metricsMayBeginLaterAndTextIsIgnored() {
    StringBuilder data = new StringBuilder();
    for (int i = 0; i < 300; i++) {
      String late = i < 100 ? "" : ", \"late\": %s".formatted(i == 250 ? 99 : 5 + i % 3);
      data.append(i == 0 ? "" : ",")
          .append("{\"host\": \"a\", \"up\": true, \"q\": %d%s}".formatted(i % 4, late));
    }
    String body = "{\"data\": [" + data + "], \"ignore\": [\"host\", \"up\"]}";
    Map<?, ?> reply = answer(body);
    assertThat(severities(reply)).isEqualTo("250:critical");
    assertThat(((Map<?, ?>) reply.get("summary")).get("missing")).isEqualTo(100L);
    assertThat(answer(body.replace(", \"up\"]", "]")).get("error").toString())
        .startsWith("data[0].up: found true, expected a finite number");
  }

  @Test
  void timestampsMayBeIgnored() {
    String body = "{\"data\": [{\"timestamp\": \"foo\", \"a\": 1}, {\"a\": 2}], \"ignore\": [%s]}";
    assertThat(answer(body.formatted("\"timestamp\"")).get("status")).isEqualTo("success");
    assertThat(answer(body.formatted("")).get("error").toString())
        .startsWith("data[0].timestamp: found the string");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "1392388020",
        "1392388020000",
        "1392388020000000",
        "\"2014-02-14 14:27:00\"",
        "\"2014-02-14T14:27\"",
        "\"2014/02/14 14:27:00.000\"",
        "\"2014-02-14 15:27:00+01:00\"",
        "\"2014-02-14T14:27:00+0000\"",
        "\"2014-02-14 14:27:00 +0000\"",
        "\"2014-02-14T14:27:00Z\"",
        "\"2014-02-14T15:27:00+01[Europe/Paris]\""
      })
  void acceptsTimestampsAsTheyOccur(String time) {
    // A point at the same time, and one just before it, which is refused.
    String body = "{\"data\": [{\"timestamp\": %s, \"a\": 1}, {\"timestamp\": %s, \"a\": 1}]}";
    assertThat(answer(body.formatted(time, "1392388020")).get("status")).isEqualTo("success");
    assertThat(answer(body.formatted("1392388020", time)).get("status")).isEqualTo("success");
    assertThat(answer(body.formatted(time, "1392388019.9")).get("error").toString())
        .startsWith("data[1].timestamp");
  }

  @Test
  void reportsAnEventOnceAndItsMaximumOnly() {
    double[] values = IntStream.range(0, 900).mapToDouble(AnomalyDetectorTest::noise).toArray();
    for (int i = 0; i < 40; i++) {
      values[500 + i] += 30 + 10 * Math.sin(Math.PI * i / 40);
    }
    Map<?, ?> reply = answer(body(values));
    assertThat(indices(reply)).contains(500).allMatch(i -> i >= 500 && i < 510);
    List<?> scores = (List<?>) reply.get("scores");
    double highest = scores.stream().mapToDouble(s -> (Double) s).max().orElseThrow();
    assertThat(scores.subList(500, 540).indexOf(highest)).isBetween(0, 21);
    // After the peak, the scores are low.
    assertThat(scores.subList(522, 540)).allMatch(score -> (Double) score <= 0.5);
  }

  /** A hundred, but other values at some indices. */
  private static double[] hundred(int points, double spread, double... at) {
    Random random = new Random(5);
    double[] values =
        IntStream.range(0, points).mapToDouble(i -> 100 + spread * random.nextGaussian()).toArray();
    for (int i = 0; i < at.length; i += 2) {
      values[(int) at[i]] = at[i + 1];
    }
    return values;
  }

  @Test
  void anAnomalyDoesNotHideLaterOnes() {
    assertThat(indices(answer(body(hundred(2_000, 0, 700, 0, 1_500, 0))))).contains(700, 1_500);
    assertThat(indices(answer(body(hundred(2_000, 1, 300, 1e9, 1_200, 130, 1_600, 60)))))
        .contains(300, 1_200, 1_600);
    double[] lower = hundred(1_600, 1, 1_200, 130);
    for (int i = 0; i < 500; i++) {
      lower[i] *= 1e4; // The new level is learned without the variation of the previous one.
    }
    assertThat(indices(answer(body(lower)))).contains(500, 1_200);
  }

  @Test
  void reportsAnEventAgainWhenItGetsWorse() {
    double[] values = hundred(700, 1);
    for (int i = 400; i < 440; i++) {
      values[i] = 120;
    }
    values[420] = 180;
    values[430] = 1_000;
    assertThat(indices(answer(body(values)))).contains(400, 409, 420, 430).doesNotContain(411, 425);
    String insensitive = body(values).replace("}", ", \"sensitivity\": 0}");
    assertThat(indices(answer(insensitive))).contains(400, 430);
  }

  @Test
  void frequentSpikesBecomeUsual() {
    double[] values = hundred(2_000, 1);
    for (int i = 200; i < 2_000; i += 40) {
      values[i + i / 40 % 7] = 200;
    }
    List<Integer> found = indices(answer(body(values)));
    assertThat(found).hasSizeBetween(1, 20).allMatch(index -> index < 1_000);
  }

  @Test
  void levelShiftOfSeasonalSeriesIsReportedOnce() {
    double[] values = new double[2_000];
    for (int i = 0; i < values.length; i++) {
      values[i] = daily(i) + (i < 1_200 ? 0 : 40);
    }
    assertThat(indices(answer(body(values))))
        .contains(1_200)
        .allMatch(i -> i >= 1_200 && i < 1_260);
  }

  @Test
  void spikeIsNotExpectedOnePeriodLater() {
    double[] values = new double[250];
    for (int i = 0; i < values.length; i++) {
      values[i] = daily(i) + (i == 130 ? 300 : 0);
    }
    assertThat(indices(answer(body(values)))).isEqualTo(List.of(130));
  }

  @Test
  void metricsAreJudgedTogetherEvenIfTheFirstPointLacksOne() {
    StringBuilder data = new StringBuilder("{\"x\": 0}");
    for (int i = 1; i < 900; i++) {
      double x = noise(i);
      double y = i == 800 ? -2.5 : x + 0.05 * noise(-i);
      data.append(",{\"x\": %s, \"y\": %s}".formatted(i == 800 ? 2.5 : x, y));
    }
    assertThat(indices(answer("{\"data\": [" + data + "]}"))).contains(800);
  }

  @Test
  void duplicateOfAnAnomalyIsNotReportedAgain() {
    StringBuilder data = new StringBuilder();
    for (int i = 0; i < 250; i++) {
      String value = i < 200 ? Double.toString(noise(i)) : "200";
      data.append(i == 0 ? "" : ",")
          .append("{\"timestamp\": %d, \"m\": %s}".formatted(Math.min(i, 200), value));
    }
    assertThat(indices(answer("{\"data\": [" + data + "]}"))).isEqualTo(List.of(200));
  }

  @Test
  void manyMissingValuesCostLittle() {
    AnomalyDetector wide = new AnomalyDetector();
    String row =
        IntStream.range(0, 60)
            .mapToObj(i -> "\"m%d\": %d".formatted(i, i))
            .collect(Collectors.joining(",", "{", "}"));
    String body = "{\"data\": [" + row + ",{}".repeat(99_000) + "]}";
    assertTimeout(Duration.ofSeconds(10), () -> assertThat(wide.call(body)).isNotNull());
  }

  @Test
  void percentagesAreAcceptedIfTheirThresholdsArePercentages() {
    AnomalyDetector percent =
        new AnomalyDetector(
            "{\"thresholds\": {\"cpu_usage\": {\"warning\": 80, \"critical\": 95}}}");
    Map<?, ?> reply =
        (Map<?, ?>) percent.call("{\"data\": [{\"cpu_usage\": 38.1}, {\"cpu_usage\": 96}]}").body();
    assertThat(severities(reply)).isEqualTo("1:critical");
  }

  @Test
  void rejectsTooManyPoints() {
    assertThat(answer("{\"data\": [" + "1,".repeat(2_000) + "1]}").get("code"))
        .isEqualTo("too_large");
  }

  private static String series(int points) {
    return IntStream.range(0, points)
        .mapToObj(
            i -> Double.toString(Math.sin(i * 12.9898) * 43_758.5453 % 1 + (i % 17 == 0 ? 3 : 0)))
        .collect(Collectors.joining(",", "{\"data\": [", "]}"));
  }

  private static double noise(int i) {
    return new Random(i * 7_919L).nextGaussian();
  }

  private static double daily(int i) {
    return 50 + 20 * Math.sin(2 * Math.PI * i / 96) + noise(i);
  }

  private static String body(double[] values) {
    return "{\"data\": " + Arrays.toString(values) + "}";
  }

  private static List<Integer> indices(Map<?, ?> reply) {
    return ((List<?>) reply.get("anomalies"))
        .stream().map(entry -> (Integer) ((Map<?, ?>) entry).get("index")).toList();
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
    return (Map<?, ?>) detector.call(body).body();
  }

  private List<Tensor> infer(Map<String, Object> parameters, Tensor... inputs) {
    Map<String, Tensor> named = new LinkedHashMap<>();
    for (Tensor input : inputs) {
      named.put(input.name(), input);
    }
    return detector.infer(new Inference(named, parameters, 100));
  }

  private static Tensor data(int points, int metrics, double... values) {
    return Tensor.of("data", Datatype.FP64, List.of(points, metrics), values);
  }

  @Test
  void judgesTensorsAsItsOwnRequests() {
    List<Tensor> outputs =
        infer(
            Map.of("sensitivity", 0.5),
            data(3, 2, 0.79, 1, 0.80, Double.NaN, 0.95, 1),
            Tensor.of("metrics", "cpu_usage", "x"),
            Tensor.of("timestamps", 1e9, 1e9 + 60, 1e9 + 120));
    assertThat(outputs.get(0).shape()).containsExactly(3);
    assertThat(outputs.get(1).texts()).containsExactly("normal", "warning", "critical");
    assertThat(infer(Map.of(), data(2, 1, 1, 2)).get(1).texts()).containsOnly("normal");
  }

  @Test
  void refusesTensorsThatAreNoPoints() {
    assertRefused("at least one", Map.of(), data(0, 1));
    // A shape alone must not cost memory.
    assertRefused("50000000 metrics", Map.of(), data(0, 50_000_000));
    assertRefused("expected at most 2000", Map.of(), data(2_001, 1, new double[2_001]));
    assertRefused("1 names", Map.of(), data(1, 2, 1, 2), Tensor.of("metrics", "a"));
    assertRefused("2 different", Map.of(), data(1, 2, 1, 2), Tensor.of("metrics", "a", "a"));
    assertRefused("0 characters", Map.of(), data(1, 1, 1), Tensor.of("metrics", ""));
    assertRefused("as many as", Map.of(), data(1, 1, 1), Tensor.of("timestamps", 1.0, 2.0));
    assertRefused("no earlier", Map.of(), data(2, 1, 1, 1), Tensor.of("timestamps", 2.0, 1.0));
    assertRefused("sensitivity", Map.of("sensitivity", 2L), data(1, 1, 1));
    assertRefused("sensitivity", Map.of("sensitivity", "high"), data(1, 1, 1));
    assertRefused("data[0][0]", Map.of(), data(1, 1, 38.1), Tensor.of("metrics", "cpu_usage"));
  }

  private void assertRefused(String message, Map<String, Object> parameters, Tensor... inputs) {
    assertThatThrownBy(() -> infer(parameters, inputs))
        .isInstanceOf(Inference.Refused.class)
        .hasMessageContaining(message);
  }
}
