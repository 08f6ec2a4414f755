package ai.seedcore.serve.docker;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/** The Helm chart creates what the Kustomize folders create. */
class HelmTest {

  private static final String CHART = Shell.ROOT.resolve("docker/helm").toString();

  @TempDir Path rendering;

  private static Shell.Result helm(String command, String... values) {
    return Shell.run(
        Stream.concat(
                Stream.of(Manifests.tool("helm"), command, CHART, "--kube-version=1.34"),
                Stream.of(values).flatMap(value -> Stream.of("--set", value)))
            .toArray(String[]::new));
  }

  @ParameterizedTest
  @CsvSource({
    "head, cluster.kind=head",
    "joined, 'cluster.kind=existing,cluster.address=seedcore-head:6380'",
    "kuberay, cluster.kind=kuberay",
    "door, door.enabled=true"
  })
  void rendersWhatTheFolderHas(String folder, String value) throws IOException {
    Map<String, JsonNode> expected = byName(Manifests.of(folder));
    // By way of Kustomize, which resolves YAML's aliases.
    Files.writeString(rendering.resolve("all.yaml"), helm("template", value).orFail());
    Files.writeString(rendering.resolve("kustomization.yaml"), "resources: [all.yaml]\n");
    Map<String, JsonNode> rendered = byName(Manifests.in(rendering));
    assertThat(rendered.keySet()).isEqualTo(expected.keySet());
    expected.forEach((name, object) -> assertThat(rendered.get(name)).as(name).isEqualTo(object));
  }

  @Test
  void hasNoFaultThatLintFinds() {
    assertThat(helm("lint").orFail()).contains("0 chart(s) failed");
  }

  @Test
  void valuesReachTheManifests() {
    String rendered =
        helm(
                "template",
                "image.repository=registry.example/ray",
                "image.pullPolicy=Always",
                "head.cpus=4",
                "worker.replicas=3",
                "podSecurityContext.runAsUser=null",
                "statusToken.secretName=mine",
                "env[0].name=SEEDCORE_LOG_LEVEL,env[0].value=debug")
            .orFail();
    assertThat(rendered)
        .contains(
            "image: registry.example/ray:0.1.0",
            "imagePullPolicy: Always",
            "secretName: mine",
            "replicas: 3",
            "name: SEEDCORE_LOG_LEVEL")
        .doesNotContain("runAsUser");
    assertThat(helm("template", "cluster.kind=heads").output())
        .contains("cluster.kind: found 'heads', expected head, kuberay or existing");
    assertThat(helm("template", "cluster.kind=existing").output())
        .contains("cluster.address: found nothing, expected HOST:PORT");
    assertThat(helm("template", "cluster.kind=kuberay", "door.enabled=true").orFail())
        .contains("value: seedcore-head-svc:6379", "targetPort: door", "kind: RayCluster");
  }

  private static Map<String, JsonNode> byName(List<ObjectNode> all) {
    Map<String, JsonNode> named = new TreeMap<>();
    for (ObjectNode each : all) {
      String name = each.path("metadata").path("name").asString();
      named.put(each.path("kind").asString() + " " + name, sorted(each));
    }
    return named;
  }

  /** Returns a copy in which lists of named things are in the order of their names. */
  private static JsonNode sorted(JsonNode node) {
    if (node instanceof ObjectNode object) {
      ObjectNode copy = JsonNodeFactory.instance.objectNode();
      object.properties().forEach(field -> copy.set(field.getKey(), sorted(field.getValue())));
      return copy;
    }
    if (node instanceof ArrayNode array) {
      ArrayNode copy = JsonNodeFactory.instance.arrayNode();
      array
          .valueStream()
          .map(HelmTest::sorted)
          .sorted(Comparator.comparing(each -> each.path("name").asString("")))
          .forEach(copy::add);
      return copy;
    }
    return node;
  }
}
