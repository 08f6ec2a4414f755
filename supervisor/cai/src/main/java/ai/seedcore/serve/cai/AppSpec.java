package ai.seedcore.serve.cai;

import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * The desired state of an application.
 *
 * @param name the unique name within the project
 * @param subdomain the unique subdomain within the workbench
 * @param script the file of the project that the application runs
 * @param cpu the number of CPUs
 * @param memory the memory, in GB
 * @param runtimeIdentifier the runtime image
 * @param environment the environment variables; the platform may add others
 */
record AppSpec(
    String name,
    String subdomain,
    String script,
    double cpu,
    double memory,
    String runtimeIdentifier,
    Map<String, String> environment) {

  /** Returns whether an existing application has the desired state. */
  boolean matches(Application found) {
    return script.equals(found.script())
        && cpu == found.cpu()
        && memory == found.memory()
        && Objects.equals(runtimeIdentifier, found.runtimeIdentifier())
        && containsEnvironment(found.environment());
  }

  private boolean containsEnvironment(@Nullable String text) {
    JsonNode found;
    try {
      found = JsonMapper.shared().readTree(text == null || text.isEmpty() ? "{}" : text);
    } catch (JacksonException e) {
      return false;
    }
    return environment.entrySet().stream()
        .allMatch(entry -> found.path(entry.getKey()).asString("").equals(entry.getValue()));
  }
}
