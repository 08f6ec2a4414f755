package ai.seedcore.serve.daemon.decide;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * The driver process, as far as decisions need it.
 *
 * @param session the session it joined; null where it joined none
 * @param busyWith the request that it works on; null where it is idle
 * @param rayVersion the version of the Ray that it was started from
 * @param notBefore no new one before this time
 */
public record DriverView(
    Phase phase,
    @Nullable String session,
    @Nullable String busyWith,
    String rayVersion,
    Instant notBefore) {

  /** A driver's life. */
  public enum Phase {
    /** There is none. */
    ABSENT,
    /** Its JVM loads. */
    STARTING,
    /** It waits for work. */
    WARM,
    /** It has joined the cluster. */
    CONNECTED
  }
}
