package ai.seedcore.serve.daemon.decide;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * Our own Ray node.
 *
 * @param kind which one we are to run
 * @param session the session that its processes belong to; null where none run
 * @param starting whether it is being started now
 * @param notBefore no new start before this time
 * @param trouble why the last start failed; empty where it did not
 * @param besideHead whether the head runs on this machine, too
 */
public record NodeView(
    Kind kind,
    @Nullable String session,
    boolean starting,
    Instant notBefore,
    String trouble,
    boolean besideHead) {

  /** What we run ourselves. */
  public enum Kind {
    /** Nothing: a node of this machine's is there. */
    NONE,
    /** A head. */
    HEAD,
    /** A node without CPUs. */
    WORKER
  }
}
