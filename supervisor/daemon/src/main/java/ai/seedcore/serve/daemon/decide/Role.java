package ai.seedcore.serve.daemon.decide;

/** Who acts on the cluster, of all the daemons that watch it: one leads, the others stand by. */
public sealed interface Role {

  /** We do. */
  record Leads() implements Role {}

  /**
   * Another daemon does.
   *
   * @param reason which one, in words
   */
  record StandsBy(String reason) implements Role {}

  /** Nobody knows yet: the cluster is being asked. */
  record Undecided() implements Role {}
}
