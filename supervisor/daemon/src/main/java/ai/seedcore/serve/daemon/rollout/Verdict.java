package ai.seedcore.serve.daemon.rollout;

/**
 * The result of a trial so far.
 *
 * @param version the content version on trial
 * @param outcome what is known
 * @param why what is tried at the moment, or why the version failed
 */
public record Verdict(String version, Outcome outcome, String why) {

  /** What is known about a version. */
  public enum Outcome {
    /** Its trial has not ended. */
    OPEN,
    /** It may take over. */
    PASSED,
    /** It must not. */
    FAILED
  }
}
