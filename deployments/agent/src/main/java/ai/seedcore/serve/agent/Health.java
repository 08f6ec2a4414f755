package ai.seedcore.serve.agent;

import org.jspecify.annotations.Nullable;

/**
 * What the controller is told of a replica's health. Public, as a patched class of Ray's calls it.
 */
public final class Health {

  private Health() {}

  /**
   * Throws where a replica is not well: the controller looks for an exception, and not at the
   * answer.
   *
   * @param well what Ray's replica says
   * @param callable the object that it serves
   */
  public static boolean require(boolean well, @Nullable Object callable) {
    if (well) {
      return true;
    }
    String reason = "its checkHealth returns false";
    if (callable instanceof Host host) {
      try {
        boolean unused = host.checkHealth(); // Ray has logged the exception, and thrown it away.
      } catch (ReflectiveOperationException | RuntimeException e) {
        reason = Requests.message(Requests.cause(e));
      }
    }
    throw Failure.of("not_ready", reason, null);
  }
}
