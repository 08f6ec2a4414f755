package ai.seedcore.serve.daemon.observe;

import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * All that was seen in one look.
 *
 * @param head the head
 * @param serve Serve; unknown where the head is down or the look was a light one
 * @param listed the applications whose routes Serve's proxy knows; null where it did not say
 * @param routes what each route that was asked answered, by application
 * @param orphans replicas that Serve has forgotten
 * @param starting for how long each application has not been running, of those that Serve starts
 * @param capacity what the nodes have, where an application waits for it
 * @param full false for a light look, which asks for the identity and the routes' names only
 */
public record Observation(
    Head head,
    Serve serve,
    @Nullable Set<String> listed,
    Map<String, Route> routes,
    List<Orphan> orphans,
    Map<String, Duration> starting,
    Capacity capacity,
    boolean full) {

  /** A look that found nothing out of the ordinary. */
  public Observation(
      Head head,
      Serve serve,
      @Nullable Set<String> listed,
      Map<String, Route> routes,
      boolean full) {
    this(head, serve, listed, routes, List.of(), Map.of(), Capacity.UNKNOWN, full);
  }

  /** Nothing but the reason why. */
  static Observation down(String reason) {
    return new Observation(
        new Head.Down(reason), new Serve.Unknown("the head is down"), null, Map.of(), true);
  }

  /** Whether all of those were asked, and answered as declared or are at work. */
  public boolean allServe(Collection<String> names) {
    return routes.keySet().containsAll(names) && routes.values().stream().allMatch(Route::serves);
  }
}
