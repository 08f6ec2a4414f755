package ai.seedcore.serve.door;

/**
 * How many requests of a route may be sent again that may have been carried out already: a share of
 * its traffic, so that what fails does not multiply it (a retry budget, as Finagle and Envoy have).
 * No client has more of it than it leaves to others.
 */
final class RetryBudget {

  private static final double SHARE = 0.2;
  private static final double A_SECOND = 10;

  /** Twice all that can be under way when its proxy dies. */
  private static final double MOST = 2.0 * RouteQueue.MOST;

  private double left = MOST;
  private long filledAt = System.nanoTime();

  /** A request came. */
  void deposit() {
    left = Math.min(MOST, left + SHARE);
  }

  /** Whether one may be sent again; it counts. */
  boolean withdraw(Client client, long now) {
    left = Math.min(MOST, left + (now - filledAt) / 1e9 * A_SECOND);
    filledAt = now;
    client.sentAgain = Math.max(0, client.sentAgain - (now - client.sentAgainAt) / 1e9 * A_SECOND);
    client.sentAgainAt = now;
    if (left < 1 || client.sentAgain >= left) {
      return false;
    }
    left--;
    client.sentAgain++;
    return true;
  }
}
