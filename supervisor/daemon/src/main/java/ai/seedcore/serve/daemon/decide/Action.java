package ai.seedcore.serve.daemon.decide;

/** What can be done next. One at a time; each is small, and safe to do again. */
public sealed interface Action {

  /** Nothing. */
  record Rest() implements Action {}

  /**
   * Starts our own Ray node: the head with {@code --local}, a node without CPUs with {@code
   * --join}.
   */
  record StartNode() implements Action {}

  /** Starts a driver JVM, which then waits warm. */
  record StartDriver() implements Action {}

  /** Ends the driver JVM. */
  record EndDriver() implements Action {}

  /**
   * Connects the driver to the cluster.
   *
   * @param session the session that it joins
   * @param nodeIp the address of this machine's Ray node
   */
  record Connect(String session, String nodeIp) implements Action {}

  /** Starts Serve where none runs, and learns what a Serve that runs can do. */
  record EnsureServe() implements Action {}

  /** Puts the packages of the declared deployments where the cluster's nodes fetch them. */
  record Upload() implements Action {}

  /** Submits one application. */
  record Deploy(String name) implements Action {}

  /** Takes one application down that failed, so that it can be submitted anew. */
  record Delete(String name) implements Action {}

  /** Ends a replica that Serve has forgotten, and that holds what others need. */
  record KillReplica(String actor, String name) implements Action {}
}
