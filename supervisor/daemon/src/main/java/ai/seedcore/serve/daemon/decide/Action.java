package ai.seedcore.serve.daemon.decide;

import ai.seedcore.serve.daemon.rollout.Versions;
import ai.seedcore.serve.protocol.Application;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The next step of the daemon. It carries out one at a time. Each is small and safe to repeat. */
public sealed interface Action {

  /** No action. */
  record Rest() implements Action {}

  /**
   * Starts our own Ray node: the head with {@code --local}, a node without CPUs with {@code
   * --join}.
   */
  record StartNode() implements Action {}

  /** Starts a driver JVM, which then stays warm. */
  record StartDriver() implements Action {}

  /** Ends the driver JVM. */
  record EndDriver() implements Action {}

  /**
   * Connects the driver to the cluster.
   *
   * @param session the session to join
   * @param nodeIp the address of this machine's Ray node
   */
  record Connect(String session, String nodeIp) implements Action {}

  /** Starts Serve if it does not run, and reads what a running Serve supports. */
  record EnsureServe() implements Action {}

  /**
   * Ends a Serve without Java support and starts another one.
   *
   * @param restored the applications to deploy again that are not declared, by name, in the form of
   *     a Serve config file
   */
  record ReplaceServe(Map<String, String> restored) implements Action {
    public ReplaceServe {
      restored = Map.copyOf(restored);
    }

    @Override
    public String toString() {
      return "ReplaceServe[restored=%s]".formatted(restored.keySet());
    }
  }

  /**
   * Uploads the packages of the declared deployments to the GCS, from which the nodes fetch them.
   */
  record Upload() implements Action {}

  /** Records the versions of the applications in the cluster. */
  record RecordVersions(Versions versions) implements Action {
    @Override
    public String toString() {
      return "RecordVersions[held=%s]".formatted(versions.held());
    }
  }

  /**
   * Submits one application.
   *
   * @param previous the version to submit instead of the declared one; null for the declared one
   */
  record Deploy(String name, @Nullable Application previous) implements Action {

    /** Creates the submission of the declared version. */
    public Deploy(String name) {
      this(name, null);
    }

    @Override
    public String toString() {
      return "Deploy[name=%s%s]".formatted(name, previous == null ? "" : ", the previous version");
    }
  }

  /**
   * Deletes an application that failed or is no longer declared. A failed one can then be submitted
   * again.
   */
  record Delete(String name) implements Action {}

  /** Kills a replica that Serve no longer lists and that still holds resources. */
  record KillReplica(String actor, String name) implements Action {}
}
