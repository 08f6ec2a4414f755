package ai.seedcore.serve.door;

import com.fasterxml.jackson.annotation.JsonCreator;
import java.util.Set;

/** Which requests of a deployment may be executed twice. */
public enum Idempotence {
  /** All of them: declared as {@code true}. */
  ALL,
  /** Requests with a safe method (RFC 9110, 9.2.1): declared as {@code false}, or not at all. */
  SAFE,
  /** None: declared as {@code never}. */
  NONE;

  private static final Set<String> SAFE_METHODS = Set.of("GET", "HEAD", "OPTIONS");

  /** Parses the declared value. */
  @JsonCreator
  static Idempotence of(Object declared) {
    if (declared instanceof Boolean all) {
      return all ? ALL : SAFE;
    }
    if ("never".equals(declared)) {
      return NONE;
    }
    throw new IllegalArgumentException(
        "found '%s', expected true, false or never".formatted(declared));
  }

  /** Returns whether a request with a method may be executed twice. */
  public boolean covers(String method) {
    return this == ALL || (this == SAFE && SAFE_METHODS.contains(method));
  }
}
