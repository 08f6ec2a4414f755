package ai.seedcore.serve.daemon.observe;

import ai.seedcore.serve.daemon.rollout.Verdict;
import ai.seedcore.serve.daemon.rollout.Versions;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The result of one look at the cluster.
 *
 * @param head the head
 * @param serve Serve; unknown if the head is down
 * @param listed the applications whose routes Serve's proxy lists; null if unknown
 * @param routes the probe results, by application
 * @param orphans replicas that Serve no longer lists
 * @param starting how long each application has been starting, by application
 * @param capacity the nodes' resources
 * @param versions the versions that the cluster has recorded; null if that is unknown
 * @param trials the results of the versions on trial, by application
 * @param full whether this was a full look; a glance reads only the session and the listed routes
 * @param held whether this may be out of date, because the GCS is silent, or because the daemon's
 *     own Ray node has ended since; it is reported, but permits no action on the cluster
 */
public record Observation(
    Head head,
    Serve serve,
    @Nullable Set<String> listed,
    Map<String, Route> routes,
    List<Orphan> orphans,
    Map<String, Duration> starting,
    Capacity capacity,
    @Nullable Versions versions,
    Map<String, Verdict> trials,
    boolean full,
    boolean held) {

  /** Creates an observation without orphans, starting applications or capacity. */
  public Observation(
      Head head,
      Serve serve,
      @Nullable Set<String> listed,
      Map<String, Route> routes,
      boolean full) {
    this(
        head,
        serve,
        listed,
        routes,
        List.of(),
        Map.of(),
        Capacity.UNKNOWN,
        null,
        Map.of(),
        full,
        false);
  }

  /** Creates the observation of a head that is down for this reason. */
  static Observation down(String reason) {
    return new Observation(
        new Head.Down(reason), new Serve.Unknown("the head is down"), null, Map.of(), true);
  }

  /** Returns the same observation, held. */
  public Observation hold() {
    return new Observation(
        head, serve, listed, routes, orphans, starting, capacity, versions, trials, full, true);
  }

  /** Returns the same observation, with results of trials. */
  public Observation with(Map<String, Verdict> verdicts) {
    return new Observation(
        head, serve, listed, routes, orphans, starting, capacity, versions, verdicts, full, held);
  }

  /** Returns whether all these applications were probed and serve, and no probed route fails. */
  public boolean allServe(Collection<String> names) {
    return routes.keySet().containsAll(names) && routes.values().stream().allMatch(Route::serves);
  }
}
