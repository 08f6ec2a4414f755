package ai.seedcore.serve.door.upstream;

import ai.seedcore.serve.door.Route;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Everything to which requests can be sent. A declared route uses the direct path to its replicas.
 * While none of them accepts requests there, or if one cannot be reached, Serve's proxies serve it;
 * they serve all other routes, too.
 */
public final class Upstreams {

  private final Proxies proxies;
  private final Replicas replicas;
  private Set<String> idle = Set.of();
  private boolean paused;

  /**
   * Combines both kinds.
   *
   * @param proxies Serve's proxies
   * @param replicas the replicas with a direct path
   */
  public Upstreams(Proxies proxies, Replicas replicas) {
    this.proxies = proxies;
    this.replicas = replicas;
  }

  /** Returns Serve's proxies. */
  public Proxies proxies() {
    return proxies;
  }

  /** Returns the replicas with a direct path. */
  public Replicas replicas() {
    return replicas;
  }

  /**
   * Returns where to send a request of a route now; null if the route is not served, if all its
   * replicas run as many requests as they may, while it is idle, or during a pause.
   */
  public @Nullable Upstream pick(Route route) {
    if (paused) {
      return null;
    }
    if (isDirect(route)) {
      return replicas.pick(route.app());
    }
    return idle.contains(route.app()) ? null : proxies.pick(route.prefix());
  }

  /** Sets the applications whose requests wait until a replica accepts them directly. */
  public void idle(Set<String> applications) {
    idle = applications;
  }

  /** Begins or ends a pause, in which nothing is sent. */
  public void pause(boolean now) {
    paused = now;
  }

  /** Returns whether a route is served. */
  public boolean serves(Route route) {
    return isDirect(route) || proxies.serves(route.prefix());
  }

  /** Returns whether requests of a route are sent to its replicas without a proxy. */
  public boolean isDirect(Route route) {
    return route.declared() && replicas.serves(route.app());
  }

  /** Returns whether anything is served. */
  public boolean anyServes() {
    return proxies.anyServes() || replicas.all().stream().anyMatch(Replica::isReady);
  }

  /** Asks the servers that are due, and has their requests in flight checked. */
  public void ask(long now) {
    proxies.ask(now);
    replicas.ask(now);
    proxies.all().forEach(proxy -> proxy.checkInFlight(now));
    replicas.all().forEach(replica -> replica.checkInFlight(now));
  }
}
