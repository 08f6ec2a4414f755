package ai.seedcore.serve.daemon.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import ai.seedcore.serve.daemon.node.RayInstall;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/** The nodes that the daemon starts itself: they come with it and go with it, and nothing else. */
@Tag("cluster")
class OwnNodeIT {

  @TempDir Path folder;
  private final Web web = new Web();

  @Test
  void aHeadOfItsOwnEndsWithIt() {
    String mark = "SEEDCORE_NODE=HEAD:" + RayCluster.ADDRESS;
    long start = System.nanoTime();
    try (DaemonProcess daemon = DaemonProcess.onCluster(folder, "--local", "--cpus=4")) {
      daemon.awaitReady();
      Figures.print("run --local: all routes answer after", start);
      assertThat(web.allAnswer(RayCluster.ROUTES)).isTrue();
      assertThat(daemon.log()).contains("curl -d", "/SalienceScorer", "Ctrl-C");
      assertThat(Machine.marked(mark)).isNotEmpty();
      raysOwnToolsReachIt(daemon);

      // Killed, it leaves its head behind, and the next one knows it again.
      assertThat(daemon.end("KILL")).isEqualTo(137);
    }
    // Whatever started the tests in its background may have had them ignore SIGINT.
    try (DaemonProcess next =
        DaemonProcess.start(
            folder,
            List.of("env", "--default-signal=INT"),
            Map.of(),
            "--local",
            "--cpus=4",
            "--address=" + RayCluster.ADDRESS,
            "--dashboard=" + RayCluster.DASHBOARD)) {
      next.awaitReady();
      assertThat(next.deploys()).isZero();

      // A head that dies is brought back, and all that it served.
      Machine.marked(mark).stream()
          .filter(process -> Machine.commandLine(process).contains("gcs_server"))
          .forEach(ProcessHandle::destroyForcibly);
      next.awaitNotReady();
      next.awaitReady();
      assertThat(next.deploys()).isEqualTo(3);

      assertThat(next.end("INT")).isEqualTo(130);
      await().atMost(Duration.ofSeconds(5)).until(() -> Machine.marked(mark).isEmpty());
      // Ray's note would lead a plain ray.init() on this machine to the head that is gone.
      assertThat(Path.of("/tmp/ray/ray_current_cluster")).doesNotExist();
    }
  }

  @Test
  void itsHeadStaysWhenAnotherDaemonTakesOver() {
    String mark = "SEEDCORE_NODE=HEAD:" + RayCluster.ADDRESS;
    DaemonProcess daemon = DaemonProcess.onCluster(folder, "--local", "--cpus=4").awaitReady();
    List<Long> head = pids(mark);
    try (DaemonProcess next =
        DaemonProcess.onCluster(folder, "--local", "--cpus=4", "--take-over")) {
      assertThat(daemon.awaitEnd()).isZero();
      next.awaitReady();
      assertThat(pids(mark)).containsAll(head);
      assertThat(next.deploys()).isZero();
      assertThat(next.end("TERM")).isEqualTo(143);
    }
    await().atMost(Duration.ofSeconds(5)).until(() -> Machine.marked(mark).isEmpty());
  }

  private static List<Long> pids(String mark) {
    return Machine.marked(mark).stream()
        .filter(
            process -> Machine.commandLine(process).matches("(?s).*(gcs_server|raylet/raylet).*"))
        .map(ProcessHandle::pid)
        .toList();
  }

  @Test
  void aHeadThatRemembersBringsBackWhatItServed() {
    assumeTrue(RayInstall.find(Path.of(RayCluster.ray("ray"))).keepsState());
    String mark = "SEEDCORE_NODE=HEAD:" + RayCluster.ADDRESS;
    try (DaemonProcess daemon =
        DaemonProcess.onCluster(folder, "--local", "--remember", "--cpus=4")) {
      daemon.awaitReady();
      Machine.marked(mark).forEach(ProcessHandle::destroyForcibly);
      daemon.awaitNotReady();
      daemon.awaitReady();
      assertThat(daemon.deploys()).isEqualTo(3);
      assertThat(web.allAnswer(RayCluster.ROUTES)).isTrue();
      assertThat(daemon.end("TERM")).isEqualTo(143);
    }
  }

