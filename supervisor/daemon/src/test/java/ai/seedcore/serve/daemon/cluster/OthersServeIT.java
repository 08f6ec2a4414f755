package ai.seedcore.serve.daemon.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A Serve that somebody else started, and that cannot host Java replicas. */
@Tag("cluster")
class OthersServeIT {

  @TempDir Path folder;

  @Test
  void isRecognisedWithTheRemedyAndFollowedByOneThatCan() {
    try (RayCluster cluster = new RayCluster().start()) {
      cluster.session();
      cluster.python(
          "serve.start(http_options={'host': '127.0.0.1', 'port': %d})"
              .formatted(RayCluster.SERVE_PORT));
      try (DaemonProcess daemon = DaemonProcess.onCluster(folder)) {
        await()
            .atMost(Duration.ofSeconds(40))
            .until(() -> daemon.status().path("phase").asString("").equals("BLOCKED"));
        assertThat(daemon.status().path("reason").asString())
            .contains("without Java support")
            .contains("serve shutdown");
        assertThat(daemon.deploys()).isZero();

        cluster.run(List.of(RayCluster.ray("serve"), "shutdown", "-y", "-a", RayCluster.DASHBOARD));
        daemon.awaitReady();
        assertThat(daemon.deploys()).isEqualTo(3);
      }
    }
  }
}
