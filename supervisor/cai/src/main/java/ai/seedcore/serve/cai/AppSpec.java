package ai.seedcore.serve.cai;

import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * An application as it is wanted.
 *
 * @param script the file of the project that it runs
 * @param memory in GB
 * @param environment the variables that are ours; the platform may add others
 */
record AppSpec(
    String name,
    String subdomain,
    String script,
    double cpu,
    double memory,
    String runtimeIdentifier,
    Map<String, String> environment) {

  boolean matches(Application found) {
    return script.equals(found.script())
        && cpu == found.cpu()
        && memory == found.memory()
        && Objects.equals(runtimeIdentifier, found.runtimeIdentifier())
        && holdsOurVariables(found.environment());
  }

  private boolean holdsOurVariables(@Nullable String text) {
    JsonNode found;
    try {
      found = JsonMapper.shared().readTree(text == null || text.isEmpty() ? "{}" : text);
    } catch (JacksonException e) {
      return false;
    }
    return environment.entrySet().stream()
        .allMatch(ours -> found.path(ours.getKey()).asString("").equals(ours.getValue()));
  }
}
