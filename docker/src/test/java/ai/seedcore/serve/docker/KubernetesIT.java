package ai.seedcore.serve.docker;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/**
 * Runs the pods of docker/kubernetes with 'podman kube play' and restarts the head. Podman 4.3
 * lacks some features, so the test makes native sidecars normal containers, removes probes, the
 * optional secret, and the /dev/shm volumes, which the containers of a Podman pod share anyway.
 */
@Tag("cluster")
@Tag("containers")
class KubernetesIT {

  private static final String IMAGE = "localhost/seedcore/ray:0.1.0";
  private static final Set<String> PROBES =
      Set.of("startupProbe", "readinessProbe", "livenessProbe");

  private static String engine = "";

  @TempDir Path folder;
  private String pod = "";

  @BeforeAll
  static void build() {
    engine = Shell.engine();
    Shell.library(Map.of(), "[ \"$ENGINE\" = podman ]").orFail();
    Shell.script("start-cluster.sh", "down").orFail();
    Shell.library(Map.of(), "build_image").orFail();
  }

  @AfterEach
  void down() {
    Shell.run(engine, "pod", "rm", "-f", "-t", "5", pod);
    Shell.run(engine, "volume", "rm", "-f", "ray", "head-tmp", "serve-tmp", "seedcore-serve");
  }

  @Test
  void headWithSidecarServesAfterHeadRestart() throws IOException {
    List<ObjectNode> all = Manifests.of("head");
    play("seedcore-head", all, Manifests.templates(Manifests.only(all, "StatefulSet")).get(0));
    String head = "seedcore-head-head";
    awaitServed(head, "pod played");
    // The request of the liveness probe; the reply is SERVING of the gRPC health service.
    assertThat(
            exec(
                head,
                "printf '\\0\\0\\0\\0\\0' | curl -s -m 2 --http2-prior-knowledge"
                    + " -H 'content-type: application/grpc' -H 'te: trailers' --data-binary @-"
                    + " http://127.0.0.1:6380/grpc.health.v1.Health/Check | od -An -tx1"))
        .isEqualTo("00 00 00 00 02 08 01");
    assertThat(exec(head, "id -u; grep CapEff /proc/self/status"))
        .startsWith("1000\n")
        .endsWith("0000000000000000");
    exec(head, "pkill -KILL -x gcs_server");
    await().atMost(Duration.ofSeconds(10)).until(() -> !ready());
    awaitServed(head, "GCS killed in its pod");
  }

  @Test
  void daemonFindsHeadThatKubeRayStarts() throws IOException {
    List<ObjectNode> all = Manifests.of("kuberay");
    JsonNode group = Manifests.only(all, "RayCluster").path("spec").path("headGroupSpec");
    ObjectNode template = (ObjectNode) group.path("template").deepCopy();
    ObjectNode head = (ObjectNode) template.path("spec").path("containers").path(0);
    // The command that KubeRay generates from rayStartParams and the container's resources.
    head.putArray("command").add("/bin/bash").add("-lc").add("--");
    head.putArray("args")
        .add(
            "ulimit -n 65536; ray start --head --dashboard-agent-listen-port=52365 --num-cpus=2"
                + " --memory=4294967296 --dashboard-host=0.0.0.0 --metrics-export-port=8080"
                + " --block");
    play("seedcore-kuberay", all, template);
    awaitServed("seedcore-kuberay-ray-head", "pod of KubeRay's command played");
    // KubeRay's workers wait for the head with this command.
    exec("seedcore-kuberay-ray-head", "bash -lc 'ray health-check --address 127.0.0.1:6379'");
  }

  private void play(String name, List<ObjectNode> all, ObjectNode template) throws IOException {
    pod = name;
    ObjectNode made = template.deepCopy();
    made.put("apiVersion", "v1").put("kind", "Pod");
    made.withObject("metadata").put("name", name);
    ObjectNode spec = (ObjectNode) made.path("spec");
    spec.remove(List.of("serviceAccountName", "enableServiceLinks"));
    ArrayNode containers = JsonNodeFactory.instance.arrayNode();
    containers.addAll(spec.path("initContainers").values());
    containers.addAll(spec.path("containers").values());
    spec.remove("initContainers");
    spec.set("containers", containers);
    for (JsonNode each : containers) {
      ObjectNode container = (ObjectNode) each;
      PROBES.forEach(container::remove);
      // Podman would publish the ports on all interfaces.
      container.remove(List.of("restartPolicy", "resources", "ports"));
      container.put("image", IMAGE);
      withoutSome((ArrayNode) container.path("volumeMounts"));
    }
    withoutSome((ArrayNode) spec.path("volumes"));
    Path file = folder.resolve("pod.yaml");
    Files.writeString(
        file,
        Manifests.YAML.writeValueAsString(Manifests.only(all, "ConfigMap"))
            + Manifests.YAML.writeValueAsString(made));
    Shell.run(engine, "kube", "play", "--network", "podman", file.toString()).orFail();
  }

  private static void withoutSome(ArrayNode named) {
    named.removeIf(each -> Set.of("shm", "status").contains(each.path("name").asString()));
  }

  private void awaitServed(String container, String what) {
    long start = System.nanoTime();
    await(what)
        .atMost(Duration.ofMinutes(1))
        .pollInterval(Duration.ofMillis(200))
        .until(this::ready);
    System.out.printf("FIGURE %s: %.1f s%n", what, (System.nanoTime() - start) / 1e9);
    assertThat(exec(container, "curl -sf -m 5 -d '{\"text\":\"a\"}' localhost:8000/SalienceScorer"))
        .startsWith("{");
  }

  /** Returns whether all routes answer. Runs in the daemon's container; the head's may be down. */
  private boolean ready() {
    String daemon = pod + "-seedcore-serve";
    return Shell.run(engine, "exec", daemon, "curl", "-sf", "-m", "2", "localhost:8090/readyz")
            .code()
        == 0;
  }

  private static String exec(String container, String line) {
    return Shell.run(engine, "exec", container, "sh", "-c", line).orFail();
  }
}
