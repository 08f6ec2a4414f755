package ai.seedcore.serve.anomaly;

import ai.seedcore.serve.anomaly.Verdict.Severity;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/**
 * Judges one metric, while there are few points, by its distance from the median of those before
 * it, in units of their median absolute deviation (Iglewicz and Hoaglin, "How to Detect and Handle
 * Outliers", 1993). How rare such a distance is, is told by the tail of Student's distribution: the
 * fewer the points, the less their deviation is worth.
 */
final class RobustRule {

  /** Points that must have come before the first one that is judged. */
  static final int WARM_UP = 8;

  /** Degrees of freedom, at the most: metrics have heavier tails than the normal distribution. */
  private static final int FREEDOM = 8;

  /** Makes the median absolute deviation of normal data an estimate of its standard deviation. */
  private static final double NORMAL_MAD = 1.4826;

  /** Makes the mean absolute deviation of normal data the same; used where the median's is 0. */
  private static final double NORMAL_MEAN_AD = 1.2533;

  /** A metric at rest may move by this share of its value, and be at rest. */
  private static final double REST = 0.005;

  private final String metric;
  private final double limit;
  private final double[] window;
  private int seen;

  /**
   * A rule for one metric.
   *
   * @param limit the decades from which on a point is reported
   * @param points how many it judges, at the most
   */
  RobustRule(String metric, double limit, int points) {
    this.metric = metric;
    this.limit = limit;
    this.window = new double[points];
  }

  /** Judges the next point, then remembers it. */
  Verdict next(double value) {
    Verdict verdict = seen < WARM_UP ? Verdict.NORMAL : judge(value);
    window[seen++] = value;
    return verdict;
  }

  private Verdict judge(double value) {
    double[] past = Arrays.copyOf(window, seen);
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
    spread = Math.max(spread, spread == 0 ? REST * Math.abs(median) : 1e-9 * Math.abs(median));
    spread = Math.max(spread, Double.MIN_NORMAL);
    double deviations = distance / spread;
    int freedom = Math.min(FREEDOM, seen - 1);
    double rarity =
        Math.min(Tail.MOST, 0.5 * freedom * Math.log10(1 + deviations / freedom * deviations));
    Severity severity = Verdict.severity(rarity, limit);
    List<String> reasons =
        severity == Severity.NORMAL
            ? List.of()
            : List.of(
                String.format(
                    Locale.ROOT,
                    "robust: %s %s is %.1f deviations from the median %s of the %d points before it",
                    metric,
                    value,
                    deviations,
                    median,
                    seen));
    return new Verdict(Verdict.score(rarity), severity, reasons);
  }

  private static double median(double[] values) {
    Arrays.sort(values);
    int middle = values.length / 2;
    return values.length % 2 == 1 ? values[middle] : values[middle - 1] / 2 + values[middle] / 2;
  }
}
