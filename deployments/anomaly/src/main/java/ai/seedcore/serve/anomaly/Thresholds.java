package ai.seedcore.serve.anomaly;

import ai.seedcore.serve.anomaly.Verdict.Severity;
import ai.seedcore.serve.contract.Input;
import ai.seedcore.serve.contract.Range;
import ai.seedcore.serve.contract.Refusal;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/** Fixed thresholds on known metrics, independent of the history of the series. */
final class Thresholds {

  /**
   * The thresholds of one metric.
   *
   * @param warning the smallest value with severity warning
   * @param critical the smallest value with severity critical
   */
  record Limit(double warning, double critical) {}

  /** The metrics whose values are fractions, unless their thresholds are configured above 1. */
  private static final Set<String> FRACTIONS =
      Set.of("cpu_usage", "memory_usage", "disk_usage", "error_rate");

  static final Map<String, Limit> DEFAULT =
      Map.of(
          "cpu_usage", new Limit(0.80, 0.95),
          "memory_usage", new Limit(0.85, 0.95),
          "disk_usage", new Limit(0.90, 0.98),
          "response_time", new Limit(2, 5),
          "error_rate", new Limit(0.05, 0.10));

  /** The score at the threshold for a warning. */
  private static final double MIN_WARNING_SCORE = 0.6;

  /** The widths of the score ranges of warnings, 0.6 to 0.8, and critical points, 0.8 to 1. */
  private static final double WARNING_SCORES = 0.2;

  private static final double CRITICAL_SCORES = 0.2;

  /** No score reaches 1. */
  private static final double MAX_SCORE = Math.nextDown(1.0);

  private final Map<String, Limit> limits;

  /** Creates the default thresholds. */
  Thresholds() {
    this(DEFAULT);
  }

  private Thresholds(Map<String, Limit> limits) {
    this.limits = limits;
  }

  /** Reads the option {@code thresholds}, which adds metrics to the defaults or changes them. */
  static Thresholds read(Input input) throws Refusal {
    Map<String, Limit> limits = new HashMap<>(DEFAULT);
    input.object(name -> limits.put(name, readLimit(input)));
    return new Thresholds(limits);
  }

  private static Limit readLimit(Input input) throws Refusal {
    double[] limit = {Double.NaN, Double.NaN};
    input.object(
        name -> {
          switch (name) {
            case "warning" -> limit[0] = input.number(Range.FINITE);
            case "critical" -> limit[1] = input.number(Range.FINITE);
            default -> throw input.unknown("warning", "critical");
          }
        });
    if (!(limit[0] < limit[1])) {
      throw input.wrong(
          "warning %s, critical %s".formatted(limit[0], limit[1]),
          "both, with warning below critical");
    }
    return new Limit(limit[0], limit[1]);
  }

  /** Returns whether the metric has thresholds. */
  boolean contains(String metric) {
    return limits.containsKey(metric);
  }

  /** Returns the ranges of metrics' values. A percentage is out of the range of a fraction. */
  Map<String, Range> ranges() {
    return FRACTIONS.stream()
        .filter(metric -> limits.containsKey(metric) && limits.get(metric).critical() <= 1)
        .sorted()
        .collect(
            Collectors.toMap(
                metric -> metric, metric -> Range.FRACTION, (a, b) -> a, LinkedHashMap::new));
  }

  /** Compares a value with the thresholds of its metric. */
  Verdict judge(String metric, double value) {
    Limit limit = limits.get(metric);
    if (limit == null || !(value >= limit.warning())) { // NaN, which is missing, is not.
      return Verdict.NORMAL;
    }
    if (value < limit.critical()) {
      double excess = (value - limit.warning()) / (limit.critical() - limit.warning());
      return verdict(
          MIN_WARNING_SCORE + WARNING_SCORES * excess,
          Severity.WARNING,
          metric,
          value,
          limit.warning());
    }
    // Above critical, the score approaches 1.
    double excess = (value - limit.critical()) / (limit.critical() - limit.warning());
    return verdict(
        Math.min(MAX_SCORE, 1 - CRITICAL_SCORES / (1 + excess)),
        Severity.CRITICAL,
        metric,
        value,
        limit.critical());
  }

  private static Verdict verdict(
      double score, Severity severity, String metric, double value, double limit) {
    return new Verdict(
        score,
        severity,
        List.of(
            "threshold: %s %s is at or above %s"
                .formatted(metric, Double.toString(value), Double.toString(limit))));
  }
}
