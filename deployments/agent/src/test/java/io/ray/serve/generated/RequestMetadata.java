package io.ray.serve.generated;

/** Stand-in for Ray's class of this name, with the parts that the agent uses. */
public record RequestMetadata(String requestId) {
  public String getRequestId() {
    return requestId;
  }
}
