package io.ray.serve.generated;

import java.util.Map;

/** Stand-in for Ray's class of this name, with the parts that the agent uses. */
public record RequestMetadata(String requestId, Map<String, String> context) {
  public String getRequestId() {
    return requestId;
  }

  public String getContextOrDefault(String key, String other) {
    return context.getOrDefault(key, other);
  }
}
