package ai.seedcore.serve.docker;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * A RayService, whose Python application KubeRay deploys, on the cluster on which the daemon
 * deploys Java ones.
 */
class RayServiceOverlayIT extends OverlayFixture {

  private static final String PYTHON =
      """
      from ray import serve


      @serve.deployment(ray_actor_options={"num_cpus": 0.1})
      class Greeter:
          async def __call__(self, request):
              return "hello"


      app = Greeter.bind()
      """;

  private static final String DECLARED =
      """
      applications:
        - name: greeter
          route_prefix: /greet
          import_path: greeter:app
      """;

  @BeforeAll
  static void apply() throws IOException {
    assumeTrue(
        Shell.run("kubectl", "get", "crd", "rayservices.ray.io").code() == 0,
        "skipped: the cluster has no KubeRay");
    List<ObjectNode> all = Manifests.of("kuberay");
    ObjectNode service = Manifests.only(all, "RayCluster");
    ObjectNode cluster = (ObjectNode) service.path("spec");
    Manifests.templates(service).forEach(RayServiceOverlayIT::mountCode);
    service.put("kind", "RayService");
    service.putObject("spec").put("serveConfigV2", DECLARED).set("rayClusterConfig", cluster);
    ObjectNode code = Manifests.YAML.createObjectNode();
    code.put("apiVersion", "v1").put("kind", "ConfigMap");
    code.putObject("metadata").put("name", "code");
    code.putObject("data").put("greeter.py", PYTHON);
    all.add(code);
    Path made = Files.createDirectories(folder.resolve("rayservice"));
    StringBuilder text = new StringBuilder();
    for (JsonNode each : all) {
      text.append(Manifests.YAML.writeValueAsString(each));
    }
    Files.writeString(made.resolve("all.yaml"), text);
    Files.writeString(made.resolve("kustomization.yaml"), "resources: [all.yaml]\n");
    OverlayFixture.service = "seedcore-head-svc";
    begin("kuberay, as a RayService", made);
  }

  private static void mountCode(ObjectNode template) {
    ObjectNode pod = (ObjectNode) template.path("spec");
    pod.withArray("volumes")
        .addObject()
        .put("name", "code")
        .putObject("configMap")
        .put("name", "code");
    ObjectNode ray = (ObjectNode) pod.path("containers").path(0);
    ray.withArray("volumeMounts").addObject().put("name", "code").put("mountPath", "/code");
    ray.withArray("env").addObject().put("name", "PYTHONPATH").put("value", "/code");
  }

  private static void awaitGreeted() {
    assertThat(
            kube.exec(
                "client",
                "client",
                "timeout 180 sh -c 'until curl -sf -m 3 http://seedcore-head-svc:8000/greet; do sleep 0.1; done'"))
        .isEqualTo("hello");
  }

  @Test
  void gcsKilled() throws IOException {
    awaitGreeted();
    String head = kube.pods("ray.io/node-type=head").get(0);
    measure(
        "the head's GCS killed (SIGKILL): KubeRay's application and ours",
        () -> {
          kill(head, "ray-head", "gcs_server");
          awaitServed();
          awaitGreeted();
        });
  }
}
