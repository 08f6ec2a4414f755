package ai.seedcore.serve.door.queue;

/**
 * When, and how often, a slow request of a route is sent to a second replica as well: a hedged
 * request (Dean and Barroso, The Tail at Scale, 2013). It is sent once it takes longer than nearly
 * all others, and no more often than for a small share of the traffic.
 */
public final class Hedging {

  /** One in a hundred requests takes longer than the estimate. */
  private static final double QUANTILE = 0.99;

  /** How far a single response may move the estimate: 5 % up. */
  private static final double STEP = 0.05;

  private static final double SHARE = 0.02;
  private static final double MAX_LEFT = 10;

  /** Shorter delays are not worth a second execution. */
  private static final long MIN_NANOS = 50_000_000;

  /** How many responses it takes until the estimate means something. */
  private static final int MIN_RESPONSES = 50;

  private double left;
  private double estimate;
  private int responses;

  /** Records a request of the route. */
  public void deposit() {
    left = Math.min(MAX_LEFT, left + SHARE);
  }

  /** Records how long a response took, in nanoseconds. */
  public void record(long nanos) {
    responses = Math.min(MIN_RESPONSES, responses + 1);
    if (estimate == 0) {
      estimate = nanos;
    } else if (nanos > estimate) {
      estimate *= 1 + STEP * QUANTILE;
    } else {
      estimate *= 1 - STEP * (1 - QUANTILE);
    }
  }

  /** Returns after how long a request counts as slow, in nanoseconds. */
  public long delay() {
    return responses < MIN_RESPONSES ? Long.MAX_VALUE : Math.max(MIN_NANOS, (long) estimate);
  }

  /** Takes one second attempt. Returns whether it is allowed. */
  public boolean withdraw() {
    if (left < 1) {
      return false;
    }
    left--;
    return true;
  }
}
