package ai.seedcore.serve.daemon.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.net.http.HttpResponse;
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
  private static RayCluster cluster;
  private static DaemonProcess daemon;
  private final Web web = new Web();

  @BeforeAll
  static void start() {
    cluster = new RayCluster().start();
    daemon = DaemonProcess.onCluster(folder);
  }

  @AfterAll
  static void end() {
    daemon.close();
    cluster.close();
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
  @Order(5)
  void aKilledDriverIsReplacedAndNothingElseHappens() {
    long driver = awaitDriver();
    ProcessHandle.of(driver).orElseThrow().destroyForcibly();
    await().atMost(Duration.ofSeconds(20)).until(() -> driverPid() != 0 && driverPid() != driver);
    assertThat(daemon.deploys()).isZero();
    assertThat(daemon.alive()).isTrue();
    assertThat(web.allAnswer(RayCluster.ROUTES)).isTrue();
    assertThat(daemon.status().path("exits").toString()).contains("\"code\":137");
  }

  @Test
  @Order(6)
  void anApplicationDeletedByHandComesBackAlone() {
    List<Long> replicas = cluster.replicaPids();
    daemon.awaitReady();
    cluster.python("serve.delete('AnomalyDetector')");
    long deleted = System.nanoTime();
    await()
        .atMost(Duration.ofSeconds(60))
        .pollInterval(Duration.ofMillis(50))
        .until(() -> daemon.deploys() == 1 && web.allAnswer(RayCluster.ROUTES));
    Figures.print("app deleted by hand: answers again after", deleted);
    daemon.awaitReady();
    assertThat(daemon.deploys()).isEqualTo(1);
    assertThat(cluster.replicaPids().stream().filter(replicas::contains)).hasSize(2);
  }

  @Test
  @Order(7)
  void aRestartOfTheHeadIsNoticedAtOnceAndMendedWithThreeDeploys() {
    restart("head restarted at once", () -> {});
  }

  @Test
  @Order(8)
  void aDeadGcsIsNoticedAndTheNextHeadServed() {
    restart(
        "GCS killed, head restarted",
        () -> {
          cluster.process("gcs_server").destroyForcibly();
          daemon.awaitNotReady();
        });
  }

  @LongRow
  @Order(8)
  void aHeadThatWasAwayForSeventySecondsIsServedAgain() {
    restart(
        "head away for 70 s",
        () -> {
          cluster.kill();
          long away = System.nanoTime();
          await()
              .atMost(Duration.ofSeconds(80))
              .until(() -> System.nanoTime() - away > 70_000_000_000L);
          assertThat(daemon.status().path("phase").asString()).isEqualTo("WAITING");
        });
  }

  @LongRow
  @Order(9)
  void tenQuietMinutesCostNothing() {
    daemon.awaitReady();
    int deploys = daemon.deploys();
    double cpu = Machine.cpuSeconds(daemon.pid());
    long start = System.nanoTime();
    await()
        .atMost(Duration.ofMinutes(11))
        .pollInterval(Duration.ofSeconds(5))
        .until(() -> System.nanoTime() - start > 600_000_000_000L);
    double share = (Machine.cpuSeconds(daemon.pid()) - cpu) / 600;
    double resident = Machine.residentMiB(daemon.pid());
    System.out.printf(
        "FIGURE ten quiet minutes: %.2f %% of a core, %.0f MiB resident%n", share * 100, resident);
    assertThat(daemon.deploys()).isEqualTo(deploys);
    assertThat(share).isLessThan(0.01);
    assertThat(resident).isLessThan(96);
  }

  @Test
  @Order(10)
  void sigtermEndsItAndTheApplicationsKeepServing() {
    long start = System.nanoTime();
    assertThat(daemon.end("TERM")).isEqualTo(143);
    Figures.print("SIGTERM: ended after", start);
    assertThat(System.nanoTime() - start).isLessThan(10_000_000_000L);
    assertThat(web.allAnswer(RayCluster.ROUTES)).isTrue();
  }

  @Test
  @Order(11)
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

  private void restart(String what, Runnable before) {
    daemon.awaitReady();
    int deploys = daemon.deploys();
    before.run();
    cluster.kill();
    Thread starter = new Thread(() -> cluster.start(), "starter");
    starter.start();
    String session = cluster.session();
    long answers = System.nanoTime();
    await()
        .atMost(Duration.ofSeconds(10))
        .pollInterval(Duration.ofMillis(20))
        .until(() -> daemon.status().path("head").path("session").asString("").equals(session));
    double noticed = Figures.print(what + ": new head noticed after", answers);
    await()
        .atMost(Duration.ofSeconds(60))
        .pollInterval(Duration.ofMillis(50))
        .until(() -> web.allAnswer(RayCluster.ROUTES));
    Figures.print(what + ": three routes answer after", answers);
    daemon.awaitReady();
    assertThat(daemon.deploys() - deploys).isEqualTo(3);
    assertThat(daemon.alive()).isTrue();
    assertThat(noticed).isLessThan(3); // Measured 0.3; the bound holds on a slow machine, too.
    await().atMost(Duration.ofSeconds(20)).until(() -> !starter.isAlive());
  }

  private long awaitDriver() {
    return await().atMost(Duration.ofSeconds(20)).until(this::driverPid, pid -> pid != 0);
  }

  private long driverPid() {
    JsonNode driver = daemon.status().path("driver");
    return driver.path("phase").asString("").equals("WARM") ? driver.path("pid").asLong() : 0;
  }

  private static Offset<Double> within() {
    return Offset.offset(1e-12);
  }
}
