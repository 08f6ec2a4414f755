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

  /** The decades from which on a point is reported, at sensitivity 0.5. */
  static final double LIMIT = 4;

  /** So many decades beyond the limit a judge is confident: critical. */
  private static final double CONFIDENT = 3;

  static final Verdict NORMAL = new Verdict(0, Severity.NORMAL, List.of());

  enum Severity {
    NORMAL,
    WARNING,
    CRITICAL
  }

  /** What is to be done about a rarity. */
  static Severity severity(double rarity, double limit) {
    return rarity >= limit + CONFIDENT
        ? Severity.CRITICAL
        : rarity >= limit ? Severity.WARNING : Severity.NORMAL;
  }

  /** 0..1 by rarity: 0.5 is what is reported at sensitivity 0.5, and nothing ever reaches 1. */
  static double score(double rarity) {
    return rarity / (rarity + LIMIT);
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
