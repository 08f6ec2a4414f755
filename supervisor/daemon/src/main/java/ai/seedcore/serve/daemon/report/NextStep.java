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
          "If the head is being restarted: nothing, the daemon deploys when it answers. Otherwise start"
              + " it ('ray start --head'), or correct --address.";
      case HEAD_STARTING -> "Nothing: the head is starting.";
      case NODE_MISSING ->
          "With --local or --join: nothing, the node is being started; if that fails, the reason names"
              + " a log. Otherwise start a Ray node on this machine ('ray start --address=HEAD:PORT').";
      case DRIVER_STALE, LEAD_UNKNOWN, SERVE_ABSENT, APP_DIFFERS, APP_DROPPED ->
          "Nothing: the daemon is at work.";
      case OTHER_LEADS ->
          "Nothing: the other daemon acts, this one takes over if it ends. If they declare different"
              + " things, make them the same.";
      case VERSION ->
          "Install the cluster's version of Ray beside the daemon, and name it with --ray.";
      case SERVE_UNKNOWN ->
          "Nothing for a minute. Then check that the dashboard runs on the head, and that --dashboard"
              + " names it.";
      case SERVE_UNUSABLE ->
          "Run 'serve shutdown -y' on the cluster: it takes down what that Serve runs, and the daemon"
              + " starts one that it can use.";
      case APP_FAILED ->
          "Correct what the reason names in the declaration (arguments, files, class); the change is"
              + " taken at once.";
      case APP_PENDING ->
          "Nothing for a minute. Then the reason names what is missing: add CPUs or memory, or lower"
              + " what the deployment asks for.";
      case REPLICA_ORPHANED -> "Nothing: the daemon ends the replica.";
    };
  }
}
