package ai.seedcore.serve.salience;

import ai.seedcore.serve.contract.Endpoint;
import ai.seedcore.serve.contract.Endpoint.Description;
import ai.seedcore.serve.contract.Fields;
import ai.seedcore.serve.contract.Limits;
import ai.seedcore.serve.contract.Range;
import ai.seedcore.serve.contract.Refusal;
import java.time.Clock;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/** Scores events, or a text, from 0 (ignore) to 1 (look at once). */
public final class SalienceScorer {

  private static final Set<String> KNOWN =
      Set.of("features", "top_k", "explain", "text", "context");
  private static final String MODEL = "formula";
  private static final Description DESCRIPTION =
      new Description(
          "SalienceScorer",
          MODEL,
          "1",
          Map.of("features", List.of(Map.of("task_risk", 0.9, "failure_severity", 0.8))));

  private final Limits limits;
  private final Endpoint endpoint;

  /** As Serve makes it. */
  public SalienceScorer() {
    this(Limits.DEFAULT, Clock.systemUTC());
  }

  SalienceScorer(Limits limits, Clock clock) {
    this.limits = limits;
    this.endpoint = new Endpoint(DESCRIPTION, KNOWN, limits, clock, this::score);
  }

  /** Answers one request; the name and the types are those that Serve calls. */
  public Object call(@Nullable Object body) {
    return endpoint.answer(body);
  }

  /** Whether the model can answer; Serve asks every few seconds. */
  public boolean checkHealth() {
    return true;
  }

  private Map<String, Object> score(Fields request) throws Refusal {
    if (request.has("text")) {
      return scoreText(request);
    }
    if (request.has("context")) {
      throw new Refusal(
          Refusal.Code.INVALID_FIELD, "context: found without text, expected beside text only");
    }
    return scoreFeatures(request);
  }

  private Map<String, Object> scoreText(Fields request) throws Refusal {
    for (String other : List.of("features", "top_k", "explain")) {
      if (request.has(other)) {
        throw new Refusal(
            Refusal.Code.INVALID_FIELD,
            "%s: found beside text, expected either text or features".formatted(other));
      }
    }
    String text = request.text("text", limits.textCharacters());
    double priority = 5;
    if (request.has("context")) {
      priority =
          request.object("context", Set.of("priority")).number("priority", Range.of(1, 10), 5);
    }
    long words = text.isBlank() ? 0 : text.strip().split("\\s+").length;
    Map<String, Object> reply = new LinkedHashMap<>();
    reply.put("score", Math.min(1, words / 100.0) * priority / 10);
    reply.put("model", "text_length");
    return reply;
  }

  private Map<String, Object> scoreFeatures(Fields request) throws Refusal {
    if (!request.has("features")) {
      throw new Refusal(
          Refusal.Code.INVALID_FIELD, "features: found nothing, expected features or text");
    }
    JsonNode list = request.list("features", limits.items());
    int topK = request.integer("top_k", 1, Integer.MAX_VALUE, 0);
    boolean explain = request.flag("explain", false);
    List<Object> scores = new ArrayList<>(list.size());
    List<Object> explanations = new ArrayList<>();
    int index = 0;
    for (JsonNode node : list) {
      double[] event = Features.read(Fields.of(node, "features[" + index++ + "]", Features.NAMES));
      scores.add(SalienceFormula.score(event));
      if (explain) {
        explanations.add(SalienceFormula.terms(event));
      }
    }
    Map<String, Object> reply = new LinkedHashMap<>();
    reply.put("scores", scores);
    if (topK > 0) {
      reply.put("top", top(scores, topK));
    }
    if (explain) {
      reply.put("explanations", explanations);
    }
    reply.put("model", MODEL);
    return reply;
  }

  private static List<Object> top(List<Object> scores, int most) {
    List<Object> top = new ArrayList<>();
    IntStream.range(0, scores.size())
        .boxed()
        // The sort is stable: equal scores keep the order of their indices.
        .sorted(Comparator.comparingDouble((Integer i) -> (Double) scores.get(i)).reversed())
        .limit(most)
        .forEach(i -> top.add(Map.of("index", i, "score", scores.get(i))));
    return top;
  }
}
