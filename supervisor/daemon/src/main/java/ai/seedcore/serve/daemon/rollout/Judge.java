package ai.seedcore.serve.daemon.rollout;

import ai.seedcore.serve.daemon.config.Upgrade;
import ai.seedcore.serve.daemon.rollout.Verdict.Outcome;
import ai.seedcore.serve.door.DoorStatus.Comparison;
import java.time.Duration;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Judges a version by the copies of clients' requests that it has answered. A pure function. */
final class Judge {

  /** How long to wait for the first requests. */
  static final Duration QUIET = Duration.ofSeconds(2);

  /** After how long few requests must do. */
  static final Duration LONGEST = Duration.ofSeconds(10);

  /**
   * How long a version that is too slow may take to become faster: on a busy machine, its JVM needs
   * time to compile what it executes.
   */
  static final Duration WARM = Duration.ofSeconds(30);

  /** How many comparisons say something about the time. */
  static final int FEW = 3;

  /** How many failures are no accident. */
  static final int FAILURES = 3;

  /** What a JVM that has just started may take longer, in milliseconds. */
  static final double COLD_MILLIS = 20;

  /** The same, if only a few comparisons are there. */
  static final double VERY_COLD_MILLIS = 200;

  private Judge() {}

  /**
   * Judges a version.
   *
   * @param seen what the front door has seen; null if nothing
   * @param watched for how long copies could have been sent
   */
  static Verdict judge(
      String version, @Nullable Comparison seen, Upgrade limits, Duration watched) {
    boolean mirrors = seen != null && seen.version().equals(version) && limits.mirrored() > 0;
    if (seen == null || !mirrors) {
      return new Verdict(version, Outcome.PASSED, "");
    }
    int compared = seen.compared();
    boolean enough = compared >= limits.mirrored();
    boolean late = watched.compareTo(LONGEST) >= 0;
    if (seen.worse() > limits.maxFailures() * (enough || late ? compared : limits.mirrored())
        && (enough || late || seen.worse() >= FAILURES)) {
      return new Verdict(
          version,
          Outcome.FAILED,
          "fails at %d of %d requests that the version that serves answers: it %s"
              .formatted(seen.worse(), compared, seen.example()));
    }
    double margin = enough ? COLD_MILLIS : VERY_COLD_MILLIS;
    boolean slow =
        compared > 0 && seen.trialMillis() > limits.maxSlowdown() * seen.millis() + margin;
    boolean warm = watched.compareTo(WARM) >= 0 || compared >= limits.mostMirrored();
    if (slow && warm && compared >= Math.min(FEW, limits.mirrored())) {
      return new Verdict(version, Outcome.FAILED, slow(seen));
    }
    boolean quiet = watched.compareTo(QUIET) >= 0 && seen.offered() == 0;
    return (slow ? warm : enough || late || quiet)
        ? new Verdict(version, Outcome.PASSED, "")
        : new Verdict(
            version,
            Outcome.OPEN,
            // The numbers, which change all the time, are in the door's status.
            "its responses to copies of requests are compared");
  }

  private static String slow(Comparison seen) {
    return String.format(
        Locale.ROOT,
        "is too slow: it takes %.1f ms where the version that serves takes %.1f ms (the medians of"
            + " the latest of the %d requests)",
        seen.trialMillis(),
        seen.millis(),
        seen.compared());
  }
}
