package io.ray.serve.replica;

/** As Ray's class of this name, as far as the agent touches it: without the missing methods. */
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
