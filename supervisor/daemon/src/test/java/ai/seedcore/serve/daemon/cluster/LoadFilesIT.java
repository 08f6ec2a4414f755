package ai.seedcore.serve.daemon.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The files of docs/load work with the load generators that others wrote. */
@Tag("cluster")
class LoadFilesIT {

  private static final Path FOLDER = Machine.temporaryFolder();
  private static final Path FILES = Path.of("..", "..", "docs", "load");
  private static final String DOOR = "http://127.0.0.1:28001";
  private static final String TOKEN = "a-token-for-the-door";

  private static RayCluster cluster;
  private static DaemonProcess daemon;

  @BeforeAll
  static void start() throws Exception {
    Path token = Files.writeString(FOLDER.resolve("token"), TOKEN);
    cluster = new RayCluster().start();
    daemon =
        DaemonProcess.onCluster(
                FOLDER, "--front-door=127.0.0.1:28001", "--front-door-token-file=" + token)
            .awaitReady();
  }

  @AfterAll
  static void end() {
    Machine.close(daemon, cluster);
    Machine.delete(FOLDER);
  }

  @Test
  void wrk() {
    String said =
        Machine.run(
            Tools.path("wrk"),
            "-t1",
            "-c8",
            "-d2s",
            "-s",
            FILES.resolve("wrk.lua").toString(),
            "-H",
            "Authorization: Bearer " + TOKEN,
            DOOR + "/SalienceScorer");
    assertThat(said).containsPattern("requests: [1-9]\\d+, failed: 0");
  }

  @Test
  void locust() {
    // It fails if a request does.
    String said =
        Machine.run(
            "env",
            "TOKEN=" + TOKEN,
            Tools.path("locust"),
            "-f",
            FILES.resolve("locustfile.py").toString(),
            "--headless",
            "-u5",
            "-r5",
            "-t3s",
            "-H",
            DOOR);
    assertThat(said)
        .containsPattern("POST +/SalienceScorer +[1-9]\\d* +0\\(")
        .containsPattern("POST +/AnomalyDetector +[1-9]\\d* +0\\(")
        .containsPattern("POST +/ScalingPredictor +[1-9]\\d* +0\\(");
  }
}
