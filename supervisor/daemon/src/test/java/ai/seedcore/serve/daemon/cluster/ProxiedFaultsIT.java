package ai.seedcore.serve.daemon.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;

/** A daemon between which and its cluster, or clock, something stands. */
@Tag("long")
class ProxiedFaultsIT extends FaultsOnOneCluster {

  private static final String TOXIPROXY = "http://127.0.0.1:28474";

  private Process proxy;

  @AfterEach
  void end() {
    if (proxy != null) {
      proxy.destroyForcibly();
    }
    if (daemon != null && daemon.alive()) {
      daemon.end("KILL");
    }
  }

  @Fault(
      value = "200 ms of latency between the daemon and GCS, dashboard and routes (toxiproxy)",
      expected = "no flapping for a minute; then a restart of the head is mended all the same")
  void latency(Row row) throws Exception {
    proxy =
        new ProcessBuilder(Tools.path("toxiproxy-server"), "-host", "127.0.0.1", "-port", "28474")
            .redirectErrorStream(true)
            .redirectOutput(folder.resolve("toxiproxy.log").toFile())
            .start();
    await().atMost(Duration.ofSeconds(10)).until(() -> web.status(TOXIPROXY + "/version") == 200);
    for (int[] ports :
        List.of(new int[] {26390, 26380}, new int[] {28275, 28265}, new int[] {28010, 28000})) {
      web.post(
          TOXIPROXY + "/proxies",
          "{\"name\": \"%1$d\", \"listen\": \"127.0.0.1:%1$d\", \"upstream\": \"127.0.0.1:%2$d\"}"
              .formatted(ports[0], ports[1]));
      web.post(
          TOXIPROXY + "/proxies/%d/toxics".formatted(ports[0]),
          "{\"type\": \"latency\", \"attributes\": {\"latency\": 200}}");
    }
    daemon.end("TERM");
    daemon =
        DaemonProcess.start(
            folder,
            "--address=127.0.0.1:26390",
            "--dashboard=http://127.0.0.1:28275",
            "--serve-url=http://127.0.0.1:28010");
    row.on(daemon).fault(() -> {});
    await() // It has taken the lead from the one before.
        .atMost(Duration.ofSeconds(20))
        .until(
            () ->
                daemon.phase().equals("SERVING")
                    && daemon.status().path("role").asString().equals("leads"));
    int events = daemon.status().path("past").path("events").size();
    row.untouchedFor(Duration.ofMinutes(1));
    assertThat(daemon.status().path("past").path("events").size()).isEqualTo(events);
    assertThat(row.failed()).isZero();
    cluster.kill();
    headComesBack(row);
    assertThat(row.deploys()).isEqualTo(3);
  }

  @Fault(
      value =
          "the clock jumps an hour ahead, then two back (libfaketime on the daemon), and an"
              + " application is deleted after each jump",
      expected = "no deadline, wait or backoff is the longer or shorter for it")
  void clockJumps(Row row) throws IOException {
    Path time = Files.writeString(folder.resolve("time"), "+0\n");
    daemon.end("TERM");
    daemon =
        DaemonProcess.start(
            folder,
            List.of(),
            Map.of(
                "LD_PRELOAD",
                Tools.path("libfaketimeMT.so.1"),
                "FAKETIME_TIMESTAMP_FILE",
                time.toString(),
                "FAKETIME_CACHE_DURATION",
                "1",
                "FAKETIME_DONT_FAKE_MONOTONIC",
                "1",
                "DONT_FAKE_MONOTONIC",
                "1"),
            "--address=" + RayCluster.ADDRESS,
            "--dashboard=" + RayCluster.DASHBOARD);
    row.on(daemon);
    String before = daemon.status().path("lap").asString();
    row.fault(() -> Machine.write(time, "+3600\n"));
    await()
        .atMost(Duration.ofSeconds(10))
        .until(() -> minutesBetween(before, daemon.status().path("lap").asString()) > 50);
    cluster.delete("SalienceScorer");
    row.submitted(1);
    row.serving();
    assertThat(row.deploys()).isEqualTo(1);
    Machine.write(time, "-3600\n");
    await()
        .atMost(Duration.ofSeconds(10))
        .until(() -> minutesBetween(before, daemon.status().path("lap").asString()) < -50);
    cluster.delete("SalienceScorer");
    row.possible();
    row.submitted(2);
    row.serving();
    assertThat(row.deploys()).isEqualTo(2);
    assertThat(web.status("http://" + DaemonProcess.STATUS + "/healthz")).isEqualTo(200);
    row.note("libfaketime itself makes the JVM and the machine slow: the seconds are its");
  }

  private static long minutesBetween(String from, String to) {
    return to.isEmpty()
        ? 0
        : Duration.between(java.time.Instant.parse(from), java.time.Instant.parse(to)).toMinutes();
  }
}
