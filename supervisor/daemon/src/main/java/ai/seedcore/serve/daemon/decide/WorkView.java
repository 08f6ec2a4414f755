package ai.seedcore.serve.daemon.decide;

import java.time.Instant;
import java.util.Set;

/**
 * The work that may begin now, as far as decisions need it.
 *
 * @param notBefore the earliest time for work on the cluster, after failures
 * @param limited the applications that have reached their redeploy limit
 * @param uploading whether an upload is in progress
 * @param packagesDue whether the uploaded packages must be renewed before the cluster drops them
 * @param recording whether versions are being recorded
 */
public record WorkView(
    Instant notBefore,
    Set<String> limited,
    boolean uploading,
    boolean packagesDue,
    boolean recording) {

  /** No restrictions. */
  public static final WorkView FREE = new WorkView(Instant.MIN, Set.of(), false, false, false);
}
