package ai.seedcore.serve.daemon.observe;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import ai.seedcore.serve.daemon.config.ConfigLoader;
import ai.seedcore.serve.daemon.config.Probe;
import ai.seedcore.serve.daemon.config.Settings;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.json.JsonMapper;

/** What the observer makes of servers that answer all sorts of things, over real sockets. */
class ObserverTest {

  private static final String VERSION =
      "{\"ray_version\": \"2.39.0\", \"session_name\": \"session_1\"}";

  private final Map<String, String> pages = new HashMap<>();
  private final Map<String, Integer> codes = new HashMap<>();
  private HttpServer server;
  private Observer observer;

  @BeforeEach
  void start() throws IOException {
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 10);
    server.setExecutor(Executors.newCachedThreadPool());
    server.createContext(
        "/",
        exchange -> {
          String path = exchange.getRequestURI().getPath();
          byte[] body = pages.getOrDefault(path, "").getBytes(StandardCharsets.UTF_8);
          exchange.sendResponseHeaders(
              codes.getOrDefault(path, pages.containsKey(path) ? 200 : 404), body.length);
          exchange.getResponseBody().write(body);
          exchange.close();
        });
    server.start();
    observer = observer("http://127.0.0.1:" + server.getAddress().getPort());
    pages.put("/api/version", VERSION);
    pages.put("/api/gcs_healthz", "success");
    pages.put("/nodes", "{}");
  }

  @AfterEach
  void stop() {
    server.stop(0);
  }

  @Test
  void aClusterWithoutServeIsSeenAsSuch() {
    pages.put("/api/serve/applications/", "{\"controller_info\": {}, \"applications\": {}}");
    Observation seen = observer.look(Set.of());
    assertThat(((Head.Up) seen.head()).identity().session()).isEqualTo("session_1");
    assertThat(((Head.Up) seen.head()).localNode()).isEqualTo("127.0.0.1");
    assertThat(seen.serve()).isInstanceOf(Serve.Absent.class);
  }

  @Test
  void applicationsAreReadWithTheirVersions() {
    pages.put(
        "/api/serve/applications/",
        """
        {"controller_info": {"actor_id": "c1"}, "applications": {"A": {"status": "RUNNING",
         "deployments": {"A": {"deployment_config": {"num_replicas": 2, "ray_actor_options":
           {"runtime_env": {"env_vars": {"SEEDCORE_VERSION": "v7"}}}},
           "replicas": [{"state": "RUNNING"}, {"state": "STARTING"}]}}},
         "B": {"status": "DEPLOYING", "message": "no CPUs", "deployments": {}}}}
        """);
    Serve.Running serve = (Serve.Running) observer.look(Set.of()).serve();
    assertThat(serve.controller()).isEqualTo("c1");
    assertThat(serve.apps().get("A").version()).isEqualTo("v7");
    assertThat(serve.apps().get("A").replicas()).isEqualTo(1);
    assertThat(serve.apps().get("B").version()).isNull();
    assertThat(serve.apps().get("B").message()).isEqualTo("no CPUs");
  }

  @Test
  void whatServesPageCannotSayIsUnknown() {
    for (String page : new String[] {"", "{}", "[1]", "<html>", "{\"applications\": 3}"}) {
      pages.put("/api/serve/applications/", page);
      assertThat(observer.look(Set.of()).serve()).as(page).isInstanceOf(Serve.Unknown.class);
    }
    codes.put("/api/serve/applications/", 500);
    assertThat(observer.look(Set.of()).serve())
        .isEqualTo(new Serve.Unknown("the dashboard's Serve page answers status 500"));
  }

  @Test
  void anotherProgramOnThePortIsNamed() {
    pages.put("/api/version", "<html>It works!</html>");
    assertThat(reason()).contains("is no Ray dashboard");
    pages.remove("/api/version");
    assertThat(reason()).contains("status 404").contains("another program");
  }

  @Test
  void aDeadGcsIsADeadHead() {
    codes.put("/api/gcs_healthz", 503);
    assertThat(reason()).contains("GCS is down");
  }

  @Test
  void aServerThatAcceptsAndNeverAnswersDoesNotHoldTheLookForLong() throws IOException {
    try (ServerSocket silent = new ServerSocket(0, 50, InetAddress.getLoopbackAddress())) {
      observer = observer("http://127.0.0.1:" + silent.getLocalPort());
      await()
          .atMost(Duration.ofSeconds(5))
          .untilAsserted(() -> assertThat(reason()).contains("does not answer in time"));
    }
  }

  @Test
  void noServerAndNoNameAreDownToo() {
    observer = observer("http://127.0.0.1:1");
    assertThat(reason()).contains("refuses the connection");
    observer = observer("http://no.such.host.invalid:8265");
    assertThat(reason()).contains("does not resolve");
  }

  @Test
  void aProbeLooksIntoTheAnswer() {
    Probe probe = new Probe(null, JsonMapper.shared().readTree("{\"status\": \"success\"}"));
    assertThat(Observer.verdict(probe, new Http.Answer(200, "{\"status\":\"success\",\"x\":1}")))
        .isEmpty();
    assertThat(Observer.verdict(probe, new Http.Answer(200, "{\"status\":\"error\"}")))
        .isEqualTo("answers status: \"error\", expected \"success\"");
    assertThat(Observer.verdict(probe, new Http.Answer(200, "{}"))).contains("nothing");
    assertThat(Observer.verdict(probe, new Http.Answer(200, "<"))).contains("than JSON");
    assertThat(Observer.verdict(probe, new Http.Answer(500, ""))).contains("status 500");
    assertThat(Observer.verdict(Probe.PLAIN, new Http.Answer(200, "anything"))).isEmpty();
    String failed = "{\"status\":\"error\",\"code\":\"not_ready\",\"error\":\"model: gone\"}";
    assertThat(Observer.verdict(Probe.PLAIN, new Http.Answer(200, failed)))
        .isEqualTo("answers that it is not ready: model: gone");
    assertThat(Observer.verdict(probe, new Http.Answer(200, failed))).contains("model: gone");
    assertThat(Observer.verdict(Probe.PLAIN, new Http.Answer(200, "not_ready"))).isEmpty();
  }

  private String reason() {
    return ((Head.Down) observer.look(Set.of()).head()).reason();
  }

  private static Observer observer(String url) {
    Settings settings = ConfigLoader.load(null, Map.of(), Map.of());
    Http http = new Http();
    return new Observer(http, new Dashboard(http, url), "127.0.0.1", url, settings.deployments());
  }
}
