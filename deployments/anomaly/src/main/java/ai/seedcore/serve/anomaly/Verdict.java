package ai.seedcore.serve.anomaly;

import java.util.ArrayList;
import java.util.List;

/**
 * The result for one point.
 *
 * @param score 0..1; higher is more anomalous
 * @param severity the severity; a point of severity {@code NORMAL} is not reported
 * @param reasons one sentence per reason; empty for a normal point
 */
record Verdict(double score, Severity severity, List<String> reasons) {

  /** The rarity from which on a point is reported at sensitivity 0.5, in decades. */
  static final double LIMIT = 4;

  /** The distance from the limit for a warning to the limit for critical, in decades. */
  private static final double CRITICAL_DISTANCE = 3;

  static final Verdict NORMAL = new Verdict(0, Severity.NORMAL, List.of());

  enum Severity {
    NORMAL,
    WARNING,
    CRITICAL
  }

  /**
   * Returns the severity of a rarity.
   *
   * @param rarity the rarity, in decades
   * @param limit the rarity from which on a point is reported, in decades
   */
  static Severity severity(double rarity, double limit) {
    return rarity >= limit + CRITICAL_DISTANCE
        ? Severity.CRITICAL
        : rarity >= limit ? Severity.WARNING : Severity.NORMAL;
  }

  /**
   * Returns the score of a rarity: 0.5 at {@link #LIMIT} and always below 1.
   *
   * @param rarity the rarity, in decades
   */
  static double score(double rarity) {
    return rarity / (rarity + LIMIT);
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
