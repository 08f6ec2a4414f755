package ai.seedcore.serve.door.queue;

import ai.seedcore.serve.door.client.Client;

/**
 * The number of a route's requests that may be sent again although they may have been executed. It
 * is a share of the route's traffic, so that failures do not multiply the traffic (a retry budget,
 * as in Finagle and Envoy). No client gets more of it than is left for others.
 */
public final class RetryBudget {

  private static final double SHARE = 0.2;
  private static final double PER_SECOND = 10;

  /** Twice the number of requests that can be in flight when the route's proxy dies. */
  private static final double MAX_LEFT = 2.0 * RouteQueue.MAX_WINDOW;

  private double left = MAX_LEFT;
  private long filledAt = System.nanoTime();

  /** Records a request of the route. */
  public void deposit() {
    left = Math.min(MAX_LEFT, left + SHARE);
  }

  /** Takes one retry for a client. Returns whether it is allowed. */
  public boolean withdraw(Client client, long now) {
    left = Math.min(MAX_LEFT, left + (now - filledAt) / 1e9 * PER_SECOND);
    filledAt = now;
    if (left < 1 || client.retries(now, PER_SECOND) >= left) {
      return false;
    }
    left--;
    client.recordRetry();
    return true;
  }
}
