package ai.seedcore.serve.daemon.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.io.InputStream;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.dataformat.yaml.YAMLMapper;

/** The models as a client sees them: through Serve's proxy, from real replicas. */
@Tag("cluster")
class ModelsIT {

  /** The status of a response, by its code. */
  private static final Map<String, Integer> CODES =
      Map.of(
          "success", 200,
          "invalid_json", 400,
          "invalid_field", 422,
          "too_large", 413,
          "overloaded", 503,
          "not_ready", 503);

  private static final Pattern REPEAT = Pattern.compile("<(\\d+)\\*(.*?)>");
  private static final Pattern EXAMPLE =
      Pattern.compile("```\\nPOST (/\\w+)\\n(.*?)\\n?\\n(\\{\"status\".*?)\\n```", Pattern.DOTALL);
  private static final int HOSTILE = 10_000;
  private static final int LARGE = 60;

  private static final String CONFIG =
      """
      deployments:
        - name: Onnx
          class: ai.seedcore.serve.salience.SalienceScorer
          files: [salience.onnx]
          init_args: [{model: salience.onnx}]
          cpus: 0.1
          max_ongoing_requests: 1001
        - name: Narrow
          class: ai.seedcore.serve.anomaly.AnomalyDetector
          init_args: [{limits: {requests: 2}}]
          cpus: 0.1
          max_ongoing_requests: 1001
      """;

  @TempDir static Path folder;
  private static RayCluster cluster;
  private static DaemonProcess daemon;
  private static List<Long> replicas;
  private final Web web = new Web();

  @BeforeAll
  static void start() throws IOException {
    Files.copy(model("salience.onnx"), folder.resolve("salience.onnx"));
    Path config = Files.writeString(folder.resolve("models.yaml"), CONFIG);
    cluster = new RayCluster().start();
    daemon = DaemonProcess.onCluster(folder, "--config=" + config).awaitReady();
    replicas = cluster.replicaPids();
    assertThat(replicas).hasSize(5);
  }

  @AfterAll
  static void end() {
    Machine.close(daemon, cluster);
  }

  @TestFactory
  Stream<DynamicTest> theContractHolds() throws IOException {
    JsonNode contract;
    try (InputStream in = ModelsIT.class.getResourceAsStream("contract.yaml")) {
      contract = new YAMLMapper().readTree(in);
    }
    return contract.properties().stream()
        .flatMap(
            route ->
                IntStream.range(0, route.getValue().size())
                    .mapToObj(
                        i -> {
                          JsonNode test = route.getValue().get(i);
                          String body = test.path("body").asString();
                          String shown = body.length() > 80 ? body.substring(0, 80) + "…" : body;
                          return DynamicTest.dynamicTest(
                              route.getKey() + " " + shown,
                              () -> check(route.getKey(), expand(body), test));
                        }));
  }

  /**
   * In docs/models.md a block that begins with {@code POST} is a request, and below it its reply.
   */
  @TestFactory
  Stream<DynamicTest> theExamplesOfTheDocsAreTrue() throws IOException {
    List<MatchResult> examples =
        EXAMPLE.matcher(Files.readString(root().resolve("docs/models.md"))).results().toList();
    assertThat(examples).hasSizeGreaterThan(5);
    return examples.stream()
        .map(
            example ->
                DynamicTest.dynamicTest(
                    example.group(1) + " " + example.group(2),
                    () -> {
                      String url = RayCluster.ROUTES + example.group(1);
                      String reply = web.post(url, example.group(2)).body();
                      assertThat(Json.holds(Json.parse(reply), Json.parse(example.group(3))))
                          .as(reply)
                          .isTrue();
                    }));
  }

  private void check(String route, String body, JsonNode test) throws Exception {
    HttpResponse<String> response = web.post(RayCluster.ROUTES + "/" + route, body);
    JsonNode reply = Json.parse(response.body());
    String code = reply.path("code").asString(reply.path("status").asString());
    assertThat(response.statusCode()).as(response.body()).isEqualTo(CODES.get(code));
    assertThat(response.headers().firstValue("content-type")).contains("application/json");
    assertThat(reply.path("timestamp").isNumber()).isTrue();
    String error = test.path("error").asString("");
    if (error.isEmpty()) {
      assertThat(Json.holds(reply, test.get("expect"))).as(response.body()).isTrue();
      assertThat(reply.path("status").asString()).isEqualTo("success");
      assertThat(reply.has("model") && reply.has("model_version")).isTrue();
      test.path("absent").forEach(name -> assertThat(reply.has(name.asString())).isFalse());
    } else {
      assertThat(reply.path("status").asString()).isEqualTo("error");
      assertThat(reply.path("code").asString() + " " + reply.path("error").asString())
          .startsWith(error);
    }
  }

  @Test
  void anOnnxModelAnswersAsScikitLearnDoes() throws Exception {
    JsonNode answers = Json.parse(Files.readString(model("answers.json")));
    String body = "{\"features\":" + answers.get("features") + "}";
    JsonNode reply = Json.parse(web.post(RayCluster.ROUTES + "/Onnx", body).body());
    assertThat(reply.path("model").asString()).isEqualTo("salience.onnx");
    assertThat(reply.get("scores")).hasSize(1_000);
    for (int i = 0; i < 1_000; i++) {
      double difference =
          reply.get("scores").get(i).doubleValue() - answers.get("scores").get(i).doubleValue();
      assertThat(Math.abs(difference)).isLessThan(1e-5);
    }
  }

