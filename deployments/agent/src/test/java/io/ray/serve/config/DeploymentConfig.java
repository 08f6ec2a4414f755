package io.ray.serve.config;

/** Stand-in for Ray's class of this name, with the parts that the agent uses. */
public class DeploymentConfig {
  private final Integer maxOngoingRequests;

  public DeploymentConfig(Integer maxOngoingRequests) {
    this.maxOngoingRequests = maxOngoingRequests;
  }

  public Integer getMaxOngoingRequests() {
    return maxOngoingRequests;
  }
}
