package ai.seedcore.serve.daemon.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.URI;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
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

  /** A class that wants more of HTTP than a body. */
  private static final String WEB =
      """
      package org.example;

      import ai.seedcore.serve.api.Request;
      import ai.seedcore.serve.api.Response;
      import java.nio.file.Files;
      import java.nio.file.Path;
      import java.util.Map;
      import java.util.concurrent.atomic.AtomicInteger;

      public class Web {
        private final AtomicInteger calls = new AtomicInteger();

        public Object call(Request request) {
          int call = calls.incrementAndGet();
          return switch (request.parameter("do").orElse("")) {
            case "status" ->
                Response.of(
                        Integer.parseInt(request.parameter("status").get()), Map.of("call", call))
                    .withHeader("X-Why", "because")
                    .withHeader("Set-Cookie", "a=1")
                    .withHeader("Set-Cookie", "b=2");
            case "echo" -> Response.of(request.body()).withHeader("Content-Type", "image/png");
            case "stream" ->
                Response.stream(
                    "text/event-stream",
                    out -> {
                      out.write("data: 1\\n\\n".getBytes());
                      out.flush();
                      for (int i = 0; i < 200 && !Files.exists(Path.of(request.text())); i++) {
                        Thread.sleep(50);
                      }
                      out.write("data: 2\\n\\n".getBytes());
                    });
            default ->
                Map.of(
                    "method", request.method(),
                    "path", request.path(),
                    "query", request.query(),
                    "color", request.header("x-color").orElse("none"),
                    "body", request.text());
          };
        }
      }
      """;

  private static RayCluster cluster;
  private static DaemonProcess daemon;
  private static Worker worker;

  private final Web web = new Web();

  @BeforeAll
  static void start() throws Exception {
    worker = new Worker(FOLDER);
    UserJar.make(FOLDER.resolve("web.jar"), "Web", WEB);
    cluster = new RayCluster().start();
    daemon =
        DaemonProcess.onCluster(
                FOLDER, "--front-door=127.0.0.1:28001", "--config=" + worker.config())
            .awaitReady();
  }

  @AfterAll
  static void end() {
    Machine.close(daemon, cluster);
    Machine.delete(FOLDER);
  }

  private static void declare(Worker changed, int replicas) {
    declare(changed, replicas, "jvm");
  }

  /**
   * Declares the deployment, and waits until it is served on both paths.
   *
   * @param field what the response of its class contains, and not that of the class before
   */
  private static void declare(Worker changed, int replicas, String field) {
    int changes = daemon.changes();
    if (changed.declare()) {
      daemon.awaitChange(changes);
    }
    await().atMost(Duration.ofSeconds(60)).until(daemon::settled);
    awaitDirect(replicas);
    for (String url : List.of(URL, Worker.URL)) {
      await()
          .atMost(Duration.ofSeconds(60))
          .ignoreExceptions() // A response that is not JSON.
          .until(() -> new Web().getOr(url, "{}").has(field) && states().size() == replicas);
    }
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

  private static void declareWeb() {
    declare(
        worker
            .reset()
            .with("class", "org.example.Web")
            .with("jars", "[web.jar]")
            .with("init_args", null)
            .with("user_config", null),
        1,
        "method");
  }

  /** A class can do the same on both paths, behind a Serve that the daemon started. */
  @ParameterizedTest
  @ValueSource(strings = {URL, Worker.URL})
  void aClassReadsTheRequestAndChoosesTheResponse(String url) throws Exception {
    declareWeb();
    HttpRequest put =
        HttpRequest.newBuilder(URI.create(url + "/a%20b?c=d%20e&f"))
            .header("X-Color", "red")
            .PUT(BodyPublishers.ofString("h\u00e9"))
            .build();
    assertThat(json(web.send(put).body()))
        .isEqualTo(
            json(
                """
                {"method": "PUT", "path": "/worker/a%20b", "query": "c=d%20e&f", "color": "red",
                 "body": "h\u00e9"}"""));
    assertThat(json(web.get(url + "?x").body()).path("body").asString()).isEmpty();
    int before = json(web.get(url + "?do=status&status=200").body()).path("call").asInt();
    for (int status : List.of(201, 404, 429, 500, 503)) {
      HttpResponse<String> response = web.get(url + "?do=status&status=" + status);
      assertThat(response.statusCode()).isEqualTo(status);
      assertThat(response.headers().firstValue("X-Why")).hasValue("because");
      assertThat(response.headers().allValues("Set-Cookie")).containsExactly("a=1", "b=2");
      assertThat(response.headers().firstValue("Content-Type")).hasValue("application/json");
      // What a class responds is final, although the method is safe.
      assertThat(json(response.body()).path("call").asInt()).isEqualTo(++before);
    }
  }

  @Test
  void aClassReceivesBytesAndStreams() throws Exception {
    declareWeb();
    byte[] all = new byte[256];
    for (int i = 0; i < all.length; i++) {
      all[i] = (byte) i;
    }
    HttpResponse<byte[]> echo =
        web.send(
            HttpRequest.newBuilder(URI.create(URL + "?do=echo"))
                .POST(BodyPublishers.ofByteArray(all))
                .build(),
            BodyHandlers.ofByteArray());
    assertThat(echo.body()).isEqualTo(all);
    assertThat(echo.headers().firstValue("Content-Type")).hasValue("image/png");

    Path file = FOLDER.resolve("the client has read the first event");
    HttpRequest stream =
        HttpRequest.newBuilder(URI.create(URL + "?do=stream"))
            .POST(BodyPublishers.ofString(file.toString()))
            .build();
    try (BufferedReader lines =
        new BufferedReader(
            new InputStreamReader(
                web.send(stream, BodyHandlers.ofInputStream()).body(), StandardCharsets.UTF_8))) {
      assertThat(lines.readLine()).isEqualTo("data: 1");
      Files.createFile(file);
      assertThat(lines.lines()).containsExactly("", "data: 2", "");
    }
    HttpRequest collected =
        HttpRequest.newBuilder(URI.create(Worker.URL + "?do=stream"))
            .POST(BodyPublishers.ofString(file.toString()))
            .build();
    assertThat(web.send(collected).body()).isEqualTo("data: 1\n\ndata: 2\n\n");
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
      // The status says that the new version is accepted before the old one has no request left.
      await().atMost(Duration.ofSeconds(60)).until(() -> "second".equals(traffic.last("name")));
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
