package ai.seedcore.serve.anomaly;

/**
 * How rare a value is among the last ones, in decades: 3 is one in a thousand.
 *
 * <p>Within the window it is counted; beyond it the excesses over a high quantile follow a
 * generalized Pareto distribution (peaks over threshold: Coles, "An Introduction to Statistical
 * Modeling of Extreme Values", 2001, chapter 4; for streams: Siffer et al., "Anomaly Detection in
 * Streams with Extreme Value Theory", KDD 2017). So what is rare for one series is rare for every
 * other, whatever its unit and however heavy its tail, and the strangest keep their order.
 */
final class Tail {

  /** Decades beyond which nobody can tell. */
  static final double MOST = 100;

  /** What is rarer counts as this rare, where it is learned what is usual. */
  static final double LEARNED = 2.5;

  private static final int WINDOW = 500;

  /** Values that must have come before one is judged. */
  private static final int WARM_UP = 8;

  /** The share of the window whose excesses the distribution is fitted to. */
  private static final double TOP = 0.1;

  private static final int FEWEST_EXCESSES = 8;

  /**
   * The shape: a little heavier than exponential, as the excesses are too few to estimate it from,
   * and by one over their number heavier still: so much do they leave open what comes next (the
   * predictive distribution of exponential values is Pareto's).
   */
  private static final double SHAPE = 0.1;

  private final double[] ring = new double[WINDOW];
  private final double[] sorted = new double[WINDOW];
  private int size;
  private long seen;

  /** The distribution beyond the quantile. */
  private record Excess(double share, double quantile, double scale, double shape) {}

  /** Takes a value in; the oldest one leaves a full window. */
  void add(double value) {
    int slot = (int) (seen++ % WINDOW);
    if (size == WINDOW) {
      int old = place(ring[slot]);
      System.arraycopy(sorted, old + 1, sorted, old, size - old - 1);
      size--;
    }
    ring[slot] = value;
    int place = place(value);
    System.arraycopy(sorted, place, sorted, place + 1, size - place);
    sorted[place] = value;
    size++;
  }

  /**
   * The decades by which a value is rare.
   *
   * @param least the least scale that differences are measured in
   */
  double rarity(double value, double least) {
    if (size < WARM_UP) {
      return 0;
    }
    Excess excess = excess(least);
    if (value <= excess.quantile()) {
      double above = size - place(value);
      return -Math.log10(Math.max(1, above) / size);
    }
    double beyond = excess.shape() * (value - excess.quantile()) / excess.scale();
    return Math.min(MOST, Math.log10(1 + beyond) / excess.shape() - Math.log10(excess.share()));
  }

  /** The value that is rare by so many decades, more than one. */
  double value(double rarity, double least) {
    if (size < WARM_UP) {
      return Double.POSITIVE_INFINITY;
    }
    Excess excess = excess(least);
    double beyond = Math.pow(10, excess.shape() * (rarity + Math.log10(excess.share()))) - 1;
    return excess.quantile() + excess.scale() * beyond / excess.shape();
  }

  private Excess excess(double least) {
    int count = Math.min(size / 2, Math.max(FEWEST_EXCESSES, (int) (TOP * size)));
    double quantile = sorted[size - count - 1];
    double mean = 0;
    for (int i = size - count; i < size; i++) {
      mean += (sorted[i] - quantile) / count;
    }
    // The distribution's mean is scale / (1 - shape).
    double shape = SHAPE + 1.0 / count;
    return new Excess((double) count / size, quantile, Math.max(mean * (1 - shape), least), shape);
  }

  /** The number of values below one. */
  private int place(double value) {
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
