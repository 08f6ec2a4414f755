package ai.seedcore.serve.daemon.observe;

import java.time.Instant;

/**
 * What a real request to a route came to.
 *
 * @param answers whether it was answered as declared
 * @param reason why not; empty where it was
 * @param millis how long it took
 * @param at when it was answered
 * @param silent whether nothing at all came in time, which may be the network's fault
 * @param atWork where it was silent: how many requests its replicas are at work on; 0 else
 */
public record Route(
    boolean answers, String reason, long millis, Instant at, boolean silent, int atWork) {

  /** An answer, or none. */
  public Route(boolean answers, String reason, long millis, Instant at, boolean silent) {
    this(answers, reason, millis, at, silent, 0);
  }

  /** Whether it is silent as its replicas are at work: a long call is no outage. */
  public boolean busy() {
    return atWork > 0;
  }

  /** Whether requests are served: answered, or worked on. */
  public boolean serves() {
    return answers || busy();
  }
}
