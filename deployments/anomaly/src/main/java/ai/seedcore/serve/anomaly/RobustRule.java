package ai.seedcore.serve.anomaly;

import ai.seedcore.serve.anomaly.Verdict.Severity;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/**
 * Judges one metric by its distance from the median of the points before it, in units of their
 * median absolute deviation (Iglewicz and Hoaglin, "How to Detect and Handle Outliers", 1993, whose
 * limit of 3.5 is ours at sensitivity 0.5).
 */
final class RobustRule {

  /** Points that must have come before the first one that is judged. */
  static final int WARM_UP = 8;

  /** Points that are looked back at. */
  private static final int WINDOW = 256;

  /** Makes the median absolute deviation of normal data an estimate of its standard deviation. */
  private static final double NORMAL_MAD = 1.4826;

  /** Makes the mean absolute deviation of normal data the same; used where the median's is 0. */
  private static final double NORMAL_MEAN_AD = 1.2533;

  private static final double LIMIT = 3.5;

  private final String metric;
  private final double limit;
  private final double[] window = new double[WINDOW];
  private int seen;

  /**
   * A rule for one series.
   *
   * @param sensitivity 0..1: 0.5 reports from 3.5 deviations on, 0 from 7, 1 from 1.75
   */
  RobustRule(String metric, double sensitivity) {
    this.metric = metric;
    this.limit = LIMIT * Math.pow(4, 0.5 - sensitivity);
  }

  /** Judges the next point, then remembers it. */
  Verdict next(double value) {
    Verdict verdict = seen < WARM_UP ? Verdict.NORMAL : judge(value);
    window[seen++ % WINDOW] = value;
    return verdict;
  }

  private Verdict judge(double value) {
    double[] past = Arrays.copyOf(window, Math.min(seen, WINDOW));
    double median = median(past);
    double distance = Math.abs(value - median);
    if (distance == 0) {
      return Verdict.NORMAL;
    }
    double mean = 0;
    for (int i = 0; i < past.length; i++) {
      past[i] = Math.abs(past[i] - median);
      mean += past[i] / past.length;
    }
    double spread = NORMAL_MAD * median(past);
    if (spread == 0) {
      spread = NORMAL_MEAN_AD * mean;
    }
    // A series that never moved has no spread; what leaves it is judged against its level.
    spread = Math.max(spread, 1e-6 * Math.max(Math.abs(median), Double.MIN_NORMAL));
    double deviations = Math.min(distance / spread, 1e9);
    Severity severity =
        deviations >= 2 * limit
            ? Severity.CRITICAL
            : deviations >= limit ? Severity.WARNING : Severity.NORMAL;
    List<String> reasons =
        severity == Severity.NORMAL
            ? List.of()
            : List.of(
                String.format(
                    Locale.ROOT,
                    "robust: %s %s is %.1f deviations from the median %s",
                    metric,
                    value,
                    deviations,
                    median));
    return new Verdict(deviations / (deviations + LIMIT), severity, reasons);
  }

  private static double median(double[] values) {
    Arrays.sort(values);
    int middle = values.length / 2;
    return values.length % 2 == 1 ? values[middle] : values[middle - 1] / 2 + values[middle] / 2;
  }
}
