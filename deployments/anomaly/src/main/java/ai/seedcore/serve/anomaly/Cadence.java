package ai.seedcore.serve.anomaly;

import java.util.Arrays;

/** Tells from the times of points that come regularly how many are missing between two of them. */
final class Cadence {

  private static final int WINDOW = 32;
  private static final int WARM_UP = 8;

  /** How far from the median a gap may lie, as a share of it, and be a usual one. */
  private static final double USUAL = 0.25;

  /** The share of usual gaps from which on points come regularly. */
  private static final double REGULAR = 0.75;

  private final double[] gaps = new double[WINDOW];
  private double last = Double.NaN;
  private long count;
  private long missing;

  /** How many points are missing before the one of this time. */
  int next(double time) {
    double gap = time - last;
    last = time;
    if (!(gap > 0)) {
      return 0; // The first one, or one that is repeated.
    }
    int absent = count < WARM_UP ? 0 : absent(gap);
    gaps[Math.floorMod(count++, WINDOW)] = gap;
    // What is mostly missing is not regular; the bound is one on our work, too.
    if (missing + absent > count) {
      return 0;
    }
    missing += absent;
    return absent;
  }

  private int absent(double gap) {
    double[] sorted = Arrays.copyOf(gaps, (int) Math.min(count, WINDOW));
    Arrays.sort(sorted);
    double median = sorted[sorted.length / 2];
    long usual = Arrays.stream(sorted).filter(g -> Math.abs(g - median) <= USUAL * median).count();
    return usual < REGULAR * sorted.length
        ? 0
        : (int) Math.min(Integer.MAX_VALUE / 2, Math.round(gap / median) - 1);
  }
}
