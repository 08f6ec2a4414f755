package ai.seedcore.serve.daemon.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import tools.jackson.databind.JsonNode;

/**
 * What clients of the front door notice of a fault, beside clients of Serve's bare proxy, in one
 * run.
 */
class DoorFaultsIT extends FaultsOnOneCluster {

  private static final String DOOR = "http://127.0.0.1:28001";
  private final Path config = folder.resolve("door.yaml");

  private boolean anotherDaemonNext;
  private String extra = "";

  @Override
  @BeforeEach
  void ready() {
    if (anotherDaemonNext) {
      daemon.end("TERM");
      anotherDaemonNext = false;
    }
    super.ready();
  }

  @Override
  String[] options() {
    Machine.write(config, "log_level: debug\n");
    return new String[] {"--front-door=127.0.0.1:28001", "--config=" + config};
  }

  /** Both kinds of clients, from before a fault to after its end. */
  private final class Clients implements AutoCloseable {
    private final SteadyProbe door = new SteadyProbe(DOOR, PER_SECOND, Duration.ofSeconds(100));
    private final SteadyProbe bare = new SteadyProbe(RayCluster.ROUTES, 20);
    private final long start = System.nanoTime();

    Clients() {
      await().until(() -> door.sentSince(start) > PER_SECOND && bare.sentSince(start) > 20);
      assertThat(door.failedSince(start)).isZero();
    }

    /** Waits until all that were sent through the door are answered. */
    void settle() {
      Machine.pass(Duration.ofSeconds(3));
      door.stop();
      await().atMost(Duration.ofSeconds(100)).until(door::settled);
    }

    void note(Row row) {
      JsonNode told = daemon.status().path("door");
      row.sent(door.failedSince(start), door.sentSince(start));
      row.note(
          String.format(
              Locale.ROOT,
              "%sworst latency %.1f s; bare proxy, 20 a second: %d of %d failed; held %s, sent again %s",
              extra,
              door.longestSince(start),
              bare.failedSince(start),
              bare.sentSince(start),
              told.path("held"),
              told.path("replayed")));
    }

    @Override
    public void close() {
      door.close();
      bare.close();
    }
  }

  private void nothingFails(Row row, Runnable fault) {
    nothingFails(row, Double.MAX_VALUE, fault);
  }

  /**
   * Injects a fault, and expects that no request fails through the door.
   *
   * @param seconds the longest that any of them may take
   */
  private void nothingFails(Row row, double seconds, Runnable fault) {
    row.watchServed(daemon);
    extra = "";
    try (Clients clients = new Clients()) {
      row.fault(fault);
      clients.settle();
      clients.note(row);
      assertThat(clients.door.failuresSince(clients.start))
          .as(
              "failed through the door; the bare proxy: %s",
              clients.bare.failuresSince(clients.start))
          .isEmpty();
      assertThat(clients.door.longestSince(clients.start)).isLessThan(seconds);
    }
  }

  private void awaitServed() {
    await()
        .atMost(Duration.ofSeconds(90))
        .pollInterval(Duration.ofMillis(100))
        .until(() -> web.allAnswer(RayCluster.ROUTES) && daemon.ready());
  }

  @Fault(
      value = "head killed (SIGKILL), a new one started at once",
      expected = "requests wait, none fails")
  void headRestarted(Row row) {
    nothingFails(
        row,
        () -> {
          long killed = System.nanoTime();
          cluster.kill();
          cluster.comeBack();
          awaitServed();
          extra =
              String.format(
                  Locale.ROOT,
                  "all routes answer the bare proxy after %.1f s; ",
                  (System.nanoTime() - killed) / 1e9);
        });
  }

  @Fault(
      value = "GCS killed, head restarted 20 s later",
      expected = "served for as long as the replicas live, then requests wait; none fails")
  @Tag("long")
  void gcsKilled(Row row) {
    nothingFails(
        row,
        () -> {
          cluster.process("gcs_server").destroyForcibly();
          Machine.pass(Duration.ofSeconds(20));
          cluster.kill();
          cluster.comeBack();
          awaitServed();
        });
  }

