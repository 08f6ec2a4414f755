package ai.seedcore.serve.daemon.config;

import java.time.Duration;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

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
    return body == null ? null : body.isString() ? body.stringValue() : body.toString();
  }
}
