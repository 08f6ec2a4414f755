package ai.seedcore.serve.door;

import com.fasterxml.jackson.annotation.JsonCreator;
import java.util.Set;

/** Which requests of a deployment may be carried out twice. */
public enum Idempotence {
  /** All: declared as {@code true}. */
  ALL,
  /** Those whose method is safe (RFC 9110, 9.2.1): declared as {@code false}, or not at all. */
  SAFE,
  /** None: declared as {@code never}. */
  NONE;

  private static final Set<String> SAFE_METHODS = Set.of("GET", "HEAD", "OPTIONS");

  /** Reads what is declared. */
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

  /** Whether a request of that method may be. */
  public boolean covers(String method) {
    return this == ALL || (this == SAFE && SAFE_METHODS.contains(method));
  }
}
