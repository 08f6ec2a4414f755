package ai.seedcore.serve.daemon.status;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import ai.seedcore.serve.base.ConfigException;
import ai.seedcore.serve.base.HostPort;
import ai.seedcore.serve.base.Token;
import ai.seedcore.serve.base.http.EventLoop;
import ai.seedcore.serve.base.http.Sockets;
import ai.seedcore.serve.daemon.report.Status;
import ai.seedcore.serve.door.Histogram;
import io.vertx.core.Vertx;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The status port over real sockets: what it says, to whom, and that nobody can take it away. */
class StatusServerTest {

  private static final String TOKEN = "0123456789abcdef0123";

  @TempDir Path folder;
  private final HttpClient client = HttpClient.newHttpClient();
  private final Vertx vertx = EventLoop.start();
  private StatusServer server;
  private Optional<String> stuck = Optional.empty();
  private HostPort address;

  @AfterEach
  void close() {
    if (server != null) {
      server.close();
    }
    vertx.close();
  }

  private void start(String host, String token) throws IOException {
    address = new HostPort(host, Sockets.freePort());
    start(new StatusToken(null, token == null ? Map.of() : Map.of("SEEDCORE_STATUS_TOKEN", token)));
  }

  private void start(StatusToken token) {
    server = new StatusServer(vertx, address, token, type -> "a_metric 1\n", () -> stuck);
    server.listen();
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
    for (String path :
        List.of("/status", "/status/stream", "/metrics", "/history", "/history.csv")) {
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
  void theFileOfTheTokenMayChangeAndComeLater() throws Exception {
    Path file = folder.resolve("token");
    address = new HostPort("127.0.0.1", Sockets.freePort());
    StatusToken token = new StatusToken(file, Map.of());
    start(token);
    server.publish(Statuses.serving());
    assertThat(get("/status").statusCode()).isEqualTo(403);
    assertThat(get("/readyz").statusCode()).isEqualTo(200);
    Files.writeString(file, TOKEN);
    token.renew();
    assertThat(get("/status").statusCode()).isEqualTo(401);
    assertThat(get("/status", "Authorization", "Bearer " + TOKEN).statusCode()).isEqualTo(200);
    Files.writeString(file, "short");
    token.renew();
    assertThat(get("/status", "Authorization", "Bearer " + TOKEN).statusCode()).isEqualTo(200);
    Stream<String> open =
        client
            .send(
                request("/status/stream", "Authorization", "Bearer " + TOKEN),
                HttpResponse.BodyHandlers.ofLines())
            .body();
    Files.writeString(file, TOKEN + "new");
    assertThat(server.renewToken().toCompletionStage().toCompletableFuture().get()).isTrue();
    assertThat(open.toList()).isNotEmpty(); // It ends.
    assertThat(get("/status", "Authorization", "Bearer " + TOKEN).statusCode()).isEqualTo(401);
    assertThat(get("/status", "Authorization", "Bearer " + TOKEN + "new").statusCode())
        .isEqualTo(200);
    Files.delete(file);
    token.renew();
    assertThat(get("/status", "Authorization", "Bearer " + TOKEN + "new").statusCode())
        .isEqualTo(403);
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

  @Test
  void idleConnectionsMakeRoomForProbes() throws Exception {
    start("127.0.0.1", null);
    server.publish(Statuses.serving());
    List<Socket> idle = new ArrayList<>();
    try {
      for (int i = 0; i < 300; i++) {
        Socket socket = new Socket(InetAddress.getLoopbackAddress(), address.port());
        socket
            .getOutputStream()
            .write(
                "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
                    .getBytes(StandardCharsets.US_ASCII));
        assertThat(socket.getInputStream().read()).as("connection %d", i).isEqualTo('H');
        idle.add(socket);
      }
      assertThat(get("/healthz").statusCode()).isEqualTo(200);
    } finally {
      for (Socket socket : idle) {
        socket.close();
      }
    }
  }

  @Test
  void whoWatchesTheLongestMakesRoomForWhoWatchesNext() throws Exception {
    start("127.0.0.1", null);
    server.publish(Statuses.serving());
    assertThat(
            client
                .send(
                    HttpRequest.newBuilder(URI.create("http://" + address + "/status/stream"))
                        .method("HEAD", HttpRequest.BodyPublishers.noBody())
                        .timeout(Duration.ofSeconds(5))
                        .build(),
                    HttpResponse.BodyHandlers.discarding())
                .statusCode())
        .as("HEAD has an end")
        .isEqualTo(200);
    List<HttpResponse<InputStream>> watchers = new ArrayList<>();
    for (int i = 0; i < 40; i++) {
      watchers.add(
          client.send(request("/status/stream"), HttpResponse.BodyHandlers.ofInputStream()));
      assertThat(watchers.get(i).statusCode()).isEqualTo(200);
    }
    assertThat(watchers.get(0).body().readAllBytes()).as("has an end").isNotEmpty();
    assertThat(watchers.get(39).body().read()).isPositive();
    for (HttpResponse<InputStream> watcher : watchers) {
      watcher.body().close();
    }
  }

  @Test
  void streamsThatNobodyReadsDoNotKeepHealthChecksOut() throws Exception {
    start("127.0.0.1", null);
    server.publish(Statuses.serving());
    HostPort at = address;
    List<Socket> streams = new ArrayList<>();
    try {
      for (int i = 0; i < 600; i++) {
        Socket socket = new Socket(at.host(), at.port());
        streams.add(socket);
        socket
            .getOutputStream()
            .write("GET /status/stream HTTP/1.1\r\nHost: localhost\r\n\r\n".getBytes(US_ASCII));
        if (i % 10 == 0) {
          assertThat(raw("GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"))
              .startsWith("HTTP/1.1 200");
        }
      }
      for (Socket socket : streams.subList(0, 600 - 256)) {
        socket.setSoTimeout(1_000);
        assertThat(Sockets.isClosed(socket)).isTrue();
      }
    } finally {
      for (Socket socket : streams) {
        socket.close();
      }
    }
  }

  @Test
  void aNameThatSomebodyPointedHereLearnsNothing() throws Exception {
    start("127.0.0.1", null);
    server.publish(Statuses.serving());
    for (String host :
        List.of("evil.example", "127.0.0.1.evil.example", "[::1", "localhost.evil")) {
      assertThat(raw("GET /status HTTP/1.1\r\nHost: " + host + "\r\n\r\n"))
          .as(host)
          .startsWith("HTTP/1.1 403");
    }
    for (String host :
        List.of("127.0.0.1", "localhost:8090", "[::1]:8090", "LOCALHOST", "10.0.0.5")) {
      assertThat(raw("GET /status HTTP/1.1\r\nHost: " + host + "\r\n\r\n"))
          .as(host)
          .startsWith("HTTP/1.1 200");
    }
    assertThat(raw("GET /status HTTP/1.1\r\n\r\n")).startsWith("HTTP/1.1 403");
    assertThat(raw("GET /readyz HTTP/1.1\r\nHost: evil.example\r\n\r\n"))
        .as("yes or no everybody may know")
        .startsWith("HTTP/1.1 200");
  }

  @Test
  void aLoopThatDoesNotTurnIsToldByItsName() throws Exception {
    start("127.0.0.1", null);
    server.publish(Statuses.serving());
    assertThat(get("/healthz").statusCode()).isEqualTo(200);
    stuck = Optional.of("the event loop of the front door has not advanced for 12 s");
    assertThat(get("/healthz").statusCode()).isEqualTo(503);
    assertThat(get("/healthz").body()).contains("front door has not advanced for 12 s");
    assertThat(get("/readyz").statusCode()).isEqualTo(503);
  }

  @Test
  void whatOthersSayEndsNoEvent() {
    Status said = Status.read(Statuses.serving().json().replace("because", "a\u2028b\u2029c"));
    String json = said.json();
    assertThat(json).contains("a\\u2028b\\u2029c");
  }

  private String raw(String text) throws IOException {
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), address.port())) {
      socket.setSoTimeout(5_000);
      socket.getOutputStream().write(text.getBytes(StandardCharsets.ISO_8859_1));
      return new String(socket.getInputStream().readNBytes(12), StandardCharsets.ISO_8859_1);
    }
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

  @Test
  void theHistoryCanBeFilteredAndDownloaded() throws Exception {
    start("127.0.0.1", null);
    assertThat(get("/history").statusCode()).isEqualTo(503);
    server.publish(Statuses.serving());
    HttpResponse<String> all = get("/history");
    assertThat(all.headers().firstValue("Content-Disposition").orElse(""))
        .isEqualTo("attachment; filename=\"seedcore-history.json\"");
    assertThat(all.body())
        .contains("\"kind\":\"event\"", "\"kind\":\"outage\"", "Serve starts 0.5 to 3.3 s");
    assertThat(get("/history?kind=recovery").body())
        .contains("6.5")
        .doesNotContain("\"kind\":\"event\"");
    assertThat(get("/history?contains=DAEMON%20STARTED").body())
        .contains("outage")
        .doesNotContain("recovery");
    assertThat(get("/history?from=2026-01-01T12:00:01Z").body()).isEqualTo("[]");
    assertThat(get("/history?to=2026-01-01T12:00:01Z&kind=event").body()).contains("because");
    assertThat(get("/history?from=yesterday").statusCode()).isEqualTo(400);
    assertThat(get("/history?contains=null").body()).isEqualTo("[]");
    String malformed = "GET /history?kind=%zz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
    assertThat(raw(malformed)).startsWith("HTTP/1.1 400");
    assertThat(get("/history?kind=all").body()).contains("one of event, outage, recovery");
    assertThat(get("/history.csv").body().lines())
        .hasSize(4)
        .startsWith("kind,at,seconds,phase,cause,text,action")
        .contains(
            "\"outage\",\"2026-01-01T12:00:00Z\",\"9.0\",\"\",\"\",\"the daemon started\",\"\"");
  }

  /** The page computes quantiles, for which it needs the bounds of the buckets. */
  @Test
  void thePageKnowsTheBoundsOfTheHistograms() {
    String bounds =
        Histogram.BOUNDS.stream()
            .map(bound -> bound.toString().replaceFirst("\\.0$", ""))
            .collect(Collectors.joining(", ", "const BOUNDS = [", "];"))
            .replace("5.0E-4", "0.0005");
    assertThat(Page.load().html()).contains(bounds);
  }
}
