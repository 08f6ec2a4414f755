package ai.seedcore.serve.scaling;

import java.util.Arrays;

/**
 * A series at equal steps: what fell into one step is averaged, what is missing lies on the line
 * between its neighbours.
 *
 * @param step seconds
 * @param values one a step, the last one at the series' end
 */
@SuppressWarnings("ArrayRecordComponent") // Never compared.
record Grid(double step, double[] values) {

  private static final int MOST = 2_048;

  /**
   * Lays a series on a grid.
   *
   * @param times seconds, not decreasing, one at the least
   * @param values one a time
   */
  static Grid of(double[] times, double[] values) {
    double end = times[times.length - 1];
    double[] gaps = Arrays.stream(differences(times)).filter(gap -> gap > 0).sorted().toArray();
    if (gaps.length == 0) {
      return new Grid(1, new double[] {Arrays.stream(values).average().orElse(0)});
    }
    double step = gaps[gaps.length / 2];
    // Of a long history the newest part, unless that is a few steps of a mostly silent series.
    step = Math.max(step, (end - times[Math.max(0, times.length - MOST)]) / MOST);
    int size = (int) Math.min(MOST, Math.floor((end - times[0]) / step) + 1);
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
