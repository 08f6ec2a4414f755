package ai.seedcore.serve.anomaly;

import java.util.ArrayList;
import java.util.List;

/**
 * What a judge says of one point.
 *
 * @param score 0..1, higher is stranger
 * @param severity whether it is to be reported, and how
 * @param reasons why, one text a cause; empty for a normal point
 */
record Verdict(double score, Severity severity, List<String> reasons) {

  static final Verdict NORMAL = new Verdict(0, Severity.NORMAL, List.of());

  enum Severity {
    NORMAL,
    WARNING,
    CRITICAL
  }

  /** Both verdicts in one: the worse of each. */
  Verdict and(Verdict other) {
    if (other.severity == Severity.NORMAL && other.score <= score) {
      return this;
    }
    List<String> all = new ArrayList<>(reasons);
    all.addAll(other.reasons);
    return new Verdict(
        Math.max(score, other.score),
        severity.compareTo(other.severity) >= 0 ? severity : other.severity,
        all);
  }
}
