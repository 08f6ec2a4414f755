package ai.seedcore.serve.daemon.door;

/**
 * How many requests of a route may be sent again that may have been carried out already: a share of
 * its traffic, so that what fails does not multiply it (a retry budget, as Finagle and Envoy have).
 */
final class RetryBudget {

  private static final double SHARE = 0.2;
  private static final double A_SECOND = 10;

  /** All that can be under way when its proxy dies. */
  private static final double MOST = Line.MOST;

  private double left = MOST;
  private long filledAt = System.nanoTime();

  /** A request came. */
  void deposit() {
    left = Math.min(MOST, left + SHARE);
  }

  /** Whether one may be sent again; it counts. */
  boolean withdraw(long now) {
    left = Math.min(MOST, left + (now - filledAt) / 1e9 * A_SECOND);
    filledAt = now;
    if (left < 1) {
      return false;
    }
    left--;
    return true;
  }
}