  @Test
  void itsNodeInheritsNothingOfOursAndNothingFromWhereItRuns() throws Exception {
    Path planted = Files.createDirectories(folder.resolve("here/ray")).resolve("__init__.py");
    Path proof = folder.resolve("proof");
    Files.writeString(planted, "open('%s', 'w')\nraise SystemExit(9)\n".formatted(proof));
    for (String module : List.of("ctypes", "subprocess", "signal")) {
      Files.copy(planted, folder.resolve("here/" + module + ".py"));
    }
    String secret = "a-secret-of-the-status-port";
    try (DaemonProcess daemon =
        DaemonProcess.start(
            folder,
            List.of("env", "-C", folder.resolve("here").toString()),
            Map.of("SEEDCORE_STATUS_TOKEN", secret, "SEEDCORE_NOTIFY_URL", "http://127.0.0.1:1/x"),
            "--local",
            "--cpus=4",
            "--address=" + RayCluster.ADDRESS,
            "--dashboard=" + RayCluster.DASHBOARD)) {
      daemon.awaitReady();
      assertThat(proof).doesNotExist();
      List<ProcessHandle> children = Machine.marked("SEEDCORE_NODE=HEAD:" + RayCluster.ADDRESS);
      assertThat(children).hasSizeGreaterThan(8);
      for (ProcessHandle child : children) {
        assertThat(Machine.environment(child))
            .doesNotContain(secret, "SEEDCORE_NOTIFY_URL", "SEEDCORE_STATUS_TOKEN");
      }
      assertThat(daemon.end("TERM")).isEqualTo(143);
    }
  }

  /** After the one line that the daemon prints. */
  private static void raysOwnToolsReachIt(DaemonProcess daemon) {
    String line =
        daemon
            .log()
            .lines()
            .filter(each -> each.strip().startsWith("export RAY_"))
            .findFirst()
            .orElseThrow();
    for (String command :
        List.of(
            "%s status",
            "%s list actors",
            "%s job list",
            "%s summary actors",
            "%s -c \"import ray; ray.init('auto'); print(ray.cluster_resources()['CPU'])\"")) {
      String tool = RayCluster.ray(command.startsWith("%s -c") ? "python" : "ray");
      String script = line + "; timeout 40 " + command.formatted(tool);
      // The default dashboard's port is another program's.
      String output =
          Machine.run(
              "bash",
              "-c",
              "export RAY_API_SERVER_ADDRESS=" + RayCluster.DASHBOARD + "; " + script);
      assertThat(output).as(script).doesNotContain("Traceback");
    }
  }

  @Test
  void aTakenPortIsNamed() throws Exception {
    try (RayCluster cluster = new RayCluster().start()) {
      cluster.session();
      try (DaemonProcess daemon = DaemonProcess.onCluster(folder, "--local")) {
        await().atMost(Duration.ofSeconds(20)).until(() -> !daemon.alive());
        assertThat(daemon.log()).contains(RayCluster.ADDRESS + " is in use by another program");
      }
    }
  }

  @Test
  void aNodeWithoutCpusJoinsTheHeadFollowsItAndLeaves() {
    String mark = "SEEDCORE_NODE=WORKER:127.0.0.2:26380";
    try (RayCluster cluster = new RayCluster("127.0.0.2").start()) {
      try (DaemonProcess daemon =
          DaemonProcess.start(
              folder,
              "--join",
              "--address=127.0.0.2:26380",
              "--serve-host=127.0.0.1",
              "--dashboard=" + RayCluster.DASHBOARD,
              "--serve-url=" + RayCluster.ROUTES)) {
        daemon.awaitReady();
        await().atMost(Duration.ofSeconds(20)).until(() -> aliveNodes() == 2);
        cluster.kill();
        // On one machine Ray starts no head while a node of the same address's old one is left.
        Machine.marked(mark).forEach(ProcessHandle::destroyForcibly);
        cluster.start();
        daemon.awaitNotReady();
        daemon.awaitReady();
        assertThat(daemon.deploys()).isEqualTo(6);
        await().atMost(Duration.ofSeconds(20)).until(() -> aliveNodes() == 2);
        assertThat(daemon.end("TERM")).isEqualTo(143);
        assertThat(Machine.marked(mark)).isEmpty();
      }
      assertThat(web.allAnswer(RayCluster.ROUTES)).isTrue();
    }
  }

  private long aliveNodes() {
    JsonNode nodes =
        web.getOr(RayCluster.DASHBOARD + "/nodes?view=summary", "{}").path("data").path("summary");
    return StreamSupport.stream(nodes.spliterator(), false)
        .filter(node -> node.path("raylet").path("state").asString("").equals("ALIVE"))
        .count();
  }
}
