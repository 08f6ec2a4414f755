package ai.seedcore.serve.daemon.decide;

/** The role of this daemon among all that watch the cluster: one leads, the others stand by. */
public sealed interface Role {

  /** This daemon is the leader. */
  record Leads() implements Role {}

  /**
   * Another daemon is the leader.
   *
   * @param reason which one, in words
   */
  record StandsBy(String reason) implements Role {}

  /** The leader is not known yet: a request to the GCS is in progress. */
  record Undecided() implements Role {}
}