  @Fault(
      value = "HTTP proxy killed",
      expected = "the replicas serve on: none fails, none takes longer than 1 s")
  @Tag("long")
  void proxyKilled(Row row) {
    nothingFails(
        row,
        1,
        () -> {
          cluster.worker("ProxyActor").destroyForcibly();
          await().until(() -> web.status(RayCluster.ROUTES + "/-/healthz") != 200);
          awaitServed();
        });
  }

  @Fault(value = "one replica killed", expected = "what it had is sent again, none fails")
  void replicaKilled(Row row) {
    List<Long> replicas = cluster.replicaPids();
    nothingFails(
        row,
        () -> {
          ProcessHandle.of(replicas.get(0)).orElseThrow().destroyForcibly();
          await()
              .atMost(Duration.ofSeconds(40))
              .until(
                  () ->
                      cluster.replicaPids().size() == 3
                          && !cluster.replicaPids().contains(replicas.get(0)));
          awaitServed();
        });
  }

  @Fault(
      value = "one of two replicas frozen (SIGSTOP) for 10 s",
      expected = "the other one serves: none fails, none takes longer than 3 s")
  @Tag("long")
  void replicaFrozen(Row row) {
    List<Long> before = cluster.replicaPids();
    Machine.write(config, "deployments:\n  - name: SalienceScorer\n    replicas: 2\n");
    await()
        .atMost(Duration.ofSeconds(60))
        .until(() -> daemon.status().path("door").path("replicas").size() == 4 && daemon.ready());
    List<Long> added = new ArrayList<>(cluster.replicaPids());
    added.removeAll(before);
    nothingFails(
        row,
        3,
        () -> {
          Machine.signal("STOP", added.get(0));
          Machine.pass(Duration.ofSeconds(10));
          Machine.signal("CONT", added.get(0));
          awaitServed();
        });
    Machine.write(config, "log_level: debug\n");
  }

  @Fault(
      value = "Serve controller killed",
      expected = "the replicas serve on: none fails, none takes longer than 1 s")
  @Tag("long")
  void controllerKilled(Row row) {
    List<Long> replicas = cluster.replicaPids();
    nothingFails(
        row,
        ALONE ? 1 : 10,
        () -> {
          cluster.worker("ServeController").destroyForcibly();
          await()
              .atMost(Duration.ofSeconds(60))
              .until(() -> cluster.workers("ServeController").size() == 1);
          Machine.pass(Duration.ofSeconds(10));
          awaitServed();
          assertThat(cluster.replicaPids()).isEqualTo(replicas);
        });
  }

  @Fault(value = "an application deleted by someone", expected = "requests wait, none fails")
  void applicationDeleted(Row row) {
    int before = daemon.deploys();
    nothingFails(
        row,
        () -> {
          cluster.delete("AnomalyDetector");
          await().atMost(Duration.ofSeconds(30)).until(() -> daemon.deploys() > before);
          awaitServed();
        });
  }

  @Fault(
      value = "an upgrade: one deployment gets other arguments, then a second replica",
      expected = "rolled out without a failed request")
  void upgrade(Row row) {
    nothingFails(
        row,
        () -> {
          change("init_args: [{limits: {items: 9000}}]", "9000");
          change("init_args: [{limits: {items: 9000}}]\n    replicas: 2", null);
          change("init_args: [{limits: {items: 8000}}]\n    replicas: 2", "8000");
        });
    Machine.write(config, "log_level: debug\n");
  }

  private void change(String lines, String shown) {
    int before = daemon.deploys();
    Machine.write(config, "deployments:\n  - name: SalienceScorer\n    %s\n".formatted(lines));
    await().atMost(Duration.ofMinutes(2)).until(() -> daemon.deploys() > before);
    // Through the door: a bare proxy's route may hang while its replicas are replaced.
    await()
        .atMost(Duration.ofMinutes(2))
        .until(
            () ->
                daemon.ready()
                    && (shown == null
                        || web.getOr(DOOR + "/SalienceScorer", "{}").toString().contains(shown)));
  }

