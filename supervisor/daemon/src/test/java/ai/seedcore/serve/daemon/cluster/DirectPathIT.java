package ai.seedcore.serve.daemon.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Tests the direct path from the front door to the replicas of a user's class. */
@Tag("cluster")
class DirectPathIT {

  private static final Path FOLDER = Machine.temporaryFolder();
  private static final String DOOR = "http://127.0.0.1:28001";
  private static final String URL = DOOR + "/worker";

  private static RayCluster cluster;
  private static DaemonProcess daemon;
  private static Worker worker;

  private final Web web = new Web();

  @BeforeAll
  static void start() throws Exception {
    worker = new Worker(FOLDER);
    cluster = new RayCluster().start();
    daemon =
        DaemonProcess.onCluster(
                FOLDER, "--front-door=127.0.0.1:28001", "--config=" + worker.config())
            .awaitReady();
  }

  @AfterAll
  static void end() {
    daemon.close();
    cluster.close();
    Machine.delete(FOLDER);
  }

  private static void declare(Worker changed, int replicas) {
    int changes = daemon.changes();
    if (changed.declare()) {
      daemon.awaitChange(changes);
    }
    await().atMost(Duration.ofSeconds(60)).until(daemon::settled);
    awaitDirect(replicas);
  }

  /** Waits until exactly so many replicas are known, and get requests without a proxy. */
  private static void awaitDirect(int replicas) {
    await()
        .atMost(Duration.ofSeconds(60))
        .until(() -> states().equals(Collections.nCopies(replicas, "ready")));
  }

  private static List<String> states() {
    JsonNode known = daemon.status().path("door").path("replicas");
    return StreamSupport.stream(known.spliterator(), false)
        .map(replica -> replica.path("state").asString(""))
        .toList();
  }

  @Test
  void opensWithinASecondOfTheReplicasStart() throws Exception {
    declare(worker.reset().with("replicas", "1"), 1);
    JsonNode index = JsonMapper.shared().readTree(web.get(DOOR + "/").body());
    assertThat(index.path("routes").path(0).path("path").asString()).isEqualTo("direct");
    JsonNode answer = JsonMapper.shared().readTree(web.post(URL, "tell").body());
    assertThat(cluster.replicaPids()).containsExactly(answer.path("pid").asLong());
  }

  /** What a class returns looks the same on both paths. */
  @ParameterizedTest
  @ValueSource(strings = {"values", "decimal", "bytes", "nan", "sleep 1", "tell"})
  void respondsAsThroughTheProxy(String body) throws Exception {
    declare(worker.reset().with("replicas", "1"), 1);
    HttpResponse<String> direct = web.post(URL, body);
    HttpResponse<String> proxied = web.post(Worker.URL, body);
    assertThat(direct.statusCode()).isEqualTo(proxied.statusCode());
    if (proxied.headers().firstValue("content-type").orElse("").contains("json")) {
      assertThat(JsonMapper.shared().readTree(direct.body()))
          .isEqualTo(JsonMapper.shared().readTree(proxied.body()));
      assertThat(direct.headers().firstValue("content-type")).hasValue("application/json");
    } else {
      assertThat(direct.body()).isEqualTo(proxied.body());
    }
  }

  /** Serve's proxy gives a Java class the value of a query that comes without a body. */
  @ParameterizedTest
  @ValueSource(strings = {"?x=decimal", "?x=a%20b", ""})
  void takesQueriesAsThroughTheProxy(String query) throws Exception {
    declare(worker.reset().with("replicas", "1"), 1);
    assertThat(json(web.get(URL + query).body()))
        .isEqualTo(json(web.get(Worker.URL + query).body()));
  }

  @ParameterizedTest
  @ValueSource(strings = {"throw", "object"})
  void reportsFailuresAsThroughTheProxy(String body) throws Exception {
    declare(worker.reset().with("replicas", "1"), 1);
    JsonNode direct = JsonMapper.shared().readTree(web.post(URL, body).body());
    JsonNode proxied = JsonMapper.shared().readTree(web.post(Worker.URL, body).body());
    assertThat(direct.path("code")).isEqualTo(proxied.path("code"));
    assertThat(direct.path("id").asString()).isNotEmpty();
  }

  @Test
  void servesOnWhileTheProxyIsKilled() {
    declare(worker.reset().with("replicas", "1"), 1);
    try (Traffic traffic = new Traffic(URL)) {
      await().until(() -> traffic.answered() > 50);
      cluster.worker("ProxyActor").destroyForcibly();
      Machine.pass(Duration.ofSeconds(5));
      assertThat(traffic.failures()).isEmpty();
      assertThat(traffic.longestLatency()).isLessThan(1);
    }
    await().atMost(Duration.ofSeconds(90)).until(() -> web.status(Worker.URL) == 200);
  }

  @Test
  void aReplicaThatIsStoppedDelaysNobodyForLong() {
    declare(worker.reset().with("replicas", "2").with("idempotent", "true"), 2);
    long stopped = cluster.replicaPids().get(0);
    try (Traffic traffic = new Traffic(URL)) {
      await().until(() -> traffic.answered() > 50);
      Machine.signal("STOP", stopped);
      Machine.pass(Duration.ofSeconds(8));
      Machine.signal("CONT", stopped);
      awaitDirect(2);
      assertThat(traffic.failures()).isEmpty();
      assertThat(traffic.longestLatency()).isLessThan(3);
    }
  }

  @Test
  void aRolloutFailsNoRequest() {
    declare(worker.reset().with("replicas", "2"), 2);
    try (Traffic traffic = new Traffic(URL)) {
      await().until(() -> traffic.answered() > 50);
      declare(worker.with("init_args", "[second, %s]".formatted(FOLDER.resolve("del.log"))), 2);
      int answered = traffic.answered();
      await().until(() -> traffic.answered() > answered + 50);
      assertThat(traffic.last("name")).isEqualTo("second");
      assertThat(traffic.failures()).isEmpty();
    }
  }

  /** Serve's autoscaler counts the requests, although no handle has seen them. */
  @Test
  void autoscalingCountsItsRequests() {
    declare(
        worker
            .reset()
            .with("replicas", null)
            .with("max_ongoing_requests", "20")
            .with(
                "autoscaling",
                "{min_replicas: 1, max_replicas: 3, target_ongoing_requests: 2, upscale_delay_s: 1,"
                    + " downscale_delay_s: 2, metrics_interval_s: 0.5, look_back_period_s: 2}"),
        1);
    AtomicBoolean loaded = new AtomicBoolean(true);
    AtomicInteger failures = new AtomicInteger();
    for (int i = 0; i < 12; i++) {
      Thread client = new Thread(() -> load(loaded, failures), "client-" + i);
      client.setDaemon(true);
      client.start();
    }
    try {
      awaitDirect(3);
    } finally {
      loaded.set(false);
    }
    awaitDirect(1);
    assertThat(failures).hasValue(0);
  }

  private static JsonNode json(String text) {
    return JsonMapper.shared().readTree(text);
  }

  private void load(AtomicBoolean loaded, AtomicInteger failures) {
    while (loaded.get()) {
      try {
        if (web.post(URL, "sleep 200").statusCode() != 200) {
          failures.incrementAndGet();
        }
      } catch (IOException | InterruptedException e) {
        failures.incrementAndGet();
      }
    }
  }
}
