package ai.seedcore.serve.daemon.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.Tag;

/** Half an hour of steady load, and a head that is restarted all the time. */
@Tag("long")
class LoadIT extends FaultsOnOneCluster {

  private static final int MINUTES = Integer.getInteger("seedcore.load.minutes", 30);
  private static final Duration EVERY = Duration.ofMinutes(3);

  @Fault(
      value = "100 requests a second for 30 minutes, the head restarted every 3 minutes",
      expected = "requests fail only while the cluster itself cannot serve; memory stays flat")
  void steadyLoad(Row row) {
    row.on(daemon, RayCluster.ROUTES, 100).fault(() -> {});
    long end = System.nanoTime() + Duration.ofMinutes(MINUTES).toNanos();
    List<Double> outages = new ArrayList<>();
    List<Long> memory = new ArrayList<>();
    int restarts = 0;
    while (System.nanoTime() < end) {
      long start = System.nanoTime();
      cluster.kill();
      cluster.comeBack();
      restarts++;
      await()
          .atMost(Duration.ofSeconds(90))
          .pollInterval(Duration.ofMillis(50))
          .until(() -> web.allAnswer(RayCluster.ROUTES) && daemon.ready());
      outages.add((System.nanoTime() - start) / 1e9);
      // While all is served nothing fails; what was under way when it came back is given 3 s.
      Machine.pass(Duration.ofSeconds(3));
      long served = System.nanoTime();
      Machine.pass(EVERY.minusNanos(System.nanoTime() - start));
      assertThat(row.failedSince(served)).as("failures while served").isZero();
      memory.add(Math.round(Machine.residentMiB(daemon.pid())));
    }
    row.note(
        String.format(
            Locale.ROOT,
            "%d restarts, from each to serving again %.1f to %.1f s, none failed in between; MiB: %s",
            restarts,
            outages.stream().mapToDouble(x -> x).min().orElse(0),
            outages.stream().mapToDouble(x -> x).max().orElse(0),
            memory));
    assertThat(row.deploys()).isEqualTo(3 * restarts);
    assertThat(memory.get(memory.size() - 1)).isLessThan(memory.get(0) + 12);
    row.possible();
    row.serving();
  }
}
