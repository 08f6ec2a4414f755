package io.ray.serve.generated;

/** As Ray's class of this name, as far as the agent touches it. */
public record RequestMetadata(String requestId) {
  public String getRequestId() {
    return requestId;
  }
}
