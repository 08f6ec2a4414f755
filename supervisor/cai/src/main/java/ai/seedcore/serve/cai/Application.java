package ai.seedcore.serve.cai;

import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * An application of a project, as the API returns it.
 *
 * @param status the API's status, such as {@code APPLICATION_RUNNING}
 * @param cpu the number of CPUs
 * @param memory the memory, in GB
 * @param environment the environment variables, as the text of a JSON object
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

  /** The state of an application; {@code UNKNOWN} stands for any other status. */
  enum State {
    STARTING,
    RUNNING,
    STOPPING,
    STOPPED,
    FAILED,
    UNKNOWN
  }

  /** Returns the state that the API's status stands for. */
  State state() {
    String name =
        status == null ? "" : status.toUpperCase(Locale.ROOT).replaceFirst("^APPLICATION_", "");
    for (State state : State.values()) {
      if (state.name().equals(name)) {
        return state;
      }
    }
    return State.UNKNOWN;
  }
}