  @Fault(
      value = "10,000 connections that say nothing, and 1,000 that say a byte a second",
      expected = "others notice nothing; none of the idle ones is lost")
  @Tag("long")
  void idleAndSlowClients(Row row) {
    nothingFails(
        row,
        () -> {
          double before = Machine.residentMiB(daemon.pid());
          List<SocketChannel> idle = new ArrayList<>();
          List<SocketChannel> slow = new ArrayList<>();
          try {
            for (int i = 0; i < 10_000; i++) {
              idle.add(
                  SocketChannel.open(
                      new InetSocketAddress(InetAddress.getLoopbackAddress(), 28001)));
            }
            for (int i = 0; i < 1_000; i++) {
              slow.add(
                  SocketChannel.open(
                      new InetSocketAddress(InetAddress.getLoopbackAddress(), 28001)));
            }
            String head =
                "POST /SalienceScorer HTTP/1.1\r\nHost: slow\r\nContent-Length: 1000\r\n\r\n";
            for (int second = 0; second < 20; second++) {
              for (SocketChannel each : slow) {
                say(each, head.substring(second, second + 1));
              }
              Machine.pass(Duration.ofSeconds(1));
            }
            extra =
                "%d connections, %.0f MiB before, %.0f with them; "
                    .formatted(
                        daemon.status().path("door").path("connections").asInt(),
                        before,
                        Machine.residentMiB(daemon.pid()));
            String request = "GET /SalienceScorer HTTP/1.1\r\nHost: idle\r\n\r\n";
            for (int i = 0; i < idle.size(); i += 100) {
              say(idle.get(i), request);
              ByteBuffer answer = ByteBuffer.allocate(4096);
              idle.get(i).read(answer);
              assertThat(new String(answer.array(), StandardCharsets.ISO_8859_1))
                  .startsWith("HTTP/1.1 200 ");
            }
          } catch (IOException e) {
            throw new AssertionError(e);
          } finally {
            idle.forEach(DoorFaultsIT::close);
            slow.forEach(DoorFaultsIT::close);
          }
        });
  }

  private static void say(SocketChannel channel, String text) throws IOException {
    channel.write(ByteBuffer.wrap(text.getBytes(StandardCharsets.ISO_8859_1)));
  }

