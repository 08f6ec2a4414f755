package io.ray.serve.replica;

/** Stand-in for Ray's class of this name. It lacks the methods that the patch adds. */
public class RayServeWrappedReplica {
  private final RayServeReplicaImpl replica;

  public RayServeWrappedReplica(RayServeReplicaImpl replica) {
    this.replica = replica;
  }

  public Object handleRequest(Object metadata, Object arguments) {
    return replica.handleRequest(metadata, arguments);
  }

  public boolean checkHealth() {
    return replica.checkHealth();
  }
}
