package ai.seedcore.serve.daemon.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** A long call is work, and what a class returns or throws is told as JSON. */
@Tag("cluster")
class LongCallsIT {

  private static final Path FOLDER = Machine.temporaryFolder();
  private static RayCluster cluster;
  private static DaemonProcess daemon;
  private static Worker worker;

  /** Each declaration is another one. */
  private static final AtomicInteger DECLARATIONS = new AtomicInteger();

  private final Web web = new Web();
  private final HttpClient patient =
      HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

  @BeforeAll
  static void start() throws Exception {
    worker = new Worker(FOLDER);
    cluster = new RayCluster().start();
    daemon = DaemonProcess.onCluster(FOLDER, "--config=" + worker.config()).awaitReady();
  }

  @AfterAll
  static void end() {
    Machine.close(daemon, cluster);
    Machine.delete(FOLDER);
  }

  @Test
  void asManyRequestsRunAtATimeAsDeclared() throws Exception {
    declare(worker.reset().with("max_ongoing_requests", "20"));
    long start = System.nanoTime();
    List<CompletableFuture<JsonNode>> calls = calls(20, "sleep 1500");
    int most = calls.stream().mapToInt(call -> call.join().path("most").asInt()).max().orElse(0);
    assertThat(most).isBetween(15, 20);
    assertThat(seconds(start)).isLessThan(10);

    // In place: the same process. What ran beside each other before is counted still.
    long pid = json("tell").path("pid").asLong();
    declare(worker.reset().with("max_ongoing_requests", "1"));
    assertThat(json("tell").path("pid").asLong()).isEqualTo(pid);
    start = System.nanoTime();
    calls(4, "sleep 500").forEach(CompletableFuture::join);
    assertThat(seconds(start)).isGreaterThanOrEqualTo(2.0);
  }

  @Test
  void aLongCallNeitherEndsTheReplicaNorMakesAnythingUnready() throws Exception {
    declare(worker.reset().with("max_ongoing_requests", "1"));
    List<Long> replicas = cluster.replicaPids();
    long start = System.nanoTime();
    CompletableFuture<JsonNode> call = call("sleep 70000");
    String status = "http://" + DaemonProcess.STATUS;
    List<String> unready = new ArrayList<>();
    while (!call.isDone()) {
      if (web.status(status + "/readyz") != 200 || web.status(status + "/readyz/Worker") != 200) {
        unready.add("after %.1f s: %s".formatted(seconds(start), daemon.reason()));
      }
      Machine.pass(Duration.ofMillis(500));
      if (seconds(start) > 15 && seconds(start) < 65) {
        assertThat(daemon.status().path("apps").path(0).path("at_work").asInt()).isPositive();
        assertThat(daemon.phase()).isEqualTo("SERVING");
      }
    }
    assertThat(call.join().path("pid").asLong()).isEqualTo(replicas.get(0));
    assertThat(seconds(start)).isGreaterThan(69);
    assertThat(unready).isEmpty();
    assertThat(cluster.replicaPids()).isEqualTo(replicas);
    await()
        .atMost(Duration.ofSeconds(30))
        .until(() -> daemon.status().path("apps").path(0).path("at_work").asInt() == 0);
    assertThat(web.status(status + "/readyz/Nobody")).isEqualTo(404);
  }

  @Test
  void aRequestThatTakesTooLongIsGivenUp() throws Exception {
    declare(worker.reset().with("request_timeout_s", "1"));
    long start = System.nanoTime();
    HttpResponse<String> late = web.post(Worker.URL, "sleep 15000");
    assertThat(seconds(start)).isBetween(1.0, 8.0);
    assertThat(late.statusCode()).isEqualTo(500);
    assertThat(JsonMapper.shared().readTree(late.body()).path("code").asString(""))
        .isEqualTo("timeout");
    assertThat(web.post(Worker.URL, "tell").statusCode()).isEqualTo(200);
  }

