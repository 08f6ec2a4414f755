package ai.seedcore.serve.door;

import java.time.Duration;
import java.util.Set;

/**
 * A route: the requests whose path begins with a prefix.
 *
 * @param prefix the path prefix
 * @param app the application that serves it
 * @param declared whether the application is declared, so that the daemon restores it when it is
 *     lost. Other applications are known from the proxies' route tables only
 * @param streams whether a response of unknown length is passed on while it arrives, through a
 *     proxy, too: the application may write it in parts
 * @param idempotence which requests may be sent again although they may have been executed
 * @param timeout how long the deployment may take for a request; zero for no limit
 * @param mirrored how many requests are sent to a version on trial as well
 * @param within how long a response may take without counting as late; zero if nothing is declared
 * @param methods the methods that requests for the prefix itself may have, where GET includes HEAD;
 *     empty for any
 */
public record Route(
    String prefix,
    String app,
    boolean declared,
    boolean streams,
    Idempotence idempotence,
    Duration timeout,
    int mirrored,
    Duration within,
    Set<String> methods) {

  /** Returns the route of a declared deployment without a time limit. */
  public static Route declared(String prefix, String app, Idempotence idempotence) {
    return new Route(
        prefix, app, true, false, idempotence, Duration.ZERO, 0, Duration.ZERO, Set.of());
  }

  /** Returns the route of an application that is not declared. */
  public static Route listed(String prefix, String app) {
    return new Route(
        prefix, app, false, true, Idempotence.SAFE, Duration.ZERO, 0, Duration.ZERO, Set.of());
  }

  /** Returns this route, whose application may write responses in parts. */
  public Route streaming() {
    return new Route(prefix, app, declared, true, idempotence, timeout, mirrored, within, methods);
  }

  /** Returns this route with another time limit. */
  public Route withTimeout(Duration limit) {
    return new Route(prefix, app, declared, streams, idempotence, limit, mirrored, within, methods);
  }

  /** Returns this route, of which some requests are sent to a version on trial as well. */
  public Route mirroring(int requests) {
    return new Route(
        prefix, app, declared, streams, idempotence, timeout, requests, within, methods);
  }

  /** Returns this route, whose responses count as late if they take longer. */
  public Route withObjective(Duration limit) {
    return new Route(
        prefix, app, declared, streams, idempotence, timeout, mirrored, limit, methods);
  }

  /** Returns this route, whose requests have one of these methods. */
  public Route withMethods(Set<String> allowed) {
    return new Route(
        prefix, app, declared, streams, idempotence, timeout, mirrored, within, allowed);
  }

  /** Returns whether only some methods are allowed for a path of this route. */
  public boolean limitsMethods(String path) {
    return !methods.isEmpty() && path.length() == prefix.length();
  }
}
