package ai.seedcore.serve.anomaly;

/**
 * Measures how far a value is from the last values, in units of their spread. The center is their
 * median. The spread is the geometric mean of three high quantiles of their distances from it,
 * which is larger for heavier tails. (Of normally distributed values, it is 1.96 deviations.)
 */
final class Spread {

  /** The number of values that describe what is usual. */
  static final int WINDOW = 200;

  private static final double[] SHARES = {0.9, 0.95, 0.98};

  /** The added share of the center that makes logarithms of values near 0 finite. */
  private static final double LOG_OFFSET = 0.03;

  /** The minimum spread of logarithms, some 10 %. */
  private static final double MIN_LOG_SPREAD = 0.1;

  /** The maximum distance, which leaves room for sums. */
  private static final double MAX_DISTANCE = 1e200;

  private final SortedWindow window = new SortedWindow(WINDOW);

  /**
   * The distance of a value.
   *
   * @param center the median of the last values
   * @param spread the spread of the last values
   * @param distance the distance from the center, in spreads; negative if the value is too low
   */
  record Distance(double center, double spread, double distance) {
    double size() {
      return Math.abs(distance);
    }
  }

  int size() {
    return window.size();
  }

  double center() {
    return window.median();
  }

  void add(double value) {
    window.add(value);
  }

  void clear() {
    window.clear();
  }

  SortedWindow window() {
    return window;
  }

  /**
   * Measures a value.
   *
   * @param minSpread the minimum spread, above 0
   */
  Distance distance(double value, double minSpread) {
    double center = window.median();
    double logs = 0;
    for (double share : SHARES) {
      logs += Math.log(Math.max(minSpread, window.distance(center, share)));
    }
    double spread = Math.exp(logs / SHARES.length);
    double distance = (value - center) / spread;
    return new Distance(center, spread, Math.max(-MAX_DISTANCE, Math.min(MAX_DISTANCE, distance)));
  }

  /**
   * Returns how far below the center a value is on a logarithmic scale, in units of the spread
   * below the center. On this scale, an outage of a metric that varies by a factor of 4 is far
   * away.
   *
   * @return the distance, 0 or more; 0 if the logarithm makes no sense
   */
  double logDistanceBelow(double value) {
    double center = window.median();
    if (value < 0 || value >= center) {
      return 0;
    }
    double logs = 0;
    for (double share : SHARES) {
      double low = Math.max(0, window.quantile(1 - share));
      logs += Math.log(Math.max(MIN_LOG_SPREAD, -log(low, center)));
    }
    return -log(value, center) / Math.exp(logs / SHARES.length);
  }

  private static double log(double value, double center) {
    double offset = LOG_OFFSET * center;
    return Math.log((value + offset) / (center + offset));
  }
}
