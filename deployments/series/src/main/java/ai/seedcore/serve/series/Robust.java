package ai.seedcore.serve.series;

import java.util.Arrays;

/** Location and spread that outliers hardly change (Hampel, 1974). */
public final class Robust {

  /** Scales the median absolute deviation of normal data to its standard deviation. */
  private static final double NORMAL_MAD = 1.4826;

  private Robust() {}

  /** Returns the median; of an even number of values, the mean of the middle two. */
  public static double median(double[] values) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    int middle = sorted.length / 2;
    return sorted.length % 2 == 1 ? sorted[middle] : sorted[middle - 1] / 2 + sorted[middle] / 2;
  }

  /**
   * Returns the median absolute deviation, scaled so that it estimates the standard deviation of
   * normal data.
   *
   * @param distances the absolute distances of the values from their median
   */
  public static double deviation(double[] distances) {
    return NORMAL_MAD * median(distances);
  }
}