  private static void close(SocketChannel channel) {
    try {
      channel.close();
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  @Fault(
      value = "head away for longer than requests wait (30 s, by --hold-seconds=30)",
      expected = "they are refused with a reason and a time to come again; memory stays flat")
  @Tag("long")
  void longerThanTheBound(Row row) {
    daemon.end("TERM");
    daemon =
        DaemonProcess.onCluster(
                folder, "--front-door=127.0.0.1:28001", "--hold-seconds=30", "--hold-requests=2000")
            .awaitReady();
    row.watchServed(daemon);
    try (Clients clients = new Clients()) {
      double before = Machine.residentMiB(daemon.pid());
      row.fault(cluster::kill);
      double[] most = {0};
      await()
          .atMost(Duration.ofSeconds(60))
          .pollInterval(Duration.ofSeconds(1))
          .until(
              () -> {
                most[0] = Math.max(most[0], Machine.residentMiB(daemon.pid()));
                return daemon.status().path("door").path("refused").path("not_served").asLong()
                    > 500;
              });
      cluster.comeBack();
      awaitServed();
      clients.settle();
      clients.note(row);
      JsonNode refused = daemon.status().path("door").path("refused");
      row.note(
          String.format(
              Locale.ROOT,
              "refused: %s; %.0f MiB before, %.0f at most",
              refused.toString().replace("\"", ""),
              before,
              most[0]));
      assertThat(clients.door.failedSince(clients.start))
          .isEqualTo(refused.path("not_served").asLong() + refused.path("overloaded").asLong());
      assertThat(most[0]).isLessThan(before + 60);
    }
    anotherDaemonNext = true;
  }

  @Fault(
      value = "daemon replaced by another one (--take-over), three times in a row",
      expected = "every connection is accepted, no request fails, nothing is deployed")
  void daemonReplaced(Row row) {
    List<Long> replicas = cluster.replicaPids();
    nothingFails(
        row,
        ALONE ? 1 : 10,
        () -> {
          for (int i = 0; i < 3; i++) {
            DaemonProcess before = daemon;
            daemon = DaemonProcess.onCluster(folder, takingOver());
            row.replacedBy(daemon);
            assertThat(before.awaitEnd()).isZero();
            daemon.awaitReady();
          }
        });
    assertThat(row.deploys()).isZero();
    assertThat(cluster.replicaPids()).hasSameElementsAs(replicas);
    assertThat(Machine.marked("SEEDCORE_DRIVER=1")).hasSizeLessThanOrEqualTo(2);
  }

  @Fault(
      value = "daemon that is to be replaced by one that cannot start, or that is stuck (SIGSTOP)",
      expected = "the new one says why and ends; the old one serves on")
  void daemonNotReplaced(Row row) {
    nothingFails(
        row,
        15,
        () -> {
          String[] options = takingOver();
          Machine.write(config, "front_door_connections: 1000000000\n");
          DaemonProcess wrong = DaemonProcess.onCluster(folder, options);
          assertThat(wrong.awaitEnd()).isEqualTo(2);
          assertThat(wrong.log()).contains("front_door_connections: found 1000000000");
          Machine.write(config, "log_level: debug\n");
          daemon.signal("STOP");
          DaemonProcess waiting = DaemonProcess.onCluster(folder, options);
          assertThat(waiting.awaitEnd()).isEqualTo(2);
          assertThat(waiting.log()).contains("take_over: found a daemon that does not answer");
          daemon.signal("CONT");
        });
    assertThat(row.deploys()).isZero();
  }

  @Fault(
      value = "standby with a front door ended (SIGTERM, --front-door-linger-seconds=4)",
      expected = "says so to load balancers, and serves meanwhile, also what takes longer")
  void doorLingers(Row row) {
    String door = "http://127.0.0.1:28003";
    DaemonProcess standby =
        DaemonProcess.onCluster(
            folder,
            "--front-door=127.0.0.1:28003",
            "--status=127.0.0.1:28093",
            "--front-door-linger-seconds=4",
            "--front-door-drain-seconds=20");
    row.watchServed(daemon);
    await()
        .atMost(Duration.ofSeconds(60))
        .until(() -> standby.phase().equals("STANDBY") && web.allAnswer(door));
    long start = System.nanoTime();
    try (SteadyProbe probe = new SteadyProbe(door, 20, Duration.ofSeconds(30))) {
      row.fault(() -> standby.signal("TERM"));
      await().until(() -> web.status(door + "/-/health") == 503);
      assertThat(web.status("http://127.0.0.1:28093/healthz")).isEqualTo(200);
      assertThat(web.status("http://127.0.0.1:28093/readyz")).isEqualTo(503);
      Machine.pass(Duration.ofSeconds(2));
      assertThat(probe.failedSince(start)).isZero();
      assertThat(probe.sentSince(start)).isGreaterThan(20);
    }
    assertThat(standby.awaitEnd()).isEqualTo(143);
    assertThat(Duration.ofNanos(System.nanoTime() - start))
        .isBetween(Duration.ofSeconds(4), Duration.ofSeconds(30));
    assertThat(row.deploys()).isZero();
  }

  private String[] takingOver() {
    List<String> all = new ArrayList<>(List.of(options()));
    // Connections that the clients keep without using them.
    all.addAll(List.of("--take-over", "--front-door-drain-seconds=5"));
    return all.toArray(new String[0]);
  }
}
