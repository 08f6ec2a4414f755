package ai.seedcore.serve.daemon.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;

/** A cluster whose GCS keeps its state in Redis: what befalls it need not befall what it serves. */
@Tag("cluster")
@Tag("long")
class RedisFaultsIT {

  private static final String REDIS = "127.0.0.1:26399";

  private final Path folder = Machine.temporaryFolder();
  private Process redis;
  private RayCluster cluster;
  private DaemonProcess daemon;

  @BeforeEach
  void start() throws IOException {
    redis =
        new ProcessBuilder(
                Tools.path("redis-server"), "--port", "26399", "--bind", "127.0.0.1", "--save", "")
            .directory(folder.toFile())
            .redirectErrorStream(true)
            .redirectOutput(folder.resolve("redis.log").toFile())
            .start();
    cluster = new RayCluster().with("RAY_REDIS_ADDRESS", REDIS).start();
    daemon = DaemonProcess.onCluster(folder);
  }

  @AfterEach
  void end() {
    if (daemon != null) {
      daemon.end("KILL");
      cluster.close();
    }
    if (redis != null) {
      redis.destroyForcibly();
    }
    Machine.delete(folder);
  }

  @Fault(
      value = "GCS with Redis killed alone, back after 10 s with the same command",
      expected = "applications survive, and are left alone")
  void gcsBackSoon(Row row) throws IOException {
    row.on(daemon);
    List<Long> replicas = cluster.replicaPids();
    gcsAway(row, Duration.ofSeconds(10));
    row.serving();
    row.untouchedFor(Duration.ofSeconds(20));
    assertThat(cluster.replicaPids()).isEqualTo(replicas);
    assertThat(row.deploys()).isZero();
    assertThat(row.failed()).isZero();
  }

  @Fault(
      value = "GCS with Redis killed alone, back after 70 s, when Ray's other processes have ended",
      expected = "what Ray cannot bring back by itself is submitted again")
  void gcsBackLate(Row row) throws IOException {
    row.on(daemon);
    gcsAway(row, Duration.ofSeconds(70));
    cluster.kill();
    cluster.comeBack();
    row.possible();
    row.serving();
    row.note("%d of 3 were submitted again".formatted(row.deploys()));
  }

  @Fault(
      value = "the whole head with Redis killed, back at once: the same session, another head node",
      expected = "Ray brings Serve back; what it brings back is left alone")
  void headBack(Row row) {
    row.on(daemon).fault(cluster::kill);
    row.noticed();
    cluster.comeBack();
    row.possible();
    row.serving();
    row.note("%d of 3 were submitted again".formatted(row.deploys()));
    int deploys = row.deploys();
    Machine.pass(Duration.ofSeconds(15));
    assertThat(row.deploys()).isEqualTo(deploys);
  }

  private void gcsAway(Row row, Duration away) throws IOException {
    ProcessHandle gcs = cluster.process("gcs_server");
    List<String> command = Machine.arguments(gcs);
    row.fault(gcs::destroyForcibly);
    row.noticed();
    Machine.pass(away);
    cluster.spawn(command);
    row.possible();
  }
}
