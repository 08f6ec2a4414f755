package ai.seedcore.serve.anomaly;

import ai.seedcore.serve.anomaly.Verdict.Severity;
import ai.seedcore.serve.contract.Timestamps.Timestamp;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * Judges the points of one series, each as it comes: by thresholds always, by a robust rule while
 * there are few points, by the forest from then on.
 *
 * <p>The forest does not see the values but how rare the distance of each metric from its
 * expectation is ({@link Residual}): a daily peak is nothing new to it, and no unit outweighs
 * another. A point's rarity is that of its rarest metric, and what the forest adds to it.
 */
final class Detector {

  /** Points that the forest learns from before it judges. */
  static final int WARM_UP = 64;

  /** What a decade of the forest's adds, beyond the first, which one point in ten reaches. */
  private static final double FOREST_WEIGHT = 0.2;

  private static final double FOREST_FROM = 1;

  /** Beyond it squares would overflow. */
  private static final double LARGEST = 1e100;

  private final List<String> metrics;
  private final Thresholds thresholds;
  private final double limit;
  private final RobustRule[] rules;
  private final Residual[] residuals;
  private final @Nullable Joint joint;
  private final Forest forest;
  private final Cadence cadence = new Cadence();
  private int seen;
  private double @Nullable [] lastValues;
  private double lastTime = Double.NaN;
  private Verdict lastVerdict = Verdict.NORMAL;

  /**
   * A detector for one series.
   *
   * @param sensitivity 0..1: at 0.5 it reports from {@link Verdict#LIMIT} decades on, at 0 from
   *     twice as many, at 1 from half as many
   */
  Detector(List<String> metrics, Thresholds thresholds, double sensitivity) {
    this.metrics = metrics;
    this.thresholds = thresholds;
    this.limit = Verdict.LIMIT * Math.pow(4, 0.5 - sensitivity);
    this.rules = new RobustRule[metrics.size()];
    this.residuals = new Residual[metrics.size()];
    for (int i = 0; i < rules.length; i++) {
      rules[i] = new RobustRule(metrics.get(i), limit, WARM_UP);
      residuals[i] = new Residual();
    }
    this.joint = metrics.size() == 1 ? null : new Joint(metrics.size());
    this.forest = new Forest(metrics.size());
  }

  /**
   * Judges the next point.
   *
   * @param time when it was; null: as long after the one before it as always
   */
  Verdict next(double[] values, @Nullable Timestamp time) {
    if (time != null) {
      if (time.seconds() == lastTime && Arrays.equals(values, lastValues)) {
        return lastVerdict; // Sent twice.
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
      double value = Math.max(-LARGEST, Math.min(LARGEST, values[i]));
      verdict = verdict.and(thresholds.judge(metrics.get(i), values[i]));
      if (seen < WARM_UP) {
        verdict = verdict.and(rules[i].next(value));
      }
      rarities[i] = residuals[i].next(value);
      distances[i] = value - residuals[i].expected();
      learned[i] = residuals[i].learned();
    }
    if (joint != null) {
      double[] given = joint.next(distances, learned);
      for (int i = 0; i < given.length; i++) {
        rarities[i] = Math.abs(given[i]) > Math.abs(rarities[i]) ? given[i] : rarities[i];
      }
    }
    double shape = forest.next(rarities);
    return seen < WARM_UP ? verdict : verdict.and(judge(values, rarities, shape));
  }

  private Verdict judge(double[] values, double[] rarities, double shape) {
    int rarest = 0;
    for (int i = 1; i < rarities.length; i++) {
      rarest = Math.abs(rarities[i]) > Math.abs(rarities[rarest]) ? i : rarest;
    }
    double alone = Math.abs(rarities[rarest]);
    double rarity = alone + FOREST_WEIGHT * Math.max(0, shape - FOREST_FROM);
    Severity severity = Verdict.severity(rarity, limit);
    if (severity == Severity.NORMAL) {
      return new Verdict(Verdict.score(rarity), severity, List.of());
    }
    List<String> reasons = new ArrayList<>();
    reasons.add(
        String.format(
            Locale.ROOT,
            "forest: %s %s, expected about %.6g: one in 10^%.1f points is as far from what was"
                + " expected",
            metrics.get(rarest),
            values[rarest],
            residuals[rarest].expected(),
            alone));
    if (alone < limit) {
      reasons.add(
          String.format(
              Locale.ROOT,
              "forest: the last points together look like one in 10^%.1f before them",
              shape));
    }
    return new Verdict(Verdict.score(rarity), severity, reasons);
  }
}