  /**
   * Ten thousand bodies at once from eight clients: every one answered in JSON, nobody dies of it.
   */
  @Test
  void hostileBodiesAreAnsweredAndHurtNobody() throws Exception {
    Map<String, Integer> outcomes = new ConcurrentHashMap<>();
    List<String> faults = new ArrayList<>();
    ExecutorService clients = Executors.newFixedThreadPool(8);
    try {
      List<Future<?>> pending = new ArrayList<>();
      for (int i = 0; i < HOSTILE + LARGE; i++) {
        int seed = i;
        pending.add(
            clients.submit(
                () -> {
                  HostileBodies bodies = new HostileBodies(seed);
                  String body = seed < HOSTILE ? bodies.next() : bodies.large();
                  String route =
                      List.of("SalienceScorer", "AnomalyDetector", "ScalingPredictor", "Onnx")
                          .get(seed % 4);
                  String outcome = outcome(route, body);
                  outcomes.merge(outcome.replaceAll(":.*", ""), 1, Integer::sum);
                  if (outcome.startsWith("fault")) {
                    synchronized (faults) {
                      faults.add(route + " seed " + seed + " " + outcome);
                    }
                  }
                  return null;
                }));
      }
      for (Future<?> one : pending) {
        one.get(120, TimeUnit.SECONDS);
      }
    } finally {
      clients.shutdownNow();
    }
    System.out.println("FIGURE hostile bodies " + outcomes);
    assertThat(faults).as(() -> failures()).isEmpty();
    assertThat(outcomes).containsKeys("success", "invalid_json", "invalid_field", "too_large");
    assertThat(cluster.replicaPids()).isEqualTo(replicas);
  }

  /** What the replicas have logged of requests that failed, with stack traces. */
  private static String failures() {
    Path logs = Path.of("/tmp/ray", cluster.session(), "logs");
    return Machine.run(
        "sh", "-c", "grep -rh -A12 'request failed error_id=' \"$0\" || true", logs.toString());
  }

  private String outcome(String route, String body) throws InterruptedException {
    try {
      HttpResponse<String> response = web.post(RayCluster.ROUTES + "/" + route, body);
      JsonNode reply = Json.parse(response.body());
      String code = reply.path("code").asString(reply.path("status").asString());
      return CODES.getOrDefault(code, 0) == response.statusCode()
          ? code
          : "fault: " + response.statusCode() + " " + response.body();
    } catch (IOException | RuntimeException e) {
      return "fault: " + e;
    }
  }

  @Test
  void aSlowRequestStopsNobodyAndTooManyAreRefusedAtOnce() throws Exception {
    String slow =
        IntStream.range(0, 100_000)
            .mapToObj(i -> Integer.toString(i * 31 % 97))
            .collect(Collectors.joining(",", "{\"data\":[", "]}"));
    String quick = "{\"data\":[1,2,3]}";
    String url = RayCluster.ROUTES + "/Narrow";
    ExecutorService clients = Executors.newFixedThreadPool(2);
    AtomicInteger judged = new AtomicInteger();
    AtomicBoolean enough = new AtomicBoolean();
    Callable<Void> busy = () -> keepBusy(url, slow, judged, enough);
    try {
      Future<?> first = clients.submit(busy);
      // Three answers, one after the other, while one and the same slow request is at work.
      await()
          .atMost(Duration.ofSeconds(60))
          .pollInterval(Duration.ofMillis(5))
          .until(
              () -> {
                int before = judged.get();
                long start = System.nanoTime();
                for (int i = 0; i < 3; i++) {
                  assertThat(verdict(url, quick)).isEqualTo("success");
                }
                Figures.print("three answers beside a slow request", start);
                return before > 0 && judged.get() == before;
              });
      Future<?> second = clients.submit(busy); // Now as many as the replica takes.
      await()
          .atMost(Duration.ofSeconds(10))
          .pollInterval(Duration.ofMillis(5))
          .until(() -> verdict(url, quick).equals("overloaded"));
      enough.set(true);
      first.get(60, TimeUnit.SECONDS);
      second.get(60, TimeUnit.SECONDS);
    } finally {
      clients.shutdownNow();
    }
    assertThat(verdict(url, quick)).isEqualTo("success");
    assertThat(cluster.replicaPids()).isEqualTo(replicas);
  }

  /** Posts one after the other until it is enough and one was judged, as a refused one is not. */
  private Void keepBusy(String url, String body, AtomicInteger judged, AtomicBoolean enough)
      throws Exception {
    for (boolean mine = false; !enough.get() || !mine; ) {
      JsonNode reply = Json.parse(web.post(url, body).body());
      if (!reply.path("code").asString("").equals("overloaded")) {
        assertThat(reply.path("summary").path("total").asInt()).isEqualTo(100_000);
        judged.incrementAndGet();
        mine = true;
      }
    }
    return null;
  }

  private String verdict(String url, String body) throws Exception {
    JsonNode reply = Json.parse(web.post(url, body).body());
    return reply.path("code").asString(reply.path("status").asString());
  }

  private static String expand(String body) {
    return REPEAT
        .matcher(body)
        .replaceAll(
            match ->
                Matcher.quoteReplacement(match.group(2).repeat(Integer.parseInt(match.group(1)))));
  }

  private static Path model(String name) {
    return root()
        .resolve("deployments/salience/src/test/resources/ai/seedcore/serve/salience")
        .resolve(name);
  }

  private static Path root() {
    return Path.of(System.getProperty("basedir", ".")).resolve("../..").normalize();
  }
}
