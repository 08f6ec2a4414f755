package ai.seedcore.serve.agent;

import ai.seedcore.serve.agent.direct.DirectPath;
import org.jspecify.annotations.Nullable;

/**
 * Reports a replica's health to the Serve controller. Public because a patched Ray class calls it.
 */
public final class Health {

  private Health() {}

  /**
   * Throws if a replica is unhealthy; otherwise opens its direct path. The controller ignores the
   * returned value and treats only an exception as a failed health check.
   *
   * @param healthy the result of the replica's {@code checkHealth}
   * @param callable the object that the replica serves
   * @return true
   */
  public static boolean require(boolean healthy, @Nullable Object callable) {
    if (healthy) {
      DirectPath.open();
      return true;
    }
    String reason = "checkHealth returned false";
    if (callable instanceof Host host) {
      try {
        // Ray has logged and discarded the exception; calling again reproduces its message.
        boolean unused = host.checkHealth();
      } catch (ReflectiveOperationException | RuntimeException e) {
        reason = Requests.message(Requests.cause(e));
      }
    }
    throw Failure.of(ErrorCodes.NOT_READY, reason, null);
  }
}
