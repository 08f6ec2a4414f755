package ai.seedcore.serve.daemon.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A deployment with {@code min_replicas: 0} has replicas only while there are requests. */
@Tag("cluster")
class ScaleToZeroIT {

  private static final String DOOR = "http://127.0.0.1:28001/worker";

  private static final String AUTOSCALING =
      "{min_replicas: 0, max_replicas: 2, downscale_delay_s: 1, metrics_interval_s: 0.5,"
          + " look_back_period_s: 1}";

  @TempDir Path folder;
  private final Web web = new Web(Duration.ofSeconds(60));

  @Test
  void requestsWaitForAReplicaThatTheyStart() throws Exception {
    Worker worker = new Worker(folder).with("replicas", null).with("autoscaling", AUTOSCALING);
    worker.declare();
    try (RayCluster cluster = new RayCluster().start();
        DaemonProcess daemon =
            DaemonProcess.onCluster(
                    folder, "--front-door=127.0.0.1:28001", "--config=" + worker.config())
                .awaitReady()) {
      assertThat(cluster.replicaPids()).isEmpty();
      startsAReplica("the first request of a deployment without replicas");
      awaitNone(cluster);
      startsAReplica("a request of a deployment that was scaled to zero");
      awaitNone(cluster);

      // They come one by one while the replica starts.
      long start = System.nanoTime();
      List<CompletableFuture<Integer>> responses =
          IntStream.range(0, 20)
              .mapToObj(i -> CompletableFuture.supplyAsync(this::status))
              .toList();
      assertThat(responses).allSatisfy(response -> assertThat(response.join()).isEqualTo(200));
      Figures.print("20 requests of a deployment that was scaled to zero", start);
      awaitNone(cluster);

      // Without the front door, the request waits in Serve's proxy.
      assertThat(web.post(Worker.URL, "tell").statusCode()).isEqualTo(200);
      awaitNone(cluster);

      cluster.worker("ServeController").destroyForcibly();
      startsAReplica("a request of such a deployment after the controller was killed");
      assertThat(daemon.deploys()).isEqualTo(1);

      cluster.kill();
      cluster.start();
      daemon.awaitReady();
      startsAReplica("a request of such a deployment after a restart of the head");
    }
  }

  private void startsAReplica(String what) {
    long start = System.nanoTime();
    assertThat(status()).isEqualTo(200);
    assertThat(Figures.print(what, start)).isLessThan(30);
  }

  private int status() {
    try {
      return web.post(DOOR, "tell").statusCode();
    } catch (Exception e) {
      throw new AssertionError(e);
    }
  }

  /** The daemon does not keep a replica alive by asking it. */
  private static void awaitNone(RayCluster cluster) {
    await().atMost(Duration.ofSeconds(60)).until(() -> cluster.replicaPids().isEmpty());
  }
}
