package ai.seedcore.serve.docker;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The daemon as a container of the head of KubeRay's RayCluster. */
class KubeRayOverlayIT extends OverlayFixture {

  private static final String HEADS = "ray.io/node-type=head";

  @BeforeAll
  static void apply() {
    assumeTrue(
        Shell.run("kubectl", "get", "crd", "rayclusters.ray.io").code() == 0,
        "skipped: the cluster has no KubeRay");
    service = "seedcore-head-svc";
    begin("kuberay", overlay("kuberay"));
  }

  private static String head() {
    return kube.pods(HEADS).get(0);
  }

  @Test
  void gcsKilled() throws IOException {
    measure("the head's GCS killed (SIGKILL)", () -> kill(head(), "ray-head", "gcs_server"));
  }

  @Test
  void headDeleted() throws IOException {
    measure("the head's pod deleted", () -> kube.run("delete", "pod", head()));
  }

  @Test
  void daemonKilled() throws IOException {
    measure("the daemon killed (SIGKILL)", () -> kill(head(), DAEMON, "java"));
  }

  @Test
  void configurationChanged() throws IOException {
    changeConfiguration(head(), "ray-head");
  }

  @Test
  void tokenRotated() {
    rotateToken();
  }
}
