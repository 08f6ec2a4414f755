package ai.seedcore.serve.salience;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.seedcore.serve.api.Datatype;
import ai.seedcore.serve.api.Inference;
import ai.seedcore.serve.api.Tensor;
import ai.seedcore.serve.contract.Limits;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Map;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SalienceScorerTest {

  private final SalienceScorer scorer =
      new SalienceScorer(
          new Formula(),
          new Limits(2_000, 3, 10, 20, 4, 2_000),
          Clock.fixed(Instant.ofEpochMilli(1_500), ZoneOffset.UTC));

  @Test
  void scoresEventsByFormula() {
    Map<?, ?> reply =
        answer(
            """
            {"features": [
              {"task_risk": 0.9, "failure_severity": 0.8, "agent_capability": 0.7,
               "system_load": 0.1, "memory_usage": 0.2, "cpu_usage": 0.6,
               "user_impact": 1, "business_criticality": 0.5},
              {}]}
            """);
    assertThat(reply.get("status")).isEqualTo("success");
    assertThat((List<?>) reply.get("scores"))
        .satisfiesExactly(
            // 0.4*0.9*0.8 + 0.2*0.7 + 0.2*0.3 + 0.2*0.75, and all defaults
            score -> assertThat((Double) score).isCloseTo(0.638, within(1e-12)),
            score -> assertThat((Double) score).isCloseTo(0.4, within(1e-12)));
    assertThat(reply.get("model")).isEqualTo("formula");
    assertThat(reply.get("model_version")).isEqualTo("1");
    assertThat(reply.get("timestamp")).isEqualTo(1.5);
  }

  @Test
  void topIsSortedByScoreThenIndex() {
    Map<?, ?> reply =
        answer("{\"features\": [{}, {\"user_impact\": 1}, {}], \"top_k\": 9, \"explain\": true}");
    assertThat((List<?>) reply.get("top"))
        .extracting(entry -> ((Map<?, ?>) entry).get("index"))
        .isEqualTo(List.of(1, 0, 2));
    assertThat((List<?>) reply.get("explanations")).hasSize(3);
    Map<?, ?> terms = (Map<?, ?>) ((List<?>) reply.get("explanations")).get(1);
    double sum = terms.values().stream().mapToDouble(term -> (Double) term).sum();
    assertThat(sum).isCloseTo((Double) ((List<?>) reply.get("scores")).get(1), within(1e-12));
  }

  @Test
  void scoresTextByLengthAndPriority() {
    assertThat(answer("{\"text\": \"a b c d\"}").get("score")).isEqualTo(0.04 * 5 / 10);
    Map<?, ?> reply = answer("{\"text\": \"a b\", \"context\": {\"priority\": 10}}");
    assertThat(reply.get("score")).isEqualTo(0.02);
    assertThat(reply.get("model")).isEqualTo("text_length");
  }

  @Test
  void answersEmptyBodyWithDescription() {
    Map<?, ?> reply = (Map<?, ?>) scorer.call("").body();
    assertThat(reply.get("status")).isEqualTo("success");
    assertThat(reply.get("name")).isEqualTo("SalienceScorer");
    assertThat(reply.containsKey("example")).isTrue();
    assertThat(reply.containsKey("limits")).isTrue();
    assertThat(((Map<?, ?>) scorer.call(null).body()).get("status")).isEqualTo("success");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          {"features": [{"task_risk": 1.5}]} | invalid_field | features[0].task_risk: found 1.5, expected a number from 0 to 1
          {"features": [{}, {"task_risk": "0.5"}]} | invalid_field | features[1].task_risk: found the string "0.5"
          {"features": [{"task_risk": true}]} | invalid_field | features[0].task_risk: found true
          {"features": [{"task_risk": true}]} | invalid_field | features[0].task_risk: found true
          {"features": [{"response_time": 1e999}]} | invalid_field | features[0].response_time
          {"features": [{"response_time": -1}]} | invalid_field | features[0].response_time: found -1
          {"features": [{"risk": 1}]} | invalid_field | features[0].risk: found an unknown field
          {"features": [], "top_k": 1} | invalid_field | features: found an empty list
          {"features": {}} | invalid_field | features: found an object
          {"features": [3]} | invalid_field | features[0]: found 3, expected an object
          {"features": [{}], "top_k": 0} | invalid_field | top_k: found 0
          {"features": [{}], "top_k": 1.5} | invalid_field | top_k: found 1.5
          {"features": [{}], "explain": 1} | invalid_field | explain: found 1, expected true or false
          {"features": [{}], "text": "a"} | invalid_field | features: found it together with text
          {"text": ""} | invalid_field | text: found the string ""
          {"text": 5} | invalid_field | text: found 5
          {"text": "a", "context": {"priority": 11}} | invalid_field | context.priority: found 11
          {"text": "a", "context": {"prio": 1}} | invalid_field | context.prio: found an unknown field
          {"context": {}, "features": [{}]} | invalid_field | context: found it without text
          {} | invalid_field | features: found nothing
          {"points": 1} | invalid_field | points: found an unknown field
          [] | invalid_field | body: found a list, expected an object
          {"features": 5} x | invalid_json | body: found
          {"features": 5, "features": 6} | invalid_json | body: found
          5 6 | invalid_json | body: found
          {"features": [{}]} x | invalid_json | body: found
          {"features": [{}], "features": [{}]} | invalid_json | body: found
          {"features": [{"task_risk": NaN}]} | invalid_json | body: found
          {"features": [{}] | invalid_json | body: found
          {"features": [{},{},{},{}]} | too_large | features: found more than 3 entries, expected at most 3
          {"text": "aaaaaaaaaaaaaaaaaaaaa"} | too_large | text: found 21 characters, expected at most 20
          """)
  void rejectsInvalidRequestWithPathAndReason(String body, String code, String message) {
    Map<?, ?> reply = answer(body);
    assertThat(reply.get("status")).isEqualTo("error");
    assertThat(reply.get("code")).isEqualTo(code);
    assertThat((String) reply.get("error")).startsWith(message);
    assertThat(reply.containsKey("timestamp")).isTrue();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{\"features\": [{}]}|200",
        "''|200",
        "{|400",
        "{\"features\": 5}|422",
        "{\"text\": \"aaaaaaaaaaaaaaaaaaaaa\"}|413"
      })
  void setsTheStatusOfItsResponse(String body, int status) {
    assertThat(scorer.call(body).status()).isEqualTo(status);
  }

  @Test
  void limitsDepthAndSize() {
    assertThat(answer("[".repeat(33) + "]".repeat(33)).get("code")).isEqualTo("invalid_json");
    assertThat(answer("[".repeat(32) + "]".repeat(32)).get("code")).isEqualTo("invalid_field");
    assertThat(answer(" ".repeat(1_999) + "{}").get("code")).isEqualTo("too_large");
    // 700 characters of three bytes each are more than 2,000 bytes.
    assertThat(answer("\"" + "€".repeat(700) + "\"").get("code")).isEqualTo("too_large");
  }

  private Map<?, ?> answer(String body) {
    return (Map<?, ?>) scorer.call(body).body();
  }

  private static Offset<Double> within(double offset) {
    return Offset.offset(offset);
  }

  private static Tensor features(int events, double... values) {
    return Tensor.of("features", Datatype.FP64, List.of(events, 12), values);
  }

  @Test
  void scoresTensorsAsItsOwnRequestsAndTakesDefaultsForNaN() {
    SalienceScorer scorer = new SalienceScorer("{\"limits\": {\"items\": 2}}");
    double nan = Double.NaN;
    Tensor events = features(1, 0.9, 0.8, nan, nan, nan, nan, nan, nan, nan, nan, nan, nan);
    List<Tensor> outputs = scorer.infer(new Inference(Map.of("features", events), Map.of(), 96));
    assertThat(outputs.get(0).doubles()[0]).isEqualTo(0.588, Offset.offset(1e-9));
    for (Tensor bad :
        List.of(
            features(0),
            features(3, new double[36]),
            features(1, 38.1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0))) {
      assertThatThrownBy(() -> scorer.infer(new Inference(Map.of("features", bad), Map.of(), 96)))
          .isInstanceOf(Inference.Refused.class)
          .hasMessageStartingWith("features");
    }
  }
}
