package ai.seedcore.serve.scaling;

import java.util.Arrays;

/**
 * A series resampled to equal steps. Values in the same step are averaged; missing values are
 * interpolated linearly.
 *
 * @param step seconds between two values
 * @param values one value per step; the last one is at the end of the series
 */
@SuppressWarnings("ArrayRecordComponent") // Never compared.
record Grid(double step, double[] values) {

  private static final int MAX_SIZE = 2_048;

  /**
   * Resamples a series. The step is the median distance of two timestamps, or more.
   *
   * @param times timestamps in seconds, not decreasing; at least one
   * @param values one value per timestamp
   * @param minStep the minimum step, in seconds
   */
  static Grid of(double[] times, double[] values, double minStep) {
    double end = times[times.length - 1];
    double[] gaps = Arrays.stream(differences(times)).filter(gap -> gap > 0).sorted().toArray();
    if (gaps.length == 0) {
      return new Grid(1, new double[] {Arrays.stream(values).average().orElse(0)});
    }
    double step = Math.max(minStep, gaps[gaps.length / 2]);
    // Of a long history, the grid covers the newest points. A longer step prevents that large gaps
    // between them use up the grid.
    step = Math.max(step, (end - times[Math.max(0, times.length - MAX_SIZE)]) / MAX_SIZE);
    int size = (int) Math.min(MAX_SIZE, Math.floor((end - times[0]) / step) + 1);
    double[] sums = new double[size];
    int[] counts = new int[size];
    for (int i = 0; i < times.length; i++) {
      double back = Math.rint((end - times[i]) / step);
      if (back < size) {
        int slot = size - 1 - (int) back;
        sums[slot] += values[i];
        counts[slot]++;
      }
    }
    return new Grid(step, filled(sums, counts));
  }

  /** Returns the mean of each step, and interpolated values for empty steps. */
  private static double[] filled(double[] sums, int[] counts) {
    double[] filled = new double[sums.length];
    int last = -1;
    for (int i = 0; i < filled.length; i++) {
      if (counts[i] == 0) {
        continue;
      }
      filled[i] = sums[i] / counts[i];
      for (int j = last + 1; j < i; j++) {
        filled[j] =
            last < 0
                ? filled[i]
                : filled[last] + (filled[i] - filled[last]) * (j - last) / (i - last);
      }
      last = i;
    }
    return filled;
  }

  private static double[] differences(double[] times) {
    double[] gaps = new double[times.length - 1];
    for (int i = 0; i < gaps.length; i++) {
      gaps[i] = times[i + 1] - times[i];
    }
    return gaps;
  }
}
