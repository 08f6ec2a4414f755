package ai.seedcore.serve.daemon.decide;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * The state of the driver process, as far as decisions need it.
 *
 * @param phase the phase of the driver's life
 * @param session the session that it joined; null if it has not joined one
 * @param busyWith the request in progress; null if it is idle
 * @param rayVersion the version of the Ray installation that it was started from
 * @param notBefore the earliest time to start the next driver
 */
public record DriverView(
    Phase phase,
    @Nullable String session,
    @Nullable String busyWith,
    String rayVersion,
    Instant notBefore) {

  /** The phases of a driver's life. */
  public enum Phase {
    /** There is no driver. */
    ABSENT,
    /** Its JVM is starting. */
    STARTING,
    /** It is ready but not connected. */
    WARM,
    /** It has joined the cluster. */
    CONNECTED
  }
}
