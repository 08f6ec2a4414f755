package ai.seedcore.serve.anomaly;

import ai.seedcore.serve.anomaly.Verdict.Severity;
import ai.seedcore.serve.series.Robust;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/**
 * Scores one metric while there are few points. The distance of a value from the median of the
 * previous values is measured in units of their median absolute deviation (Iglewicz and Hoaglin,
 * "How to Detect and Handle Outliers", 1993). Its rarity follows from the tail of Student's t
 * distribution, which accounts for the uncertainty of the deviation of few points.
 */
final class RobustRule {

  /** The number of points before the first score. */
  static final int WARM_UP = 8;

  /** The maximum degrees of freedom; metrics have heavier tails than the normal distribution. */
  private static final int MAX_FREEDOM = 8;

  /**
   * Scales the mean absolute deviation of normal data to its standard deviation. The mean is used
   * if the median absolute deviation is 0.
   */
  private static final double NORMAL_MEAN_AD = 1.2533;

  /** The deviation of a constant metric, as a share of its value. */
  private static final double CONSTANT_DEVIATION = 0.005;

  /** The minimum deviation of any metric, as a share of its value; it covers rounding errors. */
  private static final double MIN_DEVIATION = 1e-9;

  private final String metric;
  private final double limit;
  private final double[] window;
  private int seen;

  /**
   * Creates a rule for one metric.
   *
   * @param metric the name of the metric
   * @param limit the rarity from which on a point is reported, in decades
   * @param maxPoints the maximum number of points
   */
  RobustRule(String metric, double limit, int maxPoints) {
    this.metric = metric;
    this.limit = limit;
    this.window = new double[maxPoints];
  }

  /** Scores the next point, then adds it to the window. */
  Verdict next(double value) {
    Verdict verdict = seen < WARM_UP ? Verdict.NORMAL : judge(value);
    window[seen++] = value;
    return verdict;
  }

  private Verdict judge(double value) {
    double[] past = Arrays.copyOf(window, seen);
    double median = Robust.median(past);
    double distance = Math.abs(value - median);
    if (distance == 0) {
      return Verdict.NORMAL;
    }
    double mean = 0;
    for (int i = 0; i < past.length; i++) {
      past[i] = Math.abs(past[i] - median);
      mean += past[i] / past.length;
    }
    double spread = Robust.deviation(past);
    if (spread == 0) {
      spread = NORMAL_MEAN_AD * mean;
    }
    // A constant series has no spread, so a change is measured relative to its level.
    double minDeviation = spread == 0 ? CONSTANT_DEVIATION : MIN_DEVIATION;
    spread = Math.max(spread, minDeviation * Math.abs(median));
    spread = Math.max(spread, Double.MIN_NORMAL);
    double deviations = distance / spread;
    int freedom = Math.min(MAX_FREEDOM, seen - 1);
    // The tail of the t distribution decreases as (1 + t^2 / freedom)^(-freedom / 2).
    double rarity =
        Math.min(
            Tail.MAX_RARITY, 0.5 * freedom * Math.log10(1 + deviations / freedom * deviations));
    Severity severity = Verdict.severity(rarity, limit);
    List<String> reasons =
        severity == Severity.NORMAL
            ? List.of()
            : List.of(
                String.format(
                    Locale.ROOT,
                    "robust: %s %s is %.1f deviations from the median %s of the previous %d points",
                    metric,
                    value,
                    deviations,
                    median,
                    seen));
    return new Verdict(Verdict.score(rarity), severity, reasons);
  }
}
