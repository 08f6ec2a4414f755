package ai.seedcore.serve.anomaly;

import ai.seedcore.serve.anomaly.MetricDetector.Finding;
import ai.seedcore.serve.anomaly.Spread.Distance;
import ai.seedcore.serve.anomaly.Verdict.Severity;
import ai.seedcore.serve.contract.Timestamps.Timestamp;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Scores the points of one time series as a stream. Thresholds apply to every value. Each metric is
 * judged by itself ({@link MetricDetector}) and, if there are several, given the others ({@link
 * Joint}). The most anomalous metric decides.
 */
final class Detector {

  static final double DEFAULT_SENSITIVITY = 0.5;

  /** The factor between the limits at the sensitivities 0 and 1. */
  private static final double SENSITIVITY_RANGE = 4;

  private final List<String> metrics;
  private final Thresholds thresholds;
  private final double factor;
  private final @Nullable MetricDetector[] detectors;
  private final Cadence cadence = new Cadence();
  private @Nullable Joint joint;

  /** The metrics of the first points, which are the first ones in the list. */
  private int jointMetrics;

  private int seen;
  private int known;
  private double @Nullable [] lastValues;
  private double lastTime = Double.NaN;
  private Verdict lastVerdict = Verdict.NORMAL;
  private final Set<String> judges = new LinkedHashSet<>();

  /**
   * Creates a detector for one series.
   *
   * @param metrics the names of the metrics
   * @param thresholds the thresholds on known metrics
   * @param sensitivity 0..1. At 0.5 a point is reported from the limits on, at 0 from twice the
   *     limits, at 1 from half of them.
   */
  Detector(List<String> metrics, Thresholds thresholds, double sensitivity) {
    this.metrics = metrics;
    this.thresholds = thresholds;
    this.factor = Math.pow(SENSITIVITY_RANGE, DEFAULT_SENSITIVITY - sensitivity);
    this.detectors = new MetricDetector[metrics.size()];
  }

  /**
   * Scores the next point.
   *
   * @param values one value per metric, NaN if it is missing; metrics beyond the end are missing
   * @param time the point's timestamp; null if the series has none and is regularly spaced
   */
  Verdict next(double[] values, @Nullable Timestamp time) {
    if (time != null) {
      if (time.seconds() == lastTime && Arrays.equals(values, lastValues)) {
        return duplicate(values);
      }
      lastTime = time.seconds();
      int missing = cadence.next(lastTime);
      for (MetricDetector detector : detectors) {
        if (detector != null) {
          detector.skip(missing);
        }
      }
    }
    lastValues = values;
    lastVerdict = judge(values);
    return lastVerdict;
  }

  /** Returns the names of the methods that have scored a point. */
  Set<String> judges() {
    return judges;
  }

  /** Returns the verdict on a point that was sent before: only thresholds report it again. */
  private Verdict duplicate(double[] values) {
    Verdict verdict = new Verdict(lastVerdict.score(), Severity.NORMAL, List.of());
    for (int i = 0; i < values.length; i++) {
      verdict = verdict.and(thresholds.judge(metrics.get(i), values[i]));
    }
    return verdict;
  }

  private Verdict judge(double[] values) {
    for (int i = 0; i < values.length; i++) {
      if (detectors[i] == null && !Double.isNaN(values[i])) {
        detectors[i] = new MetricDetector(true, factor);
        known++;
      }
    }
    if (++seen == MetricDetector.WARM_UP) {
      jointMetrics = known;
      joint = known > 1 ? new Joint(known, factor) : null;
    }
    int tests = joint == null ? known : known + jointMetrics;
    double[] deviations = new double[jointMetrics];
    double[] learned = new double[jointMetrics];
    boolean complete = joint != null;
    Verdict verdict = Verdict.NORMAL;
    for (int i = 0; i < detectors.length; i++) {
      if (i >= values.length || Double.isNaN(values[i])) {
        complete &= i >= jointMetrics;
        if (detectors[i] != null) {
          detectors[i].skip(1);
        }
        continue;
      }
      verdict = verdict.and(thresholds.judge(metrics.get(i), values[i]));
      Finding finding = Objects.requireNonNull(detectors[i]).next(values[i], tests);
      verdict = verdict.and(verdict(finding, "robust", metrics.get(i), values[i]));
      if (i < jointMetrics && finding.distance() != null) {
        deviations[i] = finding.distance().distance() * finding.distance().spread();
        learned[i] = deviations[i] / Math.max(1, finding.excess());
      }
    }
    if (complete && joint != null) {
      Finding[] findings = joint.next(deviations, learned, tests);
      for (int i = 0; i < findings.length; i++) {
        verdict = verdict.and(verdict(findings[i], "joint", metrics.get(i), values[i]));
      }
    }
    return verdict;
  }

  private Verdict verdict(Finding finding, String judge, String metric, double value) {
    Severity severity =
        finding.repeated() ? Severity.NORMAL : Verdict.severity(finding.excess() / factor);
    Distance distance = finding.distance();
    if (distance != null) {
      judges.add(judge);
    }
    List<String> reasons =
        severity == Severity.NORMAL || distance == null
            ? List.of()
            : List.of(judge + ": " + metric + " " + value + reason(finding, distance, judge));
    return new Verdict(Verdict.score(finding.rarity()), severity, reasons);
  }

  private static String reason(Finding finding, Distance distance, String judge) {
    if (finding.outage()) {
      return String.format(
          Locale.ROOT, " is lower than ever before, usual is %.6g", distance.center());
    }
    String expected =
        judge.equals("joint")
            ? "what the other metrics suggest"
            : finding.period() > 0
                ? String.format(
                    Locale.ROOT,
                    "%.6g, expected at this phase of a period of %d points",
                    distance.center(),
                    finding.period())
                : String.format(Locale.ROOT, "the recent median %.6g", distance.center());
    return String.format(
        Locale.ROOT,
        " is %.4g times as far as usual (%.3g) from %s",
        distance.size(),
        distance.spread(),
        expected);
  }
}
