package ai.seedcore.serve.anomaly;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * The result for one point.
 *
 * @param score 0..1; higher is more anomalous
 * @param severity the severity; a point of severity {@code NORMAL} is not reported
 * @param reasons one sentence per reason; empty for a normal point
 */
record Verdict(double score, Severity severity, List<String> reasons) {

  static final Verdict NORMAL = new Verdict(0, Severity.NORMAL, List.of());

  /** An anomaly of at least twice the limit is critical. */
  private static final double CRITICAL_EXCESS = 2;

  enum Severity {
    NORMAL,
    WARNING,
    CRITICAL;

    /** Returns the name in replies. */
    String word() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /**
   * Returns the severity of an excess.
   *
   * @param excess the deviation as a multiple of the limit
   */
  static Severity severity(double excess) {
    return excess >= CRITICAL_EXCESS
        ? Severity.CRITICAL
        : excess >= 1 ? Severity.WARNING : Severity.NORMAL;
  }

  /**
   * Returns the score of a rarity: 0.5 for one point in 1,000, and always below 1.
   *
   * @param rarity the rarity, in decades
   */
  static double score(double rarity) {
    return rarity / (rarity + MetricDetector.LIMIT_RARITY);
  }

  /** Combines two results: the higher score, the higher severity, and all reasons. */
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
