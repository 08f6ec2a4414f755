package ai.seedcore.serve.daemon.decide;

import java.time.Instant;
import java.util.Set;

/**
 * What the daemon may begin now, as far as decisions need it.
 *
 * @param notBefore no work on the cluster before this time, after failures
 * @param limited the applications whose redeploys are used up for now
 * @param uploading whether packages are being uploaded
 * @param packagesDue whether the uploaded packages must be renewed before the cluster drops them
 */
public record WorkView(
    Instant notBefore, Set<String> limited, boolean uploading, boolean packagesDue) {

  /** Nothing holds work back. */
  public static final WorkView FREE = new WorkView(Instant.MIN, Set.of(), false, false);
}
