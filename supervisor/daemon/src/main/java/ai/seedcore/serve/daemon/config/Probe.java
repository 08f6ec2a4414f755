package ai.seedcore.serve.daemon.config;

import ai.seedcore.serve.base.ErrorCode;
import ai.seedcore.serve.base.Foreign;
import ai.seedcore.serve.base.http.Http.Answer;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * How to check that a route responds.
 *
 * @param body the body of a POST: JSON for an object or a list, a text as it is; null for a GET
 * @param expect fields that the response must contain, with these values; null if any response with
 *     status 200 will do
 * @param timeoutS seconds that the response may take; by default 3
 */
public record Probe(@Nullable JsonNode body, @Nullable JsonNode expect, Double timeoutS) {

  /** The default: a GET whose response must have status 200. */
  @SuppressWarnings("NullAway") // Null selects the default.
  public static final Probe PLAIN = new Probe(null, null, null);

  /** Fills in defaults and validates the rest. */
  @SuppressWarnings("NullAway") // Omitted values are null here and are replaced by their defaults.
  public Probe {
    timeoutS = timeoutS == null ? 3.0 : timeoutS;
    if (timeoutS < 0.1 || timeoutS > 600) {
      throw new IllegalArgumentException(
          "timeout_s: found %s, expected seconds from 0.1 to 600".formatted(timeoutS));
    }
    if (expect != null && !expect.isObject()) {
      throw new IllegalArgumentException("expect: found %s, expected an object".formatted(expect));
    }
  }

  /** Returns how long the response may take. */
  public Duration timeout() {
    return Duration.ofMillis(Math.round(timeoutS * 1_000));
  }

  /** Returns the request's body; null for a GET. */
  public @Nullable String bodyText() {
    return body == null ? null : text(body);
  }

  /** Returns the body of a request: JSON for an object or a list, a text as it is. */
  public static String text(JsonNode body) {
    return body.isString() ? body.stringValue() : body.toString();
  }

  /** Returns why a response is not the declared one; empty if it is. */
  public Optional<String> mismatch(Answer answer) {
    if (answer.status() / 100 != 2) { // A class may choose its status.
      return Optional.of("answers with status " + answer.status());
    }
    JsonNode expected = expect;
    boolean failed = answer.body().contains(ErrorCode.NOT_READY);
    if (expected == null && !failed) {
      return Optional.empty();
    }
    JsonNode json;
    try {
      json = JsonMapper.shared().readTree(answer.body());
    } catch (JacksonException e) {
      return expected == null
          ? Optional.empty()
          : Optional.of("answers with a body that is not JSON");
    }
    if (failed && json.path("code").asString("").equals(ErrorCode.NOT_READY)) {
      // The replica runs but has no instance to serve with. This fails every expectation.
      return Optional.of(
          "reports that it is not ready: " + Foreign.message(json.path("error").asString("")));
    }
    if (expected == null) {
      return Optional.empty();
    }
    for (Map.Entry<String, JsonNode> field : expected.properties()) {
      JsonNode found = json.path(field.getKey());
      if (!found.equals(field.getValue())) {
        return Optional.of(
            "answers with %s: %s, expected %s"
                .formatted(
                    field.getKey(),
                    found.isMissingNode() ? "nothing" : Foreign.message(found.toString()),
                    field.getValue()));
      }
    }
    return Optional.empty();
  }
}
