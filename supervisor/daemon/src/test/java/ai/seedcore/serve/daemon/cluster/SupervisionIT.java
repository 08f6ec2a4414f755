package ai.seedcore.serve.daemon.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import ai.seedcore.serve.base.HostPort;
import ai.seedcore.serve.daemon.status.HostileClients;
import java.io.IOException;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** One daemon and one cluster that is not its own, through what befalls the two. */
@Tag("cluster")
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class SupervisionIT {

  private static final List<String> APPS =
      List.of("SalienceScorer", "AnomalyDetector", "ScalingPredictor");

  @TempDir static Path folder;
  private static final Path EARLIER = Path.of("/tmp/ray/session_earlier");
  private static RayCluster cluster;
  private static DaemonProcess daemon;
  private final Web web = new Web();

  @BeforeAll
  static void start() throws Exception {
    // What earlier sessions of Ray leave behind.
    UserJar.make(
        Files.createDirectories(EARLIER).resolve("earlier.jar"),
        "Earlier",
        "package org.example; public class Earlier {}");
    cluster = new RayCluster().start();
    daemon = DaemonProcess.onCluster(folder);
  }

  @AfterAll
  static void end() {
    Machine.close(daemon, cluster);
    Machine.delete(EARLIER);
  }

  @Test
  @Order(1)
  void deploysTheThreeAndTheyAnswerAsDeclared() throws Exception {
    daemon.awaitReady();
    HttpResponse<String> scored =
        web.post(
            RayCluster.ROUTES + "/SalienceScorer",
            "{\"features\":[{\"task_risk\":0.9,\"failure_severity\":0.8}],\"top_k\":1}");
    assertThat(scored.headers().firstValue("content-type")).hasValue("application/json");
    JsonNode json = JsonMapper.shared().readTree(scored.body());
    assertThat(json.path("status").asString()).isEqualTo("success");
    // 0.4 * 0.9 * 0.8 + 0.2 * 0.5 + 0.2 * 0.5 + 0.2 * 0.5
    assertThat(json.path("scores").get(0).asDouble()).isCloseTo(0.588, within());
    assertThat(web.allAnswer(RayCluster.ROUTES)).isTrue();
    assertThat(daemon.deploys()).isEqualTo(3);
  }

  @Test
  @Order(2)
  void theClustersOwnToolsShowThemRunning() {
    JsonNode apps = web.getOr(RayCluster.DASHBOARD + "/api/serve/applications/", "{}");
    for (String app : APPS) {
      assertThat(apps.path("applications").path(app).path("status").asString())
          .isEqualTo("RUNNING");
    }
    String status =
        cluster.run(List.of(RayCluster.ray("serve"), "status", "-a", RayCluster.DASHBOARD));
    assertThat(status).contains(APPS);
    assertThat(status.lines().filter(line -> line.strip().equals("status: RUNNING"))).hasSize(3);
  }

  @Test
  @Order(2)
  void replicasOpenNoJarsButRaysAndTheirOwn() throws IOException {
    for (long replica : cluster.replicaPids()) {
      Path own = Path.of("/proc/" + replica + "/cwd").toRealPath();
      List<Path> jars =
          Machine.openFiles(replica).filter(file -> file.toString().endsWith(".jar")).toList();
      assertThat(jars)
          .hasSizeGreaterThan(1)
          .allMatch(jar -> jar.startsWith(own) || jar.endsWith("ray_dist.jar"));
    }
  }

  @Test
  @Order(2)
  void aCommandPrintsItsAnswerAndNothingElse() throws Exception {
    daemon.awaitReady();
    String[] answer = command("status", "--json", "--status=" + daemon.statusAddress());
    assertThat(answer[2]).isEqualTo("0");
    assertThat(answer[1]).isEmpty();
    JsonNode status = JsonMapper.shared().readTree(answer[0]); // All of it, trailing text too.
    assertThat(status.path("phase").asString()).isEqualTo("SERVING");
    assertThat(status.path("schema").asInt()).isEqualTo(1);

    String[] text = command("status", "--status=" + daemon.statusAddress());
    assertThat(text[1]).isEmpty();
    assertThat(text[0]).startsWith("SERVING for ").contains(APPS).contains("next", "RECENT EVENTS");
    assertThat(text[0]).doesNotContain("DEBUG", "\u001b");

    String[] nobody = command("status", "--status=127.0.0.1:1");
    assertThat(nobody[0]).isEmpty();
    assertThat(nobody[1]).contains("no daemon at http://127.0.0.1:1/status: it refuses");
    assertThat(nobody[2]).isEqualTo("3");
    assertThat(command("status", "--watch=0")[2]).isEqualTo("2");
    assertThat(command("--version")[1]).isEmpty();
  }

  /** What a command prints on standard output and on standard error, and its exit code. */
  private static String[] command(String... arguments) throws Exception {
    Path out = Files.createTempFile(folder, "out", ".txt");
    Path err = Files.createTempFile(folder, "err", ".txt");
    int code =
        new ProcessBuilder(DaemonProcess.command(arguments))
            .redirectOutput(out.toFile())
            .redirectError(err.toFile())
            .start()
            .waitFor();
    return new String[] {Files.readString(out), Files.readString(err), "" + code};
  }

  @Test
  @Order(3)
  void anErrorInsideAReplicaNeitherEndsItNorClogsIt() throws Exception {
    List<Long> replicas = cluster.replicaPids();
    for (int i = 0; i < 150; i++) { // More than max_ongoing_requests, whose count used to leak.
      assertThat(web.post(RayCluster.ROUTES + "/SalienceScorer", "{" + i).body())
          .contains("invalid_json");
    }
    assertThat(web.status(RayCluster.ROUTES + "/SalienceScorer")).isEqualTo(200);
    assertThat(cluster.replicaPids()).isEqualTo(replicas);
  }

  @Test
  @Order(4)
  void killedAndStartedAnewWithoutItsCacheItChangesNothing() throws Exception {
    List<Long> replicas = cluster.replicaPids();
    assertThat(replicas).hasSize(3);
    assertThat(daemon.end("KILL")).isEqualTo(137);
    Machine.delete(folder.resolve("cache"));
    daemon = DaemonProcess.onCluster(folder).awaitReady();
    assertThat(daemon.deploys()).isZero();
    assertThat(cluster.replicaPids()).isEqualTo(replicas);
  }

  @Test
  @Order(10)
  void tenThousandHostileRequestsDoNotDisturbTheLoop() throws Exception {
    daemon.awaitReady();
    JsonNode before = daemon.status();
    long start = System.nanoTime();
    try (HostileClients clients = new HostileClients(HostPort.parse(daemon.statusAddress()))) {
      for (int i = 0; i < 10_000; i++) {
        clients.request(i);
      }
    }
    double seconds = (System.nanoTime() - start) / 1e9;
    JsonNode after = daemon.status();
    // At rest a lap a second; one in five waits for answers of others.
    assertThat(after.path("laps").asLong() - before.path("laps").asLong())
        .isGreaterThanOrEqualTo((long) (seconds * 0.7) - 1);
    assertThat(after.path("past").path("events")).isEqualTo(before.path("past").path("events"));
    assertThat(daemon.ready()).isTrue();
  }

  @LongRow
  @Order(9)
  void tenQuietMinutesCostNothing() {
    daemon.awaitReady();
    int deploys = daemon.deploys();
    double cpu = Machine.cpuSeconds(daemon.pid());
    double rays = cluster.cpuSeconds();
    long start = System.nanoTime();
    await()
        .atMost(Duration.ofMinutes(11))
        .pollInterval(Duration.ofSeconds(5))
        .until(() -> System.nanoTime() - start > 600_000_000_000L);
    cpu = Machine.cpuSeconds(daemon.pid()) - cpu;
    rays = cluster.cpuSeconds() - rays;
    double resident = Machine.residentMiB(daemon.pid());
    System.out.printf(
        "FIGURE ten quiet minutes: %.2f %% of a core (the cluster itself: %.1f %%), %.0f MiB%n",
        cpu / 6, rays / 6, resident);
    assertThat(daemon.deploys()).isEqualTo(deploys);
    // What a core is worth differs from machine to machine, and on one from day to day.
    assertThat(cpu / rays).isLessThan(0.1);
    assertThat(resident).isLessThan(104);
  }

  @Test
  @Order(11)
  void sigtermEndsItAndTheApplicationsKeepServing() {
    long start = System.nanoTime();
    assertThat(daemon.end("TERM")).isEqualTo(143);
    Figures.print("SIGTERM: ended after", start);
    assertThat(System.nanoTime() - start).isLessThan(10_000_000_000L);
    assertThat(web.allAnswer(RayCluster.ROUTES)).isTrue();
  }

  @Test
  @Order(12)
  void withShutdownAppsTheyAreTakenDown() {
    daemon = DaemonProcess.onCluster(folder, "--shutdown-apps").awaitReady();
    assertThat(daemon.deploys()).isZero();
    assertThat(daemon.end("TERM")).isEqualTo(143);
    await()
        .atMost(Duration.ofSeconds(40))
        .until(
            () ->
                web.getOr(RayCluster.DASHBOARD + "/api/serve/applications/", "{}")
                    .path("applications")
                    .toString()
                    .equals("{}"));
  }

  private static Offset<Double> within() {
    return Offset.offset(1e-12);
  }
}
