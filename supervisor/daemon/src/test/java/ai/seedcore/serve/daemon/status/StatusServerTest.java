package ai.seedcore.serve.daemon.status;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import ai.seedcore.serve.daemon.config.ConfigException;
import ai.seedcore.serve.daemon.config.HostPort;
import ai.seedcore.serve.daemon.config.Token;
import ai.seedcore.serve.daemon.http.EventLoop;
import io.vertx.core.Vertx;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The status port over real sockets: what it says, to whom, and that nobody can take it away. */
class StatusServerTest {

  private static final String TOKEN = "0123456789abcdef0123";

  private final HttpClient client = HttpClient.newHttpClient();
  private final Vertx vertx = EventLoop.start();
  private StatusServer server;
  private HostPort address;

  @AfterEach
  void close() {
    if (server != null) {
      server.close();
    }
    vertx.close();
  }

  private void start(String host, String token) throws IOException {
    try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getByName(host))) {
      address = new HostPort(host, free.getLocalPort());
    }
    server = new StatusServer(vertx, address, token, () -> "a_metric 1\n");
  }

  @Test
  void whatEverybodyMayKnowIsYesOrNo() throws Exception {
    start("127.0.0.1", TOKEN);
    assertThat(get("/healthz").statusCode()).isEqualTo(503);
    server.publish(Statuses.recovering());
    assertThat(get("/healthz").body()).isEqualTo("ok\n");
    assertThat(get("/readyz").body()).isEqualTo("no\n");
    server.publish(Statuses.serving());
    assertThat(get("/readyz").body()).isEqualTo("ok\n");
    assertThat(get("/readyz").statusCode()).isEqualTo(200);
  }

  @Test
  void allElseWantsTheToken() throws Exception {
    start("127.0.0.1", TOKEN);
    server.publish(Statuses.serving());
    for (String path : List.of("/status", "/status/stream", "/metrics")) {
      assertThat(get(path).statusCode()).as(path).isEqualTo(401);
      assertThat(get(path, "Authorization", "Bearer wrong").statusCode()).isEqualTo(401);
      assertThat(get(path, "Authorization", TOKEN).statusCode()).isEqualTo(401);
      assertThat(get(path + "?token=" + TOKEN).statusCode()).isEqualTo(401);
    }
    HttpResponse<String> status = get("/status", "Authorization", "Bearer " + TOKEN);
    assertThat(status.statusCode()).isEqualTo(200);
    assertThat(status.body()).contains("\"phase\":\"SERVING\"");
    assertThat(get("/metrics", "Authorization", "Bearer " + TOKEN).body()).contains("a_metric 1");
    assertThat(get("/").statusCode()).isEqualTo(200);
    assertThat(get("/").body()).doesNotContain("head:6380");
  }

  @Test
  void onTheLoopbackNoTokenIsNeededAndBeyondItOneIs() throws Exception {
    start("127.0.0.1", null);
    server.publish(Statuses.serving());
    assertThat(get("/status").statusCode()).isEqualTo(200);
    server.close();
    start("0.0.0.0", null);
    server.publish(Statuses.serving());
    address = new HostPort("127.0.0.1", address.port());
    assertThat(get("/readyz").statusCode()).isEqualTo(200);
    assertThat(get("/status").statusCode()).isEqualTo(403);
    assertThat(get("/status").body()).contains("SEEDCORE_STATUS_TOKEN");
    assertThat(get("/metrics").statusCode()).isEqualTo(403);
  }

  @Test
  void aTokenThatIsNoneIsRefusedWithoutBeingRepeated() {
    String variable = "SEEDCORE_STATUS_TOKEN";
    assertThat(Token.find("status", null, Map.of())).isNull();
    assertThat(Token.find("status", null, Map.of(variable, TOKEN + "\n"))).isEqualTo(TOKEN);
    assertThatThrownBy(() -> Token.find("status", null, Map.of(variable, "short-secret")))
        .isInstanceOf(ConfigException.class)
        .hasMessageContaining(variable)
        .hasMessageContaining("12 characters")
        .hasMessageNotContaining("short-secret");
  }

  @Test
  void whoWatchesIsToldOfEachLapAndOfThePastOnce() throws Exception {
    start("127.0.0.1", null);
    server.publish(Statuses.recovering());
    Queue<String> lines = new ConcurrentLinkedQueue<>();
    HttpResponse<Stream<String>> answer =
        client.send(request("/status/stream"), HttpResponse.BodyHandlers.ofLines());
    assertThat(answer.headers().firstValue("Content-Type").orElse(""))
        .startsWith("text/event-stream");
    Thread reader = new Thread(() -> answer.body().forEach(lines::add));
    reader.setDaemon(true);
    reader.start();
    await().until(() -> count(lines, "\"phase\":\"RECOVERING\"") == 2); // Status and past.
    server.publish(Statuses.serving());
    server.publish(Statuses.serving());
    await().until(() -> count(lines, "\"version\":\"0.1.0\",\"phase\":\"SERVING\"") == 2);
    assertThat(count(lines, "event: past")).isEqualTo(2);
    assertThat(count(lines, "event: status")).isEqualTo(3);
  }

  @Test
  void thePageRunsNothingButItsOwn() throws Exception {
    start("127.0.0.1", null);
    HttpResponse<String> page = get("/");
    assertThat(page.headers().firstValue("Content-Security-Policy").orElse(""))
        .contains("default-src 'none'")
        .contains("script-src 'sha256-");
    assertThat(page.body())
        .doesNotContainPattern("(src|href)=[\"']?(https?:)?//")
        .doesNotContain("style=")
        .doesNotContain("innerHTML");
  }

  @Test
  void tenThousandHostileRequestsDisturbNobody() throws Exception {
    start("127.0.0.1", TOKEN);
    try (HostileClients clients = new HostileClients(address)) {
      long worst = 0;
      for (int i = 0; i < 10_000; i++) {
        clients.request(i);
        if (i % 100 == 0) {
          long start = System.nanoTime();
          server.publish(Statuses.serving());
          assertThat(get("/healthz").statusCode()).isEqualTo(200);
          worst = Math.max(worst, System.nanoTime() - start);
        }
      }
      assertThat(Duration.ofNanos(worst)).isLessThan(Duration.ofSeconds(2));
      await("who says nothing whole is shown the door")
          .atMost(Duration.ofSeconds(12))
          .until(clients::gone);
    }
    assertThat(get("/readyz").statusCode()).isEqualTo(200);
  }

  private static long count(Queue<String> lines, String part) {
    return lines.stream().filter(line -> line.contains(part)).count();
  }

  private HttpRequest request(String path, String... headers) {
    HttpRequest.Builder builder =
        HttpRequest.newBuilder(URI.create("http://" + address + path))
            .timeout(Duration.ofSeconds(5));
    return (headers.length == 0 ? builder : builder.headers(headers)).build();
  }

  private HttpResponse<String> get(String path, String... headers)
      throws IOException, InterruptedException {
    return client.send(request(path, headers), HttpResponse.BodyHandlers.ofString());
  }
}
