package io.ray.serve.config;

/** As Ray's class of this name, as far as the agent touches it. */
public class DeploymentConfig {
  private final Integer maxOngoingRequests;

  public DeploymentConfig(Integer maxOngoingRequests) {
    this.maxOngoingRequests = maxOngoingRequests;
  }

  public Integer getMaxOngoingRequests() {
    return maxOngoingRequests;
  }
}