  @Test
  void whatAClassReturnsIsWhatJacksonWrites() throws Exception {
    declare(worker.reset());
    HttpResponse<String> values = web.post(Worker.URL, "values");
    assertThat(values.headers().firstValue("content-type")).hasValue("application/json");
    assertThat(JsonMapper.shared().readTree(values.body()))
        .isEqualTo(
            JsonMapper.shared()
                .readTree(
                    "{\"doubles\":[1.5,null],\"decimal\":1.1,\"instant\":\"1970-01-01T00:00:00Z\","
                        + "\"record\":{\"left\":\"a\",\"right\":0.1}}"));
    assertThat(web.post(Worker.URL, "decimal").body()).isEqualTo("12345678901234567890.123456789");
    HttpResponse<byte[]> bytes =
        patient.send(request("bytes"), HttpResponse.BodyHandlers.ofByteArray());
    assertThat(bytes.body()).isEqualTo(new byte[] {(byte) 0xff, 0, 1});
  }

  @Test
  void whatCannotBeWrittenIsNamed() throws Exception {
    declare(worker.reset());
    HttpResponse<String> object = web.post(Worker.URL, "object");
    assertThat(object.statusCode()).isEqualTo(500);
    assertThat(object.body())
        .contains("invalid_result", "the result's field list[1].here", "java.lang.Object");
    assertThat(web.post(Worker.URL, "nan").body()).isEqualTo("{\"value\":null}");
    declare(worker.reset().with("non_finite_numbers", "reject"));
    HttpResponse<String> nan = web.post(Worker.URL, "nan");
    assertThat(nan.statusCode()).isEqualTo(500);
    assertThat(nan.body()).contains("the result's field value is NaN");
  }

  @Test
  void whatAClassThrowsHasAnIdAndIsToldWhereThatIsAllowed() throws Exception {
    declare(worker.reset());
    HttpResponse<String> thrown = web.post(Worker.URL, "throw");
    assertThat(thrown.statusCode()).isEqualTo(500);
    assertThat(thrown.headers().firstValue("content-type")).hasValue("application/json");
    JsonNode told = JsonMapper.shared().readTree(thrown.body());
    assertThat(told.path("code").asString()).isEqualTo("internal");
    assertThat(thrown.body()).doesNotContain("secret", "Exception");
    String id = told.path("id").asString();
    Path logs = Path.of("/tmp/ray", cluster.session(), "logs");
    await()
        .atMost(Duration.ofSeconds(10))
        .until(
            () -> Machine.run("grep", "-rh", "-A1", "error_id=" + id, logs.toString()),
            log -> log.contains("a secret of the class's"));
    declare(worker.reset().with("show_errors", "true"));
    assertThat(web.post(Worker.URL, "throw").body()).contains("a secret of the class's");
  }

  @Test
  void aReplicaThatSaysItIsNotWellIsReplaced() throws Exception {
    declare(worker.reset().with("health_check_period_s", "1"));
    long pid = json("tell").path("pid").asLong();
    assertThat(web.post(Worker.URL, "sicken").statusCode()).isEqualTo(200);
    await()
        .atMost(Duration.ofSeconds(60))
        .ignoreExceptions()
        .until(() -> json("tell").path("pid").asLong() != pid);
  }

  /**
   * Declares the deployment, and waits until its replica has the new settings: Serve hands them out
   * after it has accepted them.
   */
  private void declare(Worker changed) {
    String said = "declaration-" + DECLARATIONS.incrementAndGet();
    int changes = daemon.changes();
    changed.with("user_config", "{say: %s}".formatted(said)).declare();
    daemon.awaitChange(changes);
    await().atMost(Duration.ofSeconds(60)).until(daemon::settled);
    await()
        .atMost(Duration.ofSeconds(60))
        .ignoreExceptions()
        .until(() -> json("tell").path("config").asString().equals(said));
  }

  private JsonNode json(String body) throws Exception {
    return JsonMapper.shared().readTree(web.post(Worker.URL, body).body());
  }

  private List<CompletableFuture<JsonNode>> calls(int number, String body) {
    List<CompletableFuture<JsonNode>> calls = new ArrayList<>();
    for (int i = 0; i < number; i++) {
      calls.add(call(body));
    }
    return calls;
  }

  private CompletableFuture<JsonNode> call(String body) {
    return patient
        .sendAsync(request(body), HttpResponse.BodyHandlers.ofString())
        .thenApply(answer -> JsonMapper.shared().readTree(answer.body()));
  }

  private static HttpRequest request(String body) {
    return HttpRequest.newBuilder(URI.create(Worker.URL))
        .POST(HttpRequest.BodyPublishers.ofString(body))
        .build();
  }

  private static double seconds(long start) {
    return (System.nanoTime() - start) / 1e9;
  }
}
