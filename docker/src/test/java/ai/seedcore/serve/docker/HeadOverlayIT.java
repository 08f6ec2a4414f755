package ai.seedcore.serve.docker;

import java.io.IOException;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** A head with the daemon as a native sidecar. */
class HeadOverlayIT extends OverlayFixture {

  private static final String POD = "seedcore-head-0";

  @BeforeAll
  static void apply() {
    begin("head", overlay("head"));
  }

  @Test
  void gcsKilled() throws IOException {
    measure(
        "the head's GCS killed (SIGKILL)",
        () -> {
          kill(POD, "head", "gcs_server");
          awaitNotServed(); // Readiness takes the pod out of the Service.
        });
  }

  @Test
  void podDeleted() throws IOException {
    measure("the head's pod deleted", () -> kube.run("delete", "pod", POD));
  }

  @Test
  void daemonKilled() throws IOException {
    measure("the daemon killed (SIGKILL)", () -> kill(POD, DAEMON, "java"));
  }

  @Test
  void workerDeleted() throws IOException {
    measure("the worker's pod deleted", () -> kube.run("delete", "pod", "-l", WORKERS));
  }

  @Test
  void configurationChanged() throws IOException {
    changeConfiguration(POD, "head");
  }

  @Test
  void tokenRotated() {
    rotateToken();
  }

  @Test
  void rollingRestart() throws IOException {
    measure("rolling restart", OverlayFixture::restartCluster);
  }
}
