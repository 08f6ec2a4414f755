package ai.seedcore.serve.docker;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Tests the image, the Compose files and the scripts like a user: builds, starts, restarts, kills,
 * disconnects, scales and stops the cluster, and sends requests from outside.
 */
@Tag("cluster")
@Tag("containers")
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class ClusterIT extends ComposeFixture {

  private static final List<String> ROUTES =
      Stream.of("SalienceScorer", "AnomalyDetector", "ScalingPredictor")
          .map(name -> "http://127.0.0.1:8000/" + name)
          .toList();

  private static final HttpClient CLIENT =
      HttpClient.newBuilder()
          .version(HttpClient.Version.HTTP_1_1)
          .connectTimeout(Duration.ofSeconds(1))
          .build();

  /** All tests run on a cluster that requires a token. */
  private static final String TOKEN = "0123456789abcdef".repeat(2);

  @TempDir Path folder;

  @BeforeAll
  static void requireToken() throws IOException {
    begin("RAY_AUTH_MODE=token\nRAY_AUTH_TOKEN=" + TOKEN + "\n");
  }

  @Test
  @Order(1)
  void startsWithTwoWorkers() {
    String output = Shell.script("start-cluster.sh", "up", "2", "--build").orFail();
    assertThat(output).contains("routes      http://127.0.0.1:8000/SalienceScorer");
    assertServed();
    await().atMost(Duration.ofMinutes(1)).until(() -> nodes() == 4);
    assertThat(Shell.script("start-cluster.sh", "status").orFail())
        .contains(HEAD, SERVE, "head_healthy       ok", "serving            ok");
    String page = "curl -s -o /dev/null -w '%{http_code}' localhost:8265/nodes?view=summary";
    assertThat(inHead(page)).isEqualTo("401");
  }

  @Test
  @Order(2)
  void imageContainsOnlyWhatIsNeeded() {
    long megabytes =
        Long.parseLong(engine("image", "inspect", "-f", "{{.Size}}", IMAGE)) / 1_000_000;
    System.out.printf(Locale.ROOT, "FIGURE image: %d MB%n", megabytes);
    assertThat(megabytes).isLessThanOrEqualTo(580);
    assertThat(inHead("id -un")).isEqualTo("ray");
    assertThat(inHead("cat /proc/1/comm")).isEqualTo("tini");
    assertThat(inHead("python -c 'import ray; print(ray.__version__)'")).isEqualTo("2.60.0");
    assertThat(inHead("ray --version && ps --version && curl --version")).contains("2.60.0");
    assertThat(inHead("for c in gcc javac mvn pip strip; do command -v $c; done; true")).isEmpty();
    assertThat(inHead("touch /x 2>&1 || true")).contains("Read-only file system");
    assertThat(inHead("grep CapEff /proc/self/status")).endsWith("0000000000000000");
  }

  @Test
  @Order(3)
  void secondUpChangesNothing() {
    String before = containers();
    Shell.script("start-cluster.sh", "up", "2").orFail();
    assertThat(containers()).isEqualTo(before);
    assertServed();
  }

  @Test
  @Order(4)
  void frontDoorFindsProxiesOfOtherNodes() {
    // Serve starts proxies only on nodes with Python replicas; it does not know Java replicas'
    // nodes.
    engine(
        "exec",
        HEAD,
        "python",
        "-c",
        """
        import ray
        from ray import serve
        ray.init(address='auto', namespace='serve', log_to_driver=False)
        @serve.deployment(num_replicas=2, max_replicas_per_node=1, ray_actor_options={'num_cpus': 0.1})
        class Elsewhere:
            def __call__(self, request):
                return 'here'
        serve.run(Elsewhere.bind(), name='elsewhere', route_prefix='/elsewhere')
        """);
    await().atMost(Duration.ofMinutes(1)).until(() -> proxiesThatServe() >= 2);
    assertThat(ask("http://127.0.0.1:8000/elsewhere")).isEqualTo("200 here");
    assertServed();
  }

  @Test
  @Order(5)
  void servesAfterRestart() {
    long start = System.nanoTime();
    Shell.script("start-cluster.sh", "restart").orFail();
    figure("restart by the script", start);
    assertServed();
    await().atMost(Duration.ofMinutes(1)).until(() -> nodes() == 4);
  }

  @Test
  @Order(6)
  void servesAfterHeadIsKilled() {
    engine("kill", HEAD);
    long start = System.nanoTime();
    engine("start", HEAD);
    awaitServed("head container killed and started", start);
  }

  @Test
  @Order(7)
  void restartPolicyRestartsHead() {
    // The exit code may be lost because the container exits at once.
    Shell.run(engine, "exec", HEAD, "pkill", "-KILL", "-x", "gcs_server");
    awaitNotServed();
    awaitServed("GCS killed in its container", System.nanoTime());
  }

  @Test
  @Order(8)
  void servesAfterHeadGetsNewAddress() {
    moveHead("2", start -> awaitServed("head recreated with another address", start));
  }

  @Test
  @Order(9)
  void daemonRecoversFromDisconnectedNetwork() {
    engine("network", "disconnect", NETWORK, SERVE);
    engine("restart", HEAD); // A fault that the daemon must repair.
    awaitNotServed();
    engine("network", "connect", NETWORK, SERVE);
    awaitServed("daemon disconnected and connected again", System.nanoTime());
  }

  @Test
  @Order(10)
  void scalesWorkers() {
    Shell.script("ray-workers.sh", "scale", "4").orFail();
    await().atMost(Duration.ofMinutes(1)).until(() -> nodes() == 6);
    Shell.script("sc-cmd.sh", "scale_workers", "1").orFail();
    long fewer = System.nanoTime();
    await().atMost(Duration.ofMinutes(1)).until(() -> nodes() == 3);
    awaitServed("three of four workers stopped, with their replicas", fewer);
    assertThat(Shell.script("start-cluster.sh", "logs", "workers").orFail())
        .contains("[wait_for_head] seedcore-ray-head:6380 is reachable");
  }

  @Test
  @Order(11)
  void keepsHistoryOfMeasurements() {
    Map<String, String> history =
        Map.of("SEEDCORE_PERFORMANCE_FILE", folder.resolve("h.tsv").toString());
    Shell.run(history, "./docker/performance-monitor.sh", "startup", "2").orFail();
    Shell.run(history, "./docker/performance-monitor.sh", "restart").orFail();
    String stats = Shell.run(history, "./docker/performance-monitor.sh", "stats").orFail();
    System.out.println(stats.replaceAll("(?m)^", "FIGURE "));
    assertThat(stats)
        .containsPattern("startup +1 ")
        .containsPattern("restart +1 ")
        .contains("image ");
    Shell.run(history, "./docker/performance-monitor.sh", "clear").orFail();
    assertThat(Shell.run(history, "./docker/performance-monitor.sh", "stats").orFail())
        .contains("no measurements yet");
  }

  @Test
  @Order(12)
  void workerOnOtherHostRunsReplicas() {
    Shell.script("start-cluster.sh", "down").orFail();
    Map<String, String> here =
        Map.of("HEAD_IP", OtherHost.GATEWAY, "RAY_HEAD_CPUS", "0", "SEEDCORE_TIMEOUT", "180");
    try (OtherHost host = new OtherHost()) {
      Shell.run(here, "./docker/start-cluster.sh", "up", "0", "ray").orFail();
      Shell.Result up =
          host.run(
              Map.of("HEAD_IP_OVERRIDE", OtherHost.GATEWAY),
              "./docker/sc-cmd.sh",
              "up-worker",
              "2");
      assertThat(up.orFail()).contains("2 worker(s) on " + OtherHost.ADDRESS + " join the head");
      Shell.run(here, "./docker/start-cluster.sh", "up", "0").orFail();
      assertServed();
      // The head and the daemon offer no CPUs: the replicas run on the other host.
      assertThat(host.processes("ray::ServeReplica|DefaultWorker")).isGreaterThanOrEqualTo(3);
      engine("kill", HEAD);
      long start = System.nanoTime();
      engine("start", HEAD);
      awaitNotServed();
      awaitServed("head killed and started, replicas on another host", start);
      host.run(Map.of(), "./docker/sc-cmd.sh", "down-worker").orFail();
      assertThat(
              engine("ps", "-aq", "--filter", "label=com.docker.compose.service=ray-worker-remote"))
          .isEmpty();
    }
  }

  @Test
  @Order(21)
  void downLeavesNothing() {
    Shell.script("start-cluster.sh", "down").orFail();
    assertThat(containers()).isEmpty();
    assertThat(engine("network", "ls", "--format", "{{.Name}}")).doesNotContain(NETWORK);
    assertThat(
            engine("volume", "ls", "-q", "--filter", "label=com.docker.compose.project=seedcore"))
        .isEmpty();
    Shell.Result status = Shell.script("start-cluster.sh", "status");
    assertThat(status.code()).isEqualTo(3);
    Shell.script("start-cluster.sh", "down").orFail(); // Idempotent.
  }

  // --- Queries ---------------------------------------------------------------------------------

  private static void assertServed() {
    assertThat(ROUTES).allMatch(ClusterIT::answers);
  }

  private static void awaitServed(String what, long since) {
    await()
        .atMost(Duration.ofMinutes(2))
        .pollInterval(Duration.ofMillis(100))
        .until(() -> ROUTES.stream().allMatch(ClusterIT::answers));
    figure(what, since);
  }

  private static void awaitNotServed() {
    await()
        .atMost(Duration.ofMinutes(1))
        .pollInterval(Duration.ofMillis(50))
        .until(() -> !ask("http://127.0.0.1:8000/health").contains("\"serving\":true"));
  }

  private static boolean answers(String url) {
    return ask(url).startsWith("200 ");
  }

  /** Returns the status and the body of a response; empty if there is no response. */
  private static String ask(String url) {
    try {
      HttpResponse<String> answer =
          CLIENT.send(
              HttpRequest.newBuilder(URI.create(url)).timeout(Duration.ofSeconds(5)).build(),
              HttpResponse.BodyHandlers.ofString());
      return answer.statusCode() + " " + answer.body();
    } catch (IOException e) {
      return "";
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Returns the number of proxies that the front door considers serving. */
  private static long proxiesThatServe() {
    return Pattern.compile("\"serves\":true").matcher(status()).results().count();
  }

  /** Returns the number of alive Ray nodes according to the head's dashboard. */
  private static long nodes() {
    Shell.Result listed =
        Shell.run(
            engine,
            "exec",
            HEAD,
            "curl",
            "-s",
            "-m",
            "4",
            "-H",
            "Authorization: Bearer " + TOKEN,
            "http://localhost:8265/nodes?view=summary");
    if (listed.code() != 0) {
      return 0;
    }
    JsonNode summary = JsonMapper.shared().readTree(listed.output()).at("/data/summary");
    return summary
        .valueStream()
        .filter(n -> n.at("/raylet/state").asString("").equals("ALIVE"))
        .count();
  }

  private static String containers() {
    return engine(
        "ps", "-aq", "--no-trunc", "--filter", "label=com.docker.compose.project=seedcore");
  }
}
