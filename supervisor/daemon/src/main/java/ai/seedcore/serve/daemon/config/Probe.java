package ai.seedcore.serve.daemon.config;

import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * How to see that a route really answers.
 *
 * @param body what is posted: an object or a list as JSON, a text as it is; null: a plain GET
 * @param expect fields that the answer must hold, with these values; null: any answer of status 200
 */
public record Probe(@Nullable JsonNode body, @Nullable JsonNode expect) {

  /** Where nothing is declared: a GET that is answered 200. */
  public static final Probe PLAIN = new Probe(null, null);

  /** Checks what was read. */
  public Probe {
    if (expect != null && !expect.isObject()) {
      throw new IllegalArgumentException("expect: found %s, expected an object".formatted(expect));
    }
  }

  /** The request's body; null for a GET. */
  public @Nullable String bodyText() {
    return body == null ? null : body.isString() ? body.stringValue() : body.toString();
  }
}
