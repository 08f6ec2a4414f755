package ai.seedcore.serve.anomaly;

import ai.seedcore.serve.anomaly.Verdict.Severity;
import ai.seedcore.serve.contract.Timestamps.Timestamp;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * Scores the points of one time series as a stream. Thresholds apply to every point. A robust rule
 * scores the first points, and forecasts with a random cut forest score the others.
 *
 * <p>The input of the forest is not the values but the rarities of each metric's forecast errors
 * (see {@link Residual}). A daily peak is therefore not new to it, and the metrics' units do not
 * matter. The rarity of a point is that of its rarest metric plus a contribution of the forest.
 *
 * <p>A rarity is a negative decimal logarithm of a probability: 3 means one point in 1,000.
 */
final class Detector {

  /** The number of points that the forest learns from before it scores. */
  static final int WARM_UP = 64;

  static final double DEFAULT_SENSITIVITY = 0.5;

  /** The factor between the rarity limits at the sensitivities 0 and 1. */
  private static final double SENSITIVITY_RANGE = 4;

  /** The weight of the forest's rarity above {@link #FOREST_MIN_RARITY}. */
  private static final double FOREST_WEIGHT = 0.2;

  /** The rarity up to which the forest does not count; one point in ten exceeds it. */
  private static final double FOREST_MIN_RARITY = 1;

  /** The maximum absolute value of a metric. The squares of larger values could overflow. */
  private static final double MAX_VALUE = 1e100;

  private final List<String> metrics;
  private final Thresholds thresholds;
  private final double limit;
  private final RobustRule[] robustRules;
  private final Residual[] residuals;
  private final @Nullable Joint joint;
  private final Forest forest;
  private final Cadence cadence = new Cadence();
  private int seen;
  private double @Nullable [] lastValues;
  private double lastTime = Double.NaN;
  private Verdict lastVerdict = Verdict.NORMAL;

  /**
   * Creates a detector for one series.
   *
   * @param metrics the names of the metrics
   * @param thresholds the thresholds on known metrics
   * @param sensitivity 0..1. At 0.5 a point is reported from the rarity {@link Verdict#LIMIT}, at 0
   *     from twice that rarity, at 1 from half of it.
   */
  Detector(List<String> metrics, Thresholds thresholds, double sensitivity) {
    this.metrics = metrics;
    this.thresholds = thresholds;
    this.limit = Verdict.LIMIT * Math.pow(SENSITIVITY_RANGE, DEFAULT_SENSITIVITY - sensitivity);
    this.robustRules = new RobustRule[metrics.size()];
    this.residuals = new Residual[metrics.size()];
    for (int i = 0; i < robustRules.length; i++) {
      robustRules[i] = new RobustRule(metrics.get(i), limit, WARM_UP);
      residuals[i] = new Residual();
    }
    this.joint = metrics.size() == 1 ? null : new Joint(metrics.size());
    this.forest = new Forest(metrics.size());
  }

  /**
   * Scores the next point.
   *
   * @param values one value per metric
   * @param time the point's timestamp; null if the series has none and is regularly spaced
   */
  Verdict next(double[] values, @Nullable Timestamp time) {
    if (time != null) {
      if (time.seconds() == lastTime && Arrays.equals(values, lastValues)) {
        return lastVerdict; // A duplicate of the previous point.
      }
      lastTime = time.seconds();
      int missing = cadence.next(lastTime);
      for (Residual residual : residuals) {
        residual.skip(missing);
      }
    }
    lastValues = values;
    lastVerdict = judge(values);
    seen++;
    return lastVerdict;
  }

  private Verdict judge(double[] values) {
    Verdict verdict = Verdict.NORMAL;
    double[] rarities = new double[values.length];
    double[] distances = new double[values.length];
    double[] learned = new double[values.length];
    for (int i = 0; i < values.length; i++) {
      double value = Math.max(-MAX_VALUE, Math.min(MAX_VALUE, values[i]));
      verdict = verdict.and(thresholds.judge(metrics.get(i), values[i]));
      if (seen < WARM_UP) {
        verdict = verdict.and(robustRules[i].next(value));
      }
      rarities[i] = residuals[i].next(value);
      distances[i] = value - residuals[i].expected();
      learned[i] = residuals[i].learned();
    }
    if (joint != null) {
      double[] conditional = joint.next(distances, learned);
      for (int i = 0; i < conditional.length; i++) {
        rarities[i] =
            Math.abs(conditional[i]) > Math.abs(rarities[i]) ? conditional[i] : rarities[i];
      }
    }
    double forestRarity = forest.next(rarities);
    return seen < WARM_UP ? verdict : verdict.and(judge(values, rarities, forestRarity));
  }

  private Verdict judge(double[] values, double[] rarities, double forestRarity) {
    int rarest = 0;
    for (int i = 1; i < rarities.length; i++) {
      rarest = Math.abs(rarities[i]) > Math.abs(rarities[rarest]) ? i : rarest;
    }
    double metricRarity = Math.abs(rarities[rarest]);
    double rarity = metricRarity + FOREST_WEIGHT * Math.max(0, forestRarity - FOREST_MIN_RARITY);
    Severity severity = Verdict.severity(rarity, limit);
    if (severity == Severity.NORMAL) {
      return new Verdict(Verdict.score(rarity), severity, List.of());
    }
    List<String> reasons = new ArrayList<>();
    reasons.add(
        String.format(
            Locale.ROOT,
            "forest: %s %s, forecast %.6g: one in 10^%.1f points is as far from its forecast",
            metrics.get(rarest),
            values[rarest],
            residuals[rarest].expected(),
            metricRarity));
    if (metricRarity < limit) {
      reasons.add(
          String.format(
              Locale.ROOT,
              "forest: one in 10^%.1f points is as unusual in combination with those before it",
              forestRarity));
    }
    return new Verdict(Verdict.score(rarity), severity, reasons);
  }
}
