package ai.seedcore.serve.daemon.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Clusters as others start them, told to the daemon as people write them. */
@Tag("cluster")
class AddressesIT {

  @TempDir Path folder;
  private final Web web = new Web();

  @Test
  void aHeadInAFolderOfItsOwnIsFoundAndItsDashboardWithIt() throws Exception {
    Path temporary = Files.createTempDirectory("ray"); // Short: sockets are in it.
    try (RayCluster cluster = new RayCluster().start("--temp-dir=" + temporary);
        DaemonProcess daemon = DaemonProcess.start(folder).awaitReady()) {
      assertThat(daemon.status().path("head").path("address").asString())
          .isEqualTo(RayCluster.ADDRESS);
      // Not port 8265: nothing but the cluster says so.
      assertThat(daemon.status().path("head").path("dashboard").asString())
          .isEqualTo(RayCluster.DASHBOARD);
      assertThat(daemon.status().path("serve").asString()).startsWith("running");
      assertThat(web.allAnswer(RayCluster.ROUTES)).isTrue();
      assertThat(cluster.replicaPids()).hasSize(3);
    } finally {
      Machine.delete(temporary);
    }
  }

  @Test
  void aHeadThatIsKnownByThisMachinesNameIsOnThisMachine() throws Exception {
    String name = InetAddress.getLocalHost().getHostName();
    try (RayCluster cluster = new RayCluster(name).start();
        DaemonProcess daemon =
            DaemonProcess.start(
                folder,
                List.of(),
                Map.of("RAY_ADDRESS", cluster.address()),
                "--serve-host=127.0.0.1",
                "--serve-url=" + RayCluster.ROUTES)) {
      daemon.awaitReady();
      assertThat(web.allAnswer(RayCluster.ROUTES)).isTrue();
      assertThat(cluster.replicaPids()).hasSize(3);
    }
  }
}
