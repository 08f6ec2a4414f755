package ai.seedcore.serve.docker;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/** Validates the manifests against the schemas of Kubernetes and of the operators. */
class KubernetesTest {

  private static final Set<String> CUSTOM = Set.of("RayCluster", "ServiceMonitor", "PodMonitor");

  /** The first version with native sidecars by default, and the newest version with schemas. */
  private static final List<String> VERSIONS = List.of("1.29", "1.37");

  @TempDir Path folder;

  @ParameterizedTest
  @ValueSource(strings = {"head", "door", "joined", "kuberay", "monitoring", "remember"})
  void matchesSchemas(String name) throws IOException {
    List<ObjectNode> all = Manifests.of(name);
    assertThat(all).isNotEmpty();
    for (ObjectNode each : all) {
      if (CUSTOM.contains(each.path("kind").asString())) {
        ofTheOperator(each);
      } else {
        ofKubernetes(each);
      }
    }
  }

  @Test
  void detectsMistakes() throws IOException {
    ObjectNode pod =
        pod(Manifests.templates(Manifests.only(Manifests.of("head"), "StatefulSet")).get(0));
    ((ObjectNode) pod.path("spec")).put("restartPolice", "Always");
    assertThat(validate(pod, "1.29").output()).contains("restartPolice");
    ObjectNode monitor = Manifests.only(Manifests.of("monitoring"), "ServiceMonitor");
    ((ObjectNode) monitor.path("spec")).put("selektor", "x");
    assertThat(byItsSchema(monitor).code()).isNotZero();
  }

  @ParameterizedTest
  @ValueSource(strings = {"head", "door", "joined", "kuberay", "remember"})
  void containersHaveMinimalPrivileges(String name) {
    List<JsonNode> containers = new ArrayList<>();
    for (ObjectNode each : Manifests.of(name)) {
      for (ObjectNode template : Manifests.templates(each)) {
        JsonNode pod = template.path("spec");
        assertThat(pod.path("securityContext").path("runAsNonRoot").asBoolean()).isTrue();
        assertThat(pod.path("automountServiceAccountToken").asBoolean(true)).isFalse();
        for (String key : List.of("hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace")) {
          assertThat(pod.has(key)).as(key).isFalse();
        }
        pod.path("initContainers").forEach(containers::add);
        pod.path("containers").forEach(containers::add);
      }
    }
    assertThat(containers).isNotEmpty();
    for (JsonNode container : containers) {
      JsonNode context = container.path("securityContext");
      assertThat(context.path("allowPrivilegeEscalation").asBoolean(true)).isFalse();
      assertThat(context.path("capabilities").path("drop").path(0).asString()).isEqualTo("ALL");
      if (!name.equals("kuberay")) { // KubeRay's command writes to the root file system.
        assertThat(context.path("readOnlyRootFilesystem").asBoolean()).isTrue();
      }
      assertThat(container.path("resources").path("requests").has("memory")).isTrue();
      assertThat(container.path("resources").path("limits").has("memory")).isTrue();
      assertThat(container.path("image").asString()).isEqualTo("seedcore/ray:0.1.0");
    }
  }

  private void ofKubernetes(ObjectNode object) throws IOException {
    for (String version : VERSIONS) {
      Shell.Result result = validate(object, version);
      assertThat(result.code()).as(result.output()).isZero();
      assertThat(result.output()).contains(" passed for resource ");
    }
  }

  private void ofTheOperator(ObjectNode object) throws IOException {
    byItsSchema(object).orFail();
    for (ObjectNode template : Manifests.templates(object)) {
      ofKubernetes(pod(template));
    }
  }

  private static ObjectNode pod(ObjectNode template) {
    ObjectNode pod = template.deepCopy();
    pod.put("apiVersion", "v1").put("kind", "Pod");
    pod.withObject("metadata").put("name", "pod");
    return pod;
  }

  private Shell.Result validate(ObjectNode object, String version) throws IOException {
    Path file = folder.resolve("object.yaml");
    Files.writeString(file, Manifests.YAML.writeValueAsString(object));
    return Shell.run(
        Manifests.tool("kubernetes-validate"), "--strict", "-k", version, file.toString());
  }

  private Shell.Result byItsSchema(ObjectNode object) throws IOException {
    Path file = folder.resolve("object.json");
    Files.writeString(file, object.toString());
    String schema = "docker/src/test/resources/schemas/%s.json";
    return Shell.run(
        Manifests.tool("jsonschema"),
        "-i",
        file.toString(),
        Shell.ROOT.resolve(schema.formatted(object.path("kind").asString())).toString());
  }
}
