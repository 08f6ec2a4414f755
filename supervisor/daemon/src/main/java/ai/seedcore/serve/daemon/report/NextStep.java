package ai.seedcore.serve.daemon.report;

import ai.seedcore.serve.daemon.decide.Cause;
import ai.seedcore.serve.daemon.decide.Decision;

/**
 * Tells what a person should do about a decision, if anything. docs/operations.md has the details.
 */
final class NextStep {

  private NextStep() {}

  static String of(Decision decision) {
    Cause cause = decision.cause();
    return switch (cause) {
      case ALL_WELL -> "Nothing.";
      case HEAD_DOWN ->
          "If the head is restarting: nothing, the daemon deploys when it answers. Otherwise start"
              + " it ('ray start --head'), or correct what the reason names: --address, the token, or"
              + " the certificates.";
      case HEAD_STARTING -> "Nothing: the head is starting.";
      case NODE_MISSING ->
          "With --local or --join: nothing, the daemon is starting the node; if that fails, the"
              + " reason names a log. Otherwise start a Ray node on this machine ('ray start"
              + " --address=HEAD:PORT').";
      case DRIVER_STALE, LEAD_UNKNOWN, SERVE_ABSENT, APP_DIFFERS, APP_DROPPED ->
          "Nothing: the daemon is working on it.";
      case OTHER_LEADS ->
          "Nothing: the other daemon acts, and this one takes over if it ends. If their"
              + " configurations differ, make them the same.";
      case VERSION ->
          "Install the cluster's Ray version beside the daemon, and name its 'ray' command with"
              + " --ray.";
      case SERVE_UNKNOWN ->
          "Wait a minute. Then check that the dashboard runs on the head, and that --dashboard is"
              + " its URL.";
      case SERVE_UNUSABLE ->
          "Run 'serve shutdown -y' on the cluster: it deletes the applications of that Serve, and"
              + " the daemon starts a Serve that it can use.";
      case APP_FAILED ->
          "Correct what the reason names in the configuration (arguments, files, class); the change"
              + " takes effect at once.";
      case APP_PENDING ->
          "Wait a minute. Then the reason names what is missing: add CPUs or memory, or lower what"
              + " the deployment requests.";
      case VERSION_ON_TRIAL ->
          "Nothing: the previous version serves until the new one has passed its trial.";
      case VERSION_REJECTED ->
          "Correct what the reason names in the configuration (arguments, files, class), or declare"
              + " the previous version again; the change is tried at once.";
      case REPLICA_ORPHANED -> "Nothing: the daemon kills the replica.";
    };
  }
}
