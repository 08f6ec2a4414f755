package ai.seedcore.serve.cai;

import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * An application of a project, as the API tells of it.
 *
 * @param status such as {@code APPLICATION_RUNNING}
 * @param memory in GB
 * @param environment its variables, as the text of a JSON object
 */
record Application(
    String id,
    String name,
    @Nullable String subdomain,
    @Nullable String script,
    @Nullable String status,
    double cpu,
    double memory,
    @Nullable String runtimeIdentifier,
    @Nullable String environment) {

  /** What the API's words come to. */
  enum State {
    STARTING,
    RUNNING,
    STOPPING,
    STOPPED,
    FAILED,
    UNKNOWN
  }

  State state() {
    String word =
        status == null ? "" : status.toUpperCase(Locale.ROOT).replaceFirst("^APPLICATION_", "");
    for (State state : State.values()) {
      if (state.name().equals(word)) {
        return state;
      }
    }
    return State.UNKNOWN;
  }
}
