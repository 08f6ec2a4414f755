package ai.seedcore.serve.daemon.config;

import java.time.Duration;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * How to see that a route really answers.
 *
 * @param body what is posted: an object or a list as JSON, a text as it is; null: a plain GET
 * @param expect fields that the answer must hold, with these values; null: any answer of status 200
 * @param timeoutS seconds that the answer may take; by default 3
 */
public record Probe(@Nullable JsonNode body, @Nullable JsonNode expect, Double timeoutS) {

  /** Where nothing is declared: a GET that is answered 200. */
  @SuppressWarnings("NullAway") // Its default.
  public static final Probe PLAIN = new Probe(null, null, null);

  /** Checks what was read. */
  @SuppressWarnings("NullAway") // What was not said comes as null, and leaves as its default.
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

  /** How long the answer may take. */
  public Duration timeout() {
    return Duration.ofMillis(Math.round(timeoutS * 1_000));
  }

  /** The request's body; null for a GET. */
  public @Nullable String bodyText() {
    return body == null ? null : body.isString() ? body.stringValue() : body.toString();
  }
}
