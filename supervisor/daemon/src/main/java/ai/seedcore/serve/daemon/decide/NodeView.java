package ai.seedcore.serve.daemon.decide;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * The state of our own Ray node, as far as decisions need it.
 *
 * @param kind which kind of node to run
 * @param session the session that its processes belong to; null if none run
 * @param starting whether a start is in progress
 * @param notBefore the earliest time for the next start
 * @param failure why the last start failed; null if it did not
 * @param besideHead whether the head runs on this machine, too
 */
public record NodeView(
    Kind kind,
    @Nullable String session,
    boolean starting,
    Instant notBefore,
    @Nullable String failure,
    boolean besideHead) {

  /** The kind of Ray node that the daemon runs itself. */
  public enum Kind {
    /** None: the machine has a Ray node already. */
    NONE,
    /** A head. */
    HEAD,
    /** A node without CPUs. */
    WORKER
  }
}
