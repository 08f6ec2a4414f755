package ai.seedcore.serve.anomaly;

import ai.seedcore.serve.anomaly.Verdict.Severity;
import ai.seedcore.serve.contract.Input;
import ai.seedcore.serve.contract.Range;
import ai.seedcore.serve.contract.Refusal;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Judges the metrics whose limits are known, whatever is usual for the series. */
final class Thresholds {

  /**
   * The limits of one metric.
   *
   * @param warning from here on it is a warning
   * @param critical from here on it is critical
   */
  record Limit(double warning, double critical) {}

  static final Map<String, Limit> DEFAULT =
      Map.of(
          "cpu_usage", new Limit(0.80, 0.95),
          "memory_usage", new Limit(0.85, 0.95),
          "disk_usage", new Limit(0.90, 0.98),
          "response_time", new Limit(2, 5),
          "error_rate", new Limit(0.05, 0.10));

  private final Map<String, Limit> limits;

  /** The contract's own. */
  Thresholds() {
    this(DEFAULT);
  }

  private Thresholds(Map<String, Limit> limits) {
    this.limits = limits;
  }

  /** Reads the option {@code thresholds}: metrics to add to the known ones, or to change. */
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
          "warning %s, critical %s".formatted(limit[0], limit[1]), "both, warning below critical");
    }
    return new Limit(limit[0], limit[1]);
  }

  boolean know(String metric) {
    return limits.containsKey(metric);
  }

  Verdict judge(String metric, double value) {
    Limit limit = limits.get(metric);
    if (limit == null || value < limit.warning()) {
      return Verdict.NORMAL;
    }
    if (value < limit.critical()) {
      double way = (value - limit.warning()) / (limit.critical() - limit.warning());
      return verdict(0.6 + 0.2 * way, Severity.WARNING, metric, value, limit.warning());
    }
    // Beyond critical the score keeps rising, towards 1.
    double way = (value - limit.critical()) / (limit.critical() - limit.warning());
    return verdict(1 - 0.2 / (1 + way), Severity.CRITICAL, metric, value, limit.critical());
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
