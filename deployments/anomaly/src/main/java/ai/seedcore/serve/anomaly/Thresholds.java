package ai.seedcore.serve.anomaly;

import ai.seedcore.serve.anomaly.Verdict.Severity;
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

  Thresholds(Map<String, Limit> limits) {
    this.limits = limits;
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
    return verdict(
        1 - 0.2 * limit.critical() / value, Severity.CRITICAL, metric, value, limit.critical());
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
