package ai.seedcore.serve.daemon.observe;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import ai.seedcore.serve.base.http.EventLoop;
import ai.seedcore.serve.base.http.Http;
import ai.seedcore.serve.daemon.config.ConfigLoader;
import ai.seedcore.serve.daemon.config.DeclaredApplication;
import ai.seedcore.serve.daemon.config.Probe;
import ai.seedcore.serve.daemon.config.Settings;
import ai.seedcore.serve.gcs.Credentials;
import ai.seedcore.serve.gcs.Gcs;
import com.sun.net.httpserver.HttpServer;
import io.vertx.core.Vertx;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.json.JsonMapper;

/** What the observer makes of servers that answer all sorts of things, over real sockets. */
class ObserverTest {

  private final Map<String, String> pages = new HashMap<>();
  private final Map<String, Integer> codes = new HashMap<>();
  private final Map<String, CountDownLatch> held = new ConcurrentHashMap<>();
  private final Vertx vertx = EventLoop.start();
  private HttpServer server;
  private FakeGcs gcs;
  private Observer observer;
  private final List<Gcs> clients = new ArrayList<>();

  @BeforeEach
  void start() throws IOException {
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 10);
    server.setExecutor(Executors.newCachedThreadPool());
    server.createContext(
        "/",
        exchange -> {
          String path = exchange.getRequestURI().getPath();
          if (!exchange.getRequestHeaders().containsKey("User-Agent")) {
            exchange.sendResponseHeaders(500, -1); // As Ray's own dashboard.
            exchange.close();
            return;
          }
          passHeld(path);
          byte[] body = pages.getOrDefault(path, "").getBytes(StandardCharsets.UTF_8);
          exchange.sendResponseHeaders(
              codes.getOrDefault(path, pages.containsKey(path) ? 200 : 404), body.length);
          exchange.getResponseBody().write(body);
          exchange.close();
        });
    server.start();
    gcs = new FakeGcs();
    observer = observer(gcs.port());
  }

  @AfterEach
  void stop() {
    server.stop(0);
    clients.forEach(Gcs::close);
    gcs.close();
    vertx.close();
  }

  @Test
  void aClusterWithoutServeIsSeenAsSuchBeforeItsDashboardIsThere() {
    server.stop(0);
    Observation seen = observer.look(true);
    Head.Up head = (Head.Up) seen.head();
    assertThat(head.identity()).isEqualTo(new Identity("session_1", "ab"));
    assertThat(head.rayVersion()).isEqualTo("2.39.0");
    assertThat(head.localNode()).isEqualTo("127.0.0.1");
    assertThat(seen.serve()).isEqualTo(new Serve.Absent());
    assertThat(seen.listed()).isNull();
  }

  @Test
  void applicationsAreReadWithTheirVersions() {
    gcs.controller = "c1";
    pages.put(
        "/api/serve/applications/",
        """
        {"controller_info": {"actor_id": "c1"}, "applications": {"A": {"status": "RUNNING",
         "deployments": {"A": {"deployment_config": {"num_replicas": 2, "ray_actor_options":
           {"runtime_env": {"env_vars": {"SEEDCORE_VERSION": "v7"}}}},
           "replicas": [{"state": "RUNNING"}, {"state": "STARTING"}]}},
           "source": "imperative", "deployed_app_config": {"name": "A"}},
         "B": {"status": "DEPLOYING", "message": "no CPUs", "deployments": {}},
         "P": {"status": "DEPLOY_FAILED", "message": "no module", "deployments": {},
           "source": "declarative", "deployed_app_config": {"name": "P", "runtime_env":
             {"env_vars": {"SEEDCORE_VERSION": "v3"}}}}}}
        """);
    Serve.Running serve = (Serve.Running) observer.look(true).serve();
    assertThat(serve.controller()).isEqualTo("c1");
    assertThat(serve.apps().get("A").version()).isEqualTo("v7");
    assertThat(serve.apps().get("A").replicas()).isEqualTo(1);
    assertThat(serve.apps().get("B").version()).isNull();
    assertThat(serve.apps().get("B").message()).isEqualTo("no CPUs");
    assertThat(serve.apps().get("B").isEmpty()).isTrue();
    assertThat(serve.apps().get("P").version()).isEqualTo("v3");
    assertThat(serve.apps().get("P").submitted().path("name").asString()).isEqualTo("P");
    assertThat(serve.apps().get("P").isEmpty()).isFalse();
  }

  @Test
  void aServeWhosePageCannotBeReadIsThereAllTheSame() {
    gcs.controller = "c1";
    for (String page : new String[] {"", "{}", "[1]", "<html>", "{\"applications\": 3}"}) {
      pages.put("/api/serve/applications/", page);
      assertThat(serveReason()).as(page).contains("is another program on its port?");
    }
    codes.put("/api/serve/applications/", 500);
    assertThat(serveReason()).contains("answers with status 500 for Serve's applications");
    codes.clear();
    pages.put("/api/serve/applications/", "{\"controller_info\": {}, \"applications\": {}}");
    assertThat(serveReason()).isEqualTo("the dashboard does not show Serve yet");
    pages.put(
        "/api/serve/applications/",
        "{\"controller_info\": {\"actor_id\": \"old\"}, \"applications\": {}}");
    assertThat(serveReason()).isEqualTo("the dashboard does not show Serve yet");
    server.stop(0);
    assertThat(serveReason()).contains("refuses the connection");
  }

  @Test
  void onlyRoutesThatTheProxyKnowsAreAsked() {
    pages.put("/-/routes", "{\"/SalienceScorer\": \"SalienceScorer\", \"/other\": \"x\"}");
    pages.put("/SalienceScorer", "{\"status\": \"success\"}");
    // On a busy machine, a first response may come too late.
    await()
        .untilAsserted(
            () -> {
              Observation seen = observer.look(true);
              assertThat(seen.listed()).containsExactly("SalienceScorer");
              assertThat(seen.routes().keySet()).containsExactly("SalienceScorer");
              assertThat(seen.routes().get("SalienceScorer").answers()).isTrue();
            });
  }

  /** Otherwise a new version would replace one that seems not to serve, without a trial. */
  @Test
  void aNewDeclarationDoesNotForgetThatARouteIsServed(@TempDir Path folder) throws IOException {
    observer = observer("127.0.0.1", gcs.port(), Duration.ofMillis(200));
    pages.put("/-/routes", "{\"/SalienceScorer\": \"SalienceScorer\"}");
    pages.put("/SalienceScorer", "{\"status\": \"success\"}");
    await().until(this::serves);
    CountDownLatch slow = new CountDownLatch(1);
    held.put("/SalienceScorer", slow);
    observer.declare(declared(folder, "replicas: 2"));
    assertThat(serves()).isTrue();
    observer.declare(declared(folder, "replicas: 2, probe: {expect: {status: another}}"));
    assertThat(serves()).isTrue();
    slow.countDown();
    await().until(() -> !serves());
  }

  private boolean serves() {
    Route route = observer.look(true).routes().get("SalienceScorer");
    return route != null && route.serves();
  }

  private static List<DeclaredApplication> declared(Path folder, String more) throws IOException {
    Path file = folder.resolve("config.yaml");
    Files.writeString(file, "deployments: [{name: SalienceScorer, %s}]".formatted(more));
    return ConfigLoader.load(file, Map.of(), Map.of()).deployments();
  }

  @Test
  void aGlanceAsksLittleUntilARouteIsGone() {
    String all = "{\"/SalienceScorer\": 1, \"/AnomalyDetector\": 1, \"/ScalingPredictor\": 1}";
    pages.put("/-/routes", all);
    assertThat(observer.look(true).full()).isTrue();
    await().until(() -> !observer.glance().full());
    pages.put("/-/routes", all.replace("/AnomalyDetector", "/Other"));
    await().atMost(Duration.ofSeconds(2)).until(() -> observer.glance().full());
    pages.put("/-/routes", all);
    await().atMost(Duration.ofSeconds(2)).until(() -> !observer.glance().full());
    gcs.session = "session_2";
    assertThat(observer.glance().full()).isTrue();
  }

  @Test
  void theHeadsOwnReasonsAreToldApart() throws IOException {
    gcs.session = "";
    assertThat(reason()).contains("the head is starting");
    gcs.close();
    // First the connection that there was breaks.
    await().atMost(Duration.ofSeconds(2)).until(() -> reason().contains("refuses the connection"));
    observer = observer(server.getAddress().getPort());
    assertThat(reason()).contains("not a Ray GCS").contains("another program");
    observer = observer("no.such.host.invalid", 6379);
    assertThat(reason()).contains("does not resolve");
    try (ServerSocket silent = new ServerSocket(0, 50, InetAddress.getLoopbackAddress())) {
      observer = observer(silent.getLocalPort());
      assertThat(reason()).contains("does not answer in time");
    }
  }

  @Test
  void silenceIsBelievedAfterAWhileOnly() {
    assertThat(observer.look(true).head()).isInstanceOf(Head.Up.class);
    gcs.silent = true;
    assertThat(observer.look(true).head()).isInstanceOf(Head.Up.class);
    await()
        .atMost(Duration.ofSeconds(10))
        .untilAsserted(() -> assertThat(reason()).contains("does not answer in time"));
    assertThat(observer.silent()).isTrue();
    gcs.silent = false;
    gcs.session = "";
    assertThat(reason()).contains("no session yet");
    assertThat(observer.silent()).isFalse(); // An answer: nobody has to ask without a rest.
    gcs.session = "session_1";
    assertThat(observer.look(true).head()).isInstanceOf(Head.Up.class);
  }

  @Test
  void aProbeLooksIntoTheAnswer() {
    Probe probe = new Probe(null, JsonMapper.shared().readTree("{\"status\": \"success\"}"), 3.0);
    assertThat(mismatch(probe, 200, "{\"status\":\"success\",\"x\":1}")).isEmpty();
    assertThat(mismatch(probe, 200, "{\"status\":\"error\"}"))
        .isEqualTo("answers with status: \"error\", expected \"success\"");
    assertThat(mismatch(probe, 200, "{}")).contains("nothing");
    assertThat(mismatch(probe, 200, "<")).contains("not JSON");
    assertThat(mismatch(probe, 500, "")).contains("status 500");
    assertThat(mismatch(Probe.PLAIN, 200, "anything")).isEmpty();
    String failed = "{\"status\":\"error\",\"code\":\"not_ready\",\"error\":\"model: gone\"}";
    assertThat(mismatch(Probe.PLAIN, 200, failed))
        .isEqualTo("reports that it is not ready: model: gone");
    assertThat(mismatch(probe, 200, failed)).contains("model: gone");
    assertThat(mismatch(Probe.PLAIN, 200, "not_ready")).isEmpty();
  }

  private void passHeld(String path) {
    try {
      held.getOrDefault(path, new CountDownLatch(0)).await();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  private static String mismatch(Probe probe, int status, String body) {
    return probe.mismatch(new Http.Answer(status, body)).orElse("");
  }

  private String reason() {
    return observer.look(true).head() instanceof Head.Down down ? down.reason() : "it is up";
  }

  private String serveReason() {
    return ((Serve.Opaque) observer.look(true).serve()).reason();
  }

  private Observer observer(int gcsPort) {
    return observer("127.0.0.1", gcsPort);
  }

  private Observer observer(String host, int gcsPort) {
    // Responses, not the speed of a busy machine, are tested here.
    return observer(host, gcsPort, Duration.ofSeconds(5));
  }

  private Observer observer(String host, int gcsPort, Duration patience) {
    Settings settings = ConfigLoader.load(null, Map.of(), Map.of());
    Http http = new Http(vertx);
    String url = "http://127.0.0.1:" + server.getAddress().getPort();
    Gcs asked =
        new Gcs(
            vertx, () -> new Gcs.Address(host, gcsPort), Credentials.none(), Duration.ofSeconds(1));
    clients.add(asked);
    return new Observer(
        asked,
        "head",
        http,
        new Dashboard(http, url, true, Credentials.none(), Clock.systemUTC()),
        url,
        settings.deployments(),
        patience);
  }
}
