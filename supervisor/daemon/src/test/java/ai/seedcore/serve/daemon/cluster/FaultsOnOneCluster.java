package ai.seedcore.serve.daemon.cluster;

import static org.awaitility.Awaitility.await;

import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.TestInstance;

/**
 * Rows that need no more than a head and a daemon. Both go on from row to row; where one left them
 * in another state than serving, the next begins with new ones. So each row can run alone.
 */
@Tag("cluster")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
abstract class FaultsOnOneCluster {

  /** Requests a second through the front door. */
  static final int PER_SECOND = Integer.getInteger("seedcore.door.rate", 30);

  /** Whether no other test uses the machine: at the rate of the page that the rows become. */
  static final boolean ALONE = PER_SECOND >= 100;

  final Path folder = Machine.temporaryFolder();
  final Web web = new Web();
  RayCluster cluster;
  DaemonProcess daemon;

  @BeforeEach
  void ready() {
    if (daemon != null
        && daemon.alive()
        && daemon.phase().equals("SERVING")
        && web.allAnswer(RayCluster.ROUTES)
        && cluster.replicaPids().size() == 3) {
      return;
    }
    close();
    cluster = new RayCluster().start();
    daemon = DaemonProcess.onCluster(folder, options()).awaitReady();
  }

  /** More of the daemon's options. */
  String[] options() {
    return new String[0];
  }

  private void close() {
    if (daemon != null) {
      daemon.end("KILL");
      daemon = null;
    }
    if (cluster != null) {
      cluster.close();
      cluster = null;
    }
  }

  @AfterAll
  void clean() {
    close();
    Machine.delete(folder);
  }

  /** Starts the head anew, from whose first answer on recovery is possible, and awaits that. */
  void headComesBack(Row row) {
    String session = cluster.comeBack();
    row.possible();
    await("the new head is noticed; measured 0.3 s")
        .atMost(Duration.ofSeconds(3))
        .pollInterval(Duration.ofMillis(20))
        .until(() -> daemon.status().path("head").path("session").asString("").equals(session));
    row.serving();
  }
}
