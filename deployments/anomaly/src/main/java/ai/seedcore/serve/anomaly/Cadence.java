package ai.seedcore.serve.anomaly;

import java.util.Arrays;

/** Estimates from the timestamps of regularly spaced points how many points are missing. */
final class Cadence {

  private static final int WINDOW = 32;
  private static final int WARM_UP = 8;

  /** The maximum distance of a typical gap from the median gap, as a share of the median. */
  private static final double TYPICAL_DEVIATION = 0.25;

  /** The minimum share of typical gaps in a regularly spaced series. */
  private static final double MIN_TYPICAL_SHARE = 0.75;

  /** The maximum result, which leaves room for sums. */
  private static final int MAX_MISSING = Integer.MAX_VALUE / 2;

  private final double[] gaps = new double[WINDOW];
  private double last = Double.NaN;
  private long count;
  private long totalMissing;

  /**
   * Returns how many points are missing between the previous point and the next one.
   *
   * @param time the timestamp of the next point, in seconds
   */
  int next(double time) {
    double gap = time - last;
    last = time;
    if (!(gap > 0)) {
      return 0; // The first point, or a repeated timestamp.
    }
    int missing = count < WARM_UP ? 0 : missing(gap);
    gaps[Math.floorMod(count++, WINDOW)] = gap;
    // A series with more missing than present points is not regular. This also bounds the work.
    if (totalMissing + missing > count) {
      return 0;
    }
    totalMissing += missing;
    return missing;
  }

  private int missing(double gap) {
    double[] sorted = Arrays.copyOf(gaps, (int) Math.min(count, WINDOW));
    Arrays.sort(sorted);
    double median = sorted[sorted.length / 2];
    long typical =
        Arrays.stream(sorted)
            .filter(g -> Math.abs(g - median) <= TYPICAL_DEVIATION * median)
            .count();
    return typical < MIN_TYPICAL_SHARE * sorted.length
        ? 0
        : (int) Math.min(MAX_MISSING, Math.round(gap / median) - 1);
  }
}
