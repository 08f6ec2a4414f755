package ai.seedcore.serve.daemon.observe;

import java.time.Instant;

/**
 * The result of a probe, or of the proxy's list if an application declares no probe.
 *
 * @param answers whether the response was as declared
 * @param reason why not; empty if it was
 * @param millis how long the response took, in milliseconds
 * @param at when it arrived
 * @param silent whether nothing arrived in time, which may be the network's fault
 * @param atWork for a silent route, how many requests its replicas are at work on; 0 otherwise
 */
public record Route(
    boolean answers, String reason, long millis, Instant at, boolean silent, int atWork) {

  /** The duration of a result without a probe. */
  private static final long NOT_PROBED = -1;

  /** Creates the result for a route that the proxy lists and that nobody has to probe. */
  static Route listed(Instant at) {
    return new Route(true, "", NOT_PROBED, at, false);
  }

  /** Returns whether this is the result of a request. */
  public boolean probed() {
    return millis != NOT_PROBED;
  }

  /** Creates a result without requests in progress. */
  public Route(boolean answers, String reason, long millis, Instant at, boolean silent) {
    this(answers, reason, millis, at, silent, 0);
  }

  /**
   * Returns whether the route is silent because its replicas are at work. A long call is not an
   * outage.
   */
  public boolean busy() {
    return atWork > 0;
  }

  /** Returns whether requests are served: the route responds as declared or is busy. */
  public boolean serves() {
    return answers || busy();
  }
}
