package ai.seedcore.serve.anomaly;

/**
 * Estimates the upper tail of a distribution from its last values. The rarity of a value is the
 * negative decimal logarithm of the probability that it is exceeded, so 3 means one in 1,000.
 *
 * <p>Up to a high quantile, the probability is the empirical one. Above it, the excesses follow a
 * generalized Pareto distribution (peaks over threshold: Coles, "An Introduction to Statistical
 * Modeling of Extreme Values", 2001, chapter 4; for streams: Siffer et al., "Anomaly Detection in
 * Streams with Extreme Value Theory", KDD 2017). Rarities are therefore comparable between series
 * with different units and tails, and extreme values keep their order.
 */
final class Tail {

  /** The maximum rarity, in decades. */
  static final double MAX_RARITY = 100;

  /** Rarer values are limited to this rarity before they are added, in decades. */
  static final double MAX_LEARNED_RARITY = 2.5;

  private static final int WINDOW = 500;

  /** The number of values before the first estimate. */
  private static final int WARM_UP = 8;

  /** The share of the values that count as excesses. */
  private static final double EXCESS_SHARE = 0.1;

  private static final int MIN_EXCESSES = 8;

  /**
   * The shape parameter for infinitely many excesses: slightly heavier than exponential. It is
   * fixed, because there are too few excesses to estimate it. For {@code n} excesses, {@code 1/n}
   * is added for the uncertainty of the scale: the predictive distribution of exponential values is
   * a Pareto distribution.
   */
  private static final double SHAPE = 0.1;

  private final double[] ring = new double[WINDOW];
  private final double[] sorted = new double[WINDOW];
  private int size;
  private long seen;

  /**
   * A generalized Pareto distribution of the values above a quantile.
   *
   * @param share the share of the values above the quantile
   */
  private record Excess(double share, double quantile, double scale, double shape) {}

  /** Adds a value and removes the oldest one if the window is full. */
  void add(double value) {
    int slot = (int) (seen++ % WINDOW);
    if (size == WINDOW) {
      int old = rank(ring[slot]);
      System.arraycopy(sorted, old + 1, sorted, old, size - old - 1);
      size--;
    }
    ring[slot] = value;
    int rank = rank(value);
    System.arraycopy(sorted, rank, sorted, rank + 1, size - rank);
    sorted[rank] = value;
    size++;
  }

  /**
   * Returns the rarity of a value, in decades; 0 if there are too few values to estimate it.
   *
   * @param minScale the minimum scale of the distribution
   */
  double rarity(double value, double minScale) {
    if (size < WARM_UP) {
      return 0;
    }
    Excess excess = excess(minScale);
    if (value <= excess.quantile()) {
      double above = size - rank(value);
      return -Math.log10(Math.max(1, above) / size);
    }
    double beyond = excess.shape() * (value - excess.quantile()) / excess.scale();
    return Math.min(
        MAX_RARITY, Math.log10(1 + beyond) / excess.shape() - Math.log10(excess.share()));
  }

  /**
   * Returns the value that has a rarity; infinity if there are too few values to estimate it.
   *
   * @param rarity the rarity, in decades; more than 1
   * @param minScale the minimum scale of the distribution
   */
  double value(double rarity, double minScale) {
    if (size < WARM_UP) {
      return Double.POSITIVE_INFINITY;
    }
    Excess excess = excess(minScale);
    double beyond = Math.pow(10, excess.shape() * (rarity + Math.log10(excess.share()))) - 1;
    return excess.quantile() + excess.scale() * beyond / excess.shape();
  }

  private Excess excess(double minScale) {
    int count = Math.min(size / 2, Math.max(MIN_EXCESSES, (int) (EXCESS_SHARE * size)));
    double quantile = sorted[size - count - 1];
    double mean = 0;
    for (int i = size - count; i < size; i++) {
      mean += (sorted[i] - quantile) / count;
    }
    // The mean of the distribution is scale / (1 - shape).
    double shape = SHAPE + 1.0 / count;
    double scale = Math.max(mean * (1 - shape), minScale);
    return new Excess((double) count / size, quantile, scale, shape);
  }

  /** Returns the number of values below a value. */
  private int rank(double value) {
    int low = 0;
    int high = size;
    while (low < high) {
      int middle = (low + high) >>> 1;
      if (sorted[middle] < value) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }
}
