package ai.seedcore.serve.door;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import ai.seedcore.serve.base.ConfigException;
import ai.seedcore.serve.base.HostPort;
import ai.seedcore.serve.door.client.Handshakes;
import ai.seedcore.serve.door.queue.RouteQueue;
import io.vertx.core.http.HttpServerRequest;
import java.io.BufferedInputStream;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyPairGenerator;
import java.security.KeyStore;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;
import java.util.zip.GZIPOutputStream;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManagerFactory;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Tests the door in front of a faulty proxy. Route A is declared idempotent, B is declared but not
 * idempotent, and Other is undeclared.
 */
@Timeout(60)
class FrontDoorTest {

  private static final String FINE = "{\"status\":\"success\"}";

  @TempDir private Path folder;

  private FakeProxy proxy;
  private final List<AutoCloseable> opened = new ArrayList<>();
  private int port;

  @BeforeEach
  void startProxy() throws Exception {
    proxy = new FakeProxy();
    opened.add(proxy);
    port = freePort();
  }

  @AfterEach
  void close() throws Exception {
    for (AutoCloseable each : opened) {
      each.close();
    }
  }

  private static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0)) {
      return socket.getLocalPort();
    }
  }

  /** The limits of a test's door. */
  private record Limits(
      int requests, long bytes, double seconds, int body, int connections, boolean contract) {
    static final Limits USUAL = new Limits(100, 1 << 20, 20, 100_000, 1_000, false);

    Limits requests(int most) {
      return new Limits(most, bytes, seconds, body, connections, contract);
    }

    Limits bytes(long most) {
      return new Limits(requests, most, seconds, body, connections, contract);
    }

    Limits seconds(double most) {
      return new Limits(requests, bytes, most, body, connections, contract);
    }

    Limits connections(int most) {
      return new Limits(requests, bytes, seconds, body, most, contract);
    }

    Limits contractCodes() {
      return new Limits(requests, bytes, seconds, body, connections, true);
    }
  }

  private FrontDoor open(Limits limits) throws IOException {
    return open(limits, null, null, null);
  }

  private boolean onlyProxy = true;

  private FrontDoor open(
      Limits limits, @Nullable String token, @Nullable Path certificate, @Nullable Path key)
      throws IOException {
    FrontDoor door =
        new FrontDoor(
            new DoorSettings(
                new HostPort("127.0.0.1", port),
                limits.requests(),
                limits.bytes(),
                Duration.ofMillis(Math.round(limits.seconds() * 1000)),
                limits.body(),
                limits.connections(),
                List.of(),
                limits.contract(),
                certificate,
                key),
            token,
            declared("A", "B"),
            proxy.uri(),
            onlyProxy,
            "0.1.0");
    opened.add(door);
    return door;
  }

  private FrontDoor openServing(Limits limits) throws IOException {
    FrontDoor door = open(limits);
    awaitServes(door);
    return door;
  }

  private static void awaitServes(FrontDoor door) {
    await()
        .until(
            () ->
                door.status() != null
                    && door.status().proxies().stream().anyMatch(p -> p.serves()));
  }

  private static void awaitNotServing(FrontDoor door) {
    await()
        .until(
            () ->
                door.status() != null
                    && door.status().proxies().stream().noneMatch(p -> p.serves()));
  }

  private static List<Route> declared(String... names) {
    return Stream.of(names)
        .map(name -> Route.declared("/" + name, name, idempotence(name)))
        .toList();
  }

  private static Idempotence idempotence(String name) {
    return switch (name) {
      case "A" -> Idempotence.ALL;
      case "never" -> Idempotence.NONE;
      default -> Idempotence.SAFE;
    };
  }

  /** Returns the control loop's state while everything is served. */
  private static ControlState serving(String... names) {
    return servedBy(Set.of("10.0.0.1"), names);
  }

  private static ControlState servedBy(Set<String> nodes, String... names) {
    return new ControlState(declared(names), nodes, "SERVING", "because", 7.0);
  }

  /** Returns the control loop's state while an application is redeployed. */
  private static ControlState recovering(String... names) {
    return new ControlState(declared(names), Set.of("10.0.0.1"), "RECOVERING", "because", 7.0);
  }

  private HttpRequest.Builder request(String path) {
    return HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + path))
        .timeout(Duration.ofSeconds(30));
  }

  private static HttpResponse<String> get(HttpRequest.Builder request) throws Exception {
    return client().send(request.build(), BodyHandlers.ofString());
  }

  /**
   * Returns a client that, by default, asks for an upgrade to HTTP/2. The upgrade must not affect
   * the body.
   */
  private static HttpClient client() {
    return HttpClient.newHttpClient();
  }

  private HttpResponse<String> post(String path, String body) throws Exception {
    return get(request(path).POST(BodyPublishers.ofString(body)));
  }

  private CompletableFuture<HttpResponse<String>> postAsync(
      String path, String body, String... headers) {
    HttpRequest.Builder request = request(path).POST(BodyPublishers.ofString(body));
    if (headers.length > 0) {
      request.headers(headers);
    }
    return client().sendAsync(request.build(), BodyHandlers.ofString());
  }

  private static JsonNode json(HttpResponse<String> response) {
    return JsonMapper.shared().readTree(response.body());
  }

  private static void awaitQueued(FrontDoor door, int requests) {
    await().until(() -> door.status() != null && door.status().waiting() == requests);
  }

  @Test
  void forwardsRequestsAndTheirOrigin() throws Exception {
    openServing(Limits.USUAL);
    HttpResponse<String> response =
        get(
            request("/A/b?c=d")
                .header("X-Request-ID", "mine")
                .header("X-Forwarded-For", "10.9.8.7")
                .header("X-Own", "1")
                .POST(BodyPublishers.ofString("{\"x\":\"é\"}")));
    assertThat(response.statusCode()).isEqualTo(200);
    assertThat(response.body()).isEqualTo("{\"x\":\"é\"}");
    assertThat(response.headers().firstValue("Content-Type")).contains("application/json");
    // The query would replace the body.
    assertThat(response.headers().firstValue("X-Saw")).contains("POST /A/b");
    assertThat(response.headers().firstValue("X-Saw-Headers").orElseThrow())
        .contains("X-Request-ID=mine", "X-Own=1")
        .contains("X-Forwarded-For=10.9.8.7, 127.0.0.1")
        .contains("X-Forwarded-Proto=http", "X-Forwarded-Host=127.0.0.1:" + port)
        .contains("Via=1.1 seedcore-")
        .doesNotContain("Upgrade", "HTTP2-Settings", "Transfer-Encoding");
    assertThat(proxy.seen).containsExactly("mine");
  }

  @Test
  void forwardsQueriesOfRequestsWithoutBody() throws Exception {
    openServing(Limits.USUAL);
    assertThat(get(request("/A?x=1")).headers().firstValue("X-Saw")).contains("GET /A?x=1");
    assertThat(get(request("/A?")).headers().firstValue("X-Saw")).contains("GET /A");
    HttpResponse<String> refused = get(request("/A?x"));
    assertThat(refused.statusCode()).isEqualTo(400);
    assertThat(json(refused).path("error").asString()).contains("query: found 'x', expected NAME=");
  }

  @ParameterizedTest
  @CsvSource({
    "invalid_json,400",
    "invalid_field,422",
    "too_large,413",
    "overloaded,503",
    "of_its_own,200"
  })
  void mapsErrorCodesToStatuses(String code, int status) throws Exception {
    String body = "{\"status\": \"error\", \"code\": \"%s\", \"error\": \"why\"}".formatted(code);
    proxy.behaviour = FakeProxy.responds(200, body);
    FrontDoor door = openServing(Limits.USUAL);
    HttpResponse<String> response = post("/B", "{}");
    assertThat(response.statusCode()).isEqualTo(status);
    assertThat(response.body()).isEqualTo(body);
    door.close();
    port = freePort();
    openServing(Limits.USUAL.contractCodes());
    assertThat(post("/B", "{}").statusCode()).isEqualTo(200);
  }

  @Test
  @Tag("slow")
  void queuesRequestsWhileNothingIsServedAndSendsThemInOrder() throws Exception {
    proxy.stop();
    FrontDoor door = open(Limits.USUAL);
    List<CompletableFuture<HttpResponse<String>>> responses = new ArrayList<>();
    List<String> ids = new ArrayList<>();
    BlockingQueue<Runnable> replies = new LinkedBlockingQueue<>();
    proxy.behaviour =
        request -> request.body().onSuccess(b -> replies.add(() -> request.response().end(b)));
    for (int i = 0; i < 30; i++) {
      ids.add("r" + i);
      responses.add(postAsync("/B", "{\"i\":%d}".formatted(i), "X-Request-ID", "r" + i));
      awaitQueued(door, i + 1);
    }
    proxy.restart();
    for (int i = 0; i < responses.size(); i++) {
      // A request on an existing connection may overtake one whose connection is being made. So the
      // next response waits until everything that the queue has released has arrived.
      int come =
          RouteQueue.INITIAL_WINDOW
              + 2 * Math.min(i, RouteQueue.SAFE_WINDOW - RouteQueue.INITIAL_WINDOW);
      await().until(() -> proxy.seen.size() >= come);
      Runnable reply = replies.poll(5, TimeUnit.SECONDS);
      assertThat(reply).as("request %d", i).isNotNull();
      reply.run();
    }
    for (int i = 0; i < responses.size(); i++) {
      HttpResponse<String> response = responses.get(i).get(20, TimeUnit.SECONDS);
      assertThat(response.statusCode()).isEqualTo(200);
      assertThat(response.body()).isEqualTo("{\"i\":%d}", i);
    }
    assertThat(proxy.seen).containsExactlyElementsOf(ids);
    await().until(() -> door.status().waiting() == 0 && door.status().keptBytes() == 0);
    assertThat(door.status().held()).isEqualTo(30);
    assertThat(door.status().replayed()).isZero();
  }

  @Test
  void sendsOnlyAsManyRequestsAsTheWindowAllows() throws Exception {
    proxy.stop();
    FrontDoor door = open(Limits.USUAL);
    AtomicInteger now = new AtomicInteger();
    AtomicInteger most = new AtomicInteger();
    List<Runnable> responses = new ArrayList<>();
    proxy.behaviour =
        request -> {
          synchronized (responses) {
            most.accumulateAndGet(now.incrementAndGet(), Math::max);
            responses.add(
                () -> {
                  now.decrementAndGet();
                  request.response().end(FINE);
                });
          }
        };
    List<CompletableFuture<HttpResponse<String>>> sent = new ArrayList<>();
    for (int i = 0; i < 20; i++) {
      sent.add(postAsync("/A", "{}"));
    }
    awaitQueued(door, 20);
    proxy.restart();
    await().until(() -> now.get() == RouteQueue.INITIAL_WINDOW);
    await().during(Duration.ofMillis(300)).until(() -> now.get() == RouteQueue.INITIAL_WINDOW);
    while (!sent.stream().allMatch(CompletableFuture::isDone)) {
      synchronized (responses) {
        responses.forEach(Runnable::run);
        responses.clear();
      }
      Thread.onSpinWait();
    }
    assertThat(most.get()).isLessThanOrEqualTo(2 * RouteQueue.INITIAL_WINDOW + 4);
  }

  @Test
  @Tag("slow")
  void refusesRequestsBeyondTheQueueLimits() throws Exception {
    proxy.stop();
    FrontDoor door = open(Limits.USUAL.requests(2).seconds(2));
    door.publish(recovering("A", "B"));
    CompletableFuture<HttpResponse<String>> first = postAsync("/A", "{}");
    CompletableFuture<HttpResponse<String>> second = postAsync("/B", "{}");
    awaitQueued(door, 2);
    HttpResponse<String> third = post("/A", "{}");
    assertThat(third.statusCode()).isEqualTo(503);
    assertThat(third.headers().firstValue("Retry-After")).contains("7");
    assertThat(json(third).path("code").asString()).isEqualTo("overloaded");
    assertThat(json(third).path("error").asString()).isEqualTo("2 requests are already waiting");
    assertThat(json(third).path("daemon").path("phase").asString()).isEqualTo("RECOVERING");
    assertThat(json(third).path("daemon").path("reason").asString()).isEqualTo("because");
    HttpResponse<String> expired = first.get();
    assertThat(expired.statusCode()).isEqualTo(503);
    assertThat(expired.headers().firstValue("Retry-After")).isPresent();
    assertThat(json(expired).path("code").asString()).isEqualTo("not_served");
    assertThat(json(expired).path("error").asString()).contains("A was not served within the 2 s");
    assertThat(second.get().statusCode()).isEqualTo(503);
    awaitQueued(door, 0);
    assertThat(door.status().refused()).isEqualTo(Map.of("overloaded", 1L, "not_served", 2L));
    assertThat(door.status().keptBytes()).isZero();
  }

  @Test
  void refusesBodiesBeyondTheByteLimit() throws Exception {
    proxy.stop();
    FrontDoor door = open(Limits.USUAL.bytes(100_000));
    CompletableFuture<HttpResponse<String>> first = postAsync("/A", "x".repeat(60_000));
    awaitQueued(door, 1);
    HttpResponse<String> second = post("/A", "x".repeat(60_000));
    assertThat(second.statusCode()).isEqualTo(503);
    assertThat(json(second).path("error").asString()).contains("100000 bytes of requests");
    proxy.restart();
    assertThat(first.get().body()).hasSize(60_000);
  }

  @Test
  void respectsTheClientsTimeout() throws Exception {
    proxy.stop();
    FrontDoor door = open(Limits.USUAL);
    HttpResponse<String> response =
        get(request("/A").header("X-Request-Timeout-Seconds", "0.5").POST(BodyPublishers.noBody()));
    assertThat(response.statusCode()).isEqualTo(503);
    proxy.restart();
    awaitServes(door);
    proxy.behaviour = request -> {}; // Never responds.
    response =
        get(request("/A").header("X-Request-Timeout-Seconds", "0.5").POST(BodyPublishers.noBody()));
    assertThat(response.statusCode()).isEqualTo(504);
    assertThat(json(response).path("code").asString()).isEqualTo("timeout");
    HttpResponse<String> wrong = get(request("/A").header("X-Request-Timeout-Seconds", "soon"));
    assertThat(wrong.statusCode()).isEqualTo(400);
    assertThat(json(wrong).path("error").asString()).contains("found 'soon', expected seconds");
  }

  @Test
  void dropsQueuedRequestsOfClientsThatLeave() throws Exception {
    proxy.stop();
    FrontDoor door = open(Limits.USUAL);
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
      send(socket, "POST /A HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello");
      awaitQueued(door, 1);
    }
    awaitQueued(door, 0);
    assertThat(door.status().keptBytes()).isZero();
    proxy.restart();
    awaitServes(door);
    assertThat(post("/A", "{}").statusCode()).isEqualTo(200);
    assertThat(proxy.seen).hasSize(1);
  }

  @Test
  void retriesIdempotentRequestsOnly() throws Exception {
    FrontDoor door = openServing(Limits.USUAL);
    AtomicInteger times = new AtomicInteger();
    proxy.behaviour =
        request -> {
          if (times.incrementAndGet() <= 2) {
            FakeProxy.closesConnection(request);
          } else {
            FakeProxy.echo(request);
          }
        };
    HttpResponse<String> repeated = post("/A", "{\"x\":1}");
    assertThat(repeated.statusCode()).isEqualTo(200);
    assertThat(repeated.body()).isEqualTo("{\"x\":1}");
    assertThat(times).hasValue(3);
    await().until(() -> door.status().replayed() == 2);
    times.set(0);
    HttpResponse<String> lost = post("/B", "{\"x\":1}");
    assertThat(lost.statusCode()).isEqualTo(502);
    assertThat(json(lost).path("code").asString()).isEqualTo("lost");
    assertThat(times).hasValue(1);
  }

  @Test
  void doesNotRetryOnceAResponseHasBegun() throws Exception {
    openServing(Limits.USUAL);
    AtomicInteger times = new AtomicInteger();
    proxy.behaviour =
        request -> {
          times.incrementAndGet();
          request
              .response()
              .setChunked(true)
              .write("x".repeat(100_000))
              .onSuccess(nothing -> request.connection().close());
        };
    assertThatThrownBy(() -> post("/A", "{}")).isInstanceOf(IOException.class);
    assertThat(times).hasValue(1);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {"404|Path '/B' not found.", "503|This proxy is draining."})
  void retriesRequestsThatNoReplicaHasReceived(int status, String body) throws Exception {
    FrontDoor door = openServing(Limits.USUAL);
    proxy.behaviour = FakeProxy.responds(status, body);
    CompletableFuture<HttpResponse<String>> response = postAsync("/B", "{\"x\":1}");
    await().until(() -> proxy.seen.size() > 2);
    assertThat(response).isNotDone();
    proxy.behaviour = FakeProxy::echo;
    assertThat(response.get().statusCode()).isEqualTo(200);
    assertThat(response.get().body()).isEqualTo("{\"x\":1}");
    assertThat(door.status().held()).isEqualTo(1);
  }

  @ParameterizedTest
  @ValueSource(strings = {"not_ready", "overloaded"})
  void relaysErrorsOfTheClassWithoutRetry(String code) throws Exception {
    openServing(Limits.USUAL);
    proxy.behaviour =
        FakeProxy.responds(200, "{\"status\":\"error\",\"code\":\"%s\"}".formatted(code));
    for (String route : List.of("/A", "/B")) {
      proxy.seen.clear();
      HttpResponse<String> response = post(route, "{}");
      assertThat(response.statusCode()).isEqualTo(503);
      assertThat(json(response).path("code").asString()).isEqualTo(code);
      assertThat(proxy.seen).as("it is carried out once").hasSize(1);
    }
  }

  @Test
  void retriesSafeMethodsUnlessDeclaredNever() throws Exception {
    FrontDoor door = openServing(Limits.USUAL);
    AtomicInteger times = new AtomicInteger();
    proxy.behaviour =
        request -> {
          if (times.incrementAndGet() == 1) {
            FakeProxy.closesConnection(request);
          } else {
            FakeProxy.echo(request);
          }
        };
    assertThat(get(request("/B?x=1")).statusCode()).isEqualTo(200);
    assertThat(times).hasValue(2);
    times.set(0);
    assertThat(get(request("/Other")).statusCode()).isEqualTo(200);
    assertThat(times).hasValue(2);
    door.publish(serving("never"));
    await().until(() -> get(request("/")).body().contains("/never"));
    proxy.table = Map.of("/never", "never");
    await().until(() -> get(request("/")).body().contains("\"served\":true"));
    times.set(0);
    assertThat(get(request("/never?x=1")).statusCode()).isEqualTo(502);
    assertThat(times).hasValue(1);
  }

  @Test
  void retriesRequestsThatFailAloneAFewTimes() throws Exception {
    openServing(Limits.USUAL);
    AtomicInteger faults = new AtomicInteger();
    proxy.behaviour =
        request -> {
          boolean bad = "bad".equals(request.getHeader("X-Request-ID"));
          faults.addAndGet(bad ? 1 : 0);
          (bad ? FakeProxy.responds(500, "Internal Server Error") : FakeProxy.responds(200, FINE))
              .accept(request);
        };
    CompletableFuture<HttpResponse<String>> bad = postAsync("/A", "{}", "X-Request-ID", "bad");
    while (!bad.isDone()) {
      assertThat(post("/A", "{}").statusCode()).isEqualTo(200);
    }
    assertThat(bad.get().statusCode()).isEqualTo(500);
    assertThat(faults).hasValue(4);
    // B is not declared idempotent.
    assertThat(postAsync("/B", "{}", "X-Request-ID", "bad").get().statusCode()).isEqualTo(500);
    assertThat(faults).hasValue(5);
  }

  @Test
  void relaysErrorsOfTheAgentWithoutRetry() throws Exception {
    openServing(Limits.USUAL);
    String internal = "{\"status\":\"error\",\"code\":\"internal\",\"error\":\"x\",\"id\":\"1\"}";
    proxy.behaviour = FakeProxy.responds(500, internal);
    HttpResponse<String> response = post("/A", "{}"); // A is declared idempotent.
    assertThat(response.statusCode()).isEqualTo(500);
    assertThat(response.body()).isEqualTo(internal);
    assertThat(proxy.seen).hasSize(1);
    proxy.behaviour = FakeProxy.responds(500, internal.replace("internal", "timeout"));
    assertThat(post("/A", "{}").statusCode()).isEqualTo(504);
    assertThat(proxy.seen).hasSize(2);
  }

  @Test
  @Tag("slow")
  void retriesWhileAReplicaIsDead() throws Exception {
    openServing(Limits.USUAL);
    proxy.behaviour = FakeProxy.responds(500, "Internal Server Error");
    CompletableFuture<HttpResponse<String>> response = postAsync("/A", "{}");
    await().until(() -> proxy.seen.size() > 5);
    assertThat(response).isNotDone();
    proxy.behaviour = FakeProxy::echo;
    assertThat(response.get().statusCode()).isEqualTo(200);
  }

  @Test
  @Tag("slow")
  void stopsRetryingWhenTheClassAlwaysThrows() throws Exception {
    openServing(Limits.USUAL);
    proxy.behaviour = FakeProxy.responds(500, "Internal Server Error");
    assertThat(post("/A", "{}").statusCode()).isEqualTo(500);
    int before = proxy.seen.size();
    assertThat(post("/A", "{}").statusCode()).isEqualTo(500);
    assertThat(proxy.seen).hasSize(before + 1);
  }

  @Test
  void refusesOversizedBodiesBeforeReadingThem() throws Exception {
    FrontDoor door = openServing(Limits.USUAL);
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
      send(socket, "POST /A HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n{");
      assertThat(read(socket)).startsWith("HTTP/1.1 413 ").contains("too_large");
    }
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
      send(socket, "POST /A HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
      for (int i = 0; i < 11; i++) {
        send(socket, "2710\r\n" + "x".repeat(10_000) + "\r\n");
      }
      assertThat(read(socket)).startsWith("HTTP/1.1 413 ").contains("expected at most 100000");
    }
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
      send(
          socket,
          "POST /A HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
      send(socket, "{}");
      assertThat(readUntil(socket, "{}")).startsWith("HTTP/1.1 100 Continue");
    }
    await().until(() -> door.status().keptBytes() == 0);
  }

  @Test
  void refusesBodiesThatAreNotUtf8() throws Exception {
    openServing(Limits.USUAL);
    HttpResponse<String> response =
        get(request("/A").POST(BodyPublishers.ofByteArray(new byte[] {'"', (byte) 0xc3, '"'})));
    assertThat(response.statusCode()).isEqualTo(400);
    assertThat(json(response).path("code").asString()).isEqualTo("invalid_json");
    assertThat(proxy.seen).isEmpty();
  }

  @Test
  @Tag("slow")
  void reportsRoutesAndHealth() throws Exception {
    FrontDoor door = openServing(Limits.USUAL);
    HttpResponse<String> unknown = post("/C", "{}");
    assertThat(unknown.statusCode()).isEqualTo(404);
    assertThat(json(unknown).path("routes").toString()).contains("/A", "/B", "/Other");
    HttpResponse<String> index = get(request("/"));
    assertThat(index.statusCode()).isEqualTo(200);
    assertThat(json(index).path("routes").toString())
        .contains("{\"route\":\"/A\",\"app\":\"A\",\"served\":true}");
    assertThat(json(get(request("/-/routes"))).path("/A").asString()).isEqualTo("A");
    assertThat(get(request("/health")).statusCode()).isEqualTo(200);
    assertThat(get(request("/-/healthz")).statusCode()).isEqualTo(200);
    proxy.stop();
    awaitNotServing(door);
    assertThat(get(request("/health")).statusCode()).isEqualTo(200);
    assertThat(get(request("/-/healthz")).statusCode()).isEqualTo(503);
    await().until(() -> get(request("/health")).body().contains("\"serving\":false"));
  }

  @Test
  void acceptsAndSendsGzip() throws Exception {
    openServing(Limits.USUAL);
    String text = "[" + "1,".repeat(5_000) + "1]";
    ByteArrayOutputStream compressed = new ByteArrayOutputStream();
    try (OutputStream gzip = new GZIPOutputStream(compressed)) {
      gzip.write(text.getBytes(StandardCharsets.UTF_8));
    }
    HttpResponse<byte[]> response =
        client()
            .send(
                request("/A")
                    .header("Content-Encoding", "gzip")
                    .header("Accept-Encoding", "gzip")
                    .POST(BodyPublishers.ofByteArray(compressed.toByteArray()))
                    .build(),
                BodyHandlers.ofByteArray());
    assertThat(response.headers().firstValue("Content-Encoding")).contains("gzip");
    assertThat(response.body().length).isLessThan(1_000);
    try (InputStream decompressed =
        new GZIPInputStream(new ByteArrayInputStream(response.body()))) {
      assertThat(new String(decompressed.readAllBytes(), StandardCharsets.UTF_8)).isEqualTo(text);
    }
  }

  @Test
  void refusesBombsThatExceedTheBodyLimit() throws Exception {
    openServing(Limits.USUAL);
    ByteArrayOutputStream compressed = new ByteArrayOutputStream();
    try (OutputStream gzip = new GZIPOutputStream(compressed)) {
      gzip.write(new byte[50_000_000]);
    }
    HttpResponse<String> response =
        get(
            request("/A")
                .header("Content-Encoding", "gzip")
                .POST(BodyPublishers.ofByteArray(compressed.toByteArray())));
    assertThat(response.statusCode()).isEqualTo(413);
    assertThat(post("/A", "{}").statusCode()).isEqualTo(200);
  }

  @Test
  void requiresItsTokenAndDoesNotForwardIt() throws Exception {
    awaitServes(open(Limits.USUAL, "a-token-of-some-length", null, null));
    assertThat(post("/A", "{}").statusCode()).isEqualTo(401);
    assertThat(get(request("/")).statusCode()).isEqualTo(401);
    assertThat(get(request("/health")).statusCode()).isEqualTo(200);
    HttpResponse<String> response =
        get(
            request("/A")
                .header("Authorization", "Bearer a-token-of-some-length")
                .POST(BodyPublishers.ofString("{}")));
    assertThat(response.statusCode()).isEqualTo(200);
    assertThat(response.headers().firstValue("X-Saw-Headers").orElseThrow())
        .doesNotContain("Bearer");
  }

  @Test
  void streamsUndeclaredRoutesInBothDirections() throws Exception {
    openServing(Limits.USUAL);
    byte[] large = new byte[5_000_000];
    large[4_000_000] = (byte) 0xff;
    HttpResponse<byte[]> response =
        client()
            .send(
                request("/Other/x?y").POST(BodyPublishers.ofByteArray(large)).build(),
                BodyHandlers.ofByteArray());
    assertThat(response.statusCode()).isEqualTo(200);
    assertThat(response.body()).isEqualTo(large);
    assertThat(response.headers().firstValue("X-Saw")).contains("POST /Other/x?y");
    proxy.behaviour = FakeProxy.responds(404, "{}");
    assertThat(get(request("/Other/z")).statusCode()).isEqualTo(404);
  }

  @Test
  void sendsNothingToADrainingProxy() throws Exception {
    FrontDoor door = openServing(Limits.USUAL);
    proxy.table = null;
    awaitNotServing(door);
    CompletableFuture<HttpResponse<String>> response = postAsync("/A", "{}");
    awaitQueued(door, 1);
    assertThat(proxy.seen).isEmpty();
    proxy.table = Map.of("/A", "A");
    assertThat(response.get().statusCode()).isEqualTo(200);
  }

  @Test
  void balancesRequestsAcrossProxies() throws Exception {
    onlyProxy = false;
    FakeProxy other = new FakeProxy("127.0.9.2", proxy.uri().getPort());
    opened.add(other);
    FrontDoor door = openServing(Limits.USUAL);
    door.publish(servedBy(Set.of("127.0.0.1", "127.0.9.2", "127.0.9.3"), "A", "B"));
    await().until(() -> door.status().proxies().stream().filter(p -> p.serves()).count() == 2);
    List<CompletableFuture<HttpResponse<String>>> responses = new ArrayList<>();
    proxy.behaviour = request -> {}; // Keeps its requests in flight.
    for (int i = 0; i < 3; i++) {
      responses.add(postAsync("/A", "{}"));
      int sent = i + 1;
      await().until(() -> proxy.seen.size() + other.seen.size() >= sent);
    }
    await().until(() -> other.seen.size() >= 2);
    proxy.stop();
    for (CompletableFuture<HttpResponse<String>> response : responses) {
      assertThat(response.get().statusCode()).isEqualTo(200);
    }
    assertThat(post("/B", "{}").statusCode()).isEqualTo(200);
    door.publish(servedBy(Set.of("127.0.0.1"), "A", "B"));
    await().until(() -> door.status().proxies().size() == 1);
  }

  @Test
  void refusesRequestsInFlightWhoseRouteIsRemoved() throws Exception {
    FrontDoor door = openServing(Limits.USUAL);
    List<HttpServerRequest> taken = new CopyOnWriteArrayList<>();
    proxy.behaviour = taken::add;
    CompletableFuture<HttpResponse<String>> response = postAsync("/B", "{}");
    await().until(() -> taken.size() == 1);
    proxy.table = Map.of("/A", "A");
    door.publish(serving("A"));
    await().until(() -> !get(request("/")).body().contains("/B"));
    taken.get(0).response().setStatusCode(404).end();
    assertThat(response.get().statusCode()).isEqualTo(404);
    assertThat(json(response.get()).path("code").asString()).isEqualTo("unknown_route");
    await().until(() -> door.status().keptBytes() == 0 && door.status().underWay() == 0);
  }

  @Test
  void keepsUndeclaredRoutesThroughAnOutage() throws Exception {
    FrontDoor door = openServing(Limits.USUAL);
    proxy.stop();
    awaitNotServing(door);
    CompletableFuture<HttpResponse<String>> response = postAsync("/Other", "{}");
    awaitQueued(door, 1);
    door.publish(serving("A", "C"));
    proxy.restart();
    assertThat(response.get().statusCode()).isEqualTo(200);
    assertThat(response.get().body()).isEqualTo("{}");
    await().until(() -> door.status().keptBytes() == 0);
  }

  @Test
  void doesNotCompleteUploadsThatBreakOff() throws Exception {
    FrontDoor door = openServing(Limits.USUAL);
    AtomicInteger whole = new AtomicInteger();
    AtomicInteger broken = new AtomicInteger();
    proxy.behaviour =
        request ->
            request
                .body()
                .onSuccess(body -> whole.incrementAndGet())
                .onFailure(error -> broken.incrementAndGet());
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
      send(socket, "POST /Other HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
      send(socket, "5\r\nhello\r\n");
      await().until(() -> proxy.seen.size() == 1);
      send(socket, "no number\r\n");
      await().until(() -> broken.get() == 1);
    }
    assertThat(whole).hasValue(0);
    await().until(() -> door.status().underWay() == 0 && door.status().keptBytes() == 0);
  }

  @Test
  void keepsOtherConnectionsUsableAfterEarlyResponses() throws Exception {
    FrontDoor door = openServing(Limits.USUAL);
    proxy.behaviour = request -> request.response().setStatusCode(405).end("no");
    for (int i = 0; i < 5; i++) {
      try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
        send(socket, "POST /Other HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\nabc");
        assertThat(readUntil(socket, "no")).startsWith("HTTP/1.1 405 ");
      }
      proxy.behaviour = FakeProxy::echo;
      assertThat(post("/A", "{}").body()).isEqualTo("{}");
      proxy.behaviour = request -> request.response().setStatusCode(405).end("no");
    }
    await().until(() -> door.status().underWay() == 0);
  }

  @Test
  void disconnectsRefusedClientsThatKeepSending() throws Exception {
    awaitServes(open(Limits.USUAL, "a-token-of-some-length", null, null));
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
      send(socket, "POST /A HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n{");
      assertThat(readUntil(socket, "no such end")).startsWith("HTTP/1.1 401 ").contains("lose");
    }
  }

  @Test
  void respondsToPipelinedRequestsInOrder() throws Exception {
    openServing(Limits.USUAL);
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
      String one =
          "POST /A HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 1.1.1.1\r\nContent-Length: 5\r\n";
      send(socket, one + "X-Forwarded-For: 2.2.2.2\r\n\r\nfirst" + one + "\r\nlast.");
      assertThat(readUntil(socket, "last."))
          .containsSubsequence(
              "1.1.1.1, 2.2.2.2, 127.0.0.1", "first", "1.1.1.1, 127.0.0.1", "last.");
    }
  }

  @Test
  @Tag("slow")
  void isHealthyWithoutAQueueWhileEverythingIsServed() throws Exception {
    FrontDoor door = openServing(Limits.USUAL.requests(0).seconds(0));
    assertThat(get(request("/health")).statusCode()).isEqualTo(200);
    assertThat(post("/A", "{}").statusCode()).isEqualTo(200);
    proxy.stop();
    awaitNotServing(door);
    assertThat(post("/A", "{}").statusCode()).isEqualTo(503);
    await().until(() -> get(request("/health")).statusCode() == 503);
  }

  @Test
  void doesNotReportRoutesToOtherDoors() throws Exception {
    openServing(Limits.USUAL);
    HttpResponse<String> asked = get(request("/-/routes").header("User-Agent", "seedcore-serve"));
    assertThat(asked.statusCode()).isEqualTo(404);
  }

  @Test
  void refusesQueuedRequestsOnShutdown() throws Exception {
    proxy.stop();
    FrontDoor door = open(Limits.USUAL);
    CompletableFuture<HttpResponse<String>> response = postAsync("/A", "{}");
    awaitQueued(door, 1);
    door.close();
    assertThat(response.get().statusCode()).isEqualTo(503);
    assertThat(json(response.get()).path("error").asString())
        .isEqualTo("the daemon is shutting down");
  }

  @Test
  void acceptsTls() throws Exception {
    Path certificate = folder.resolve("cert.pem");
    Path key = folder.resolve("key.pem");
    KeyStore keys = makeKeys(certificate, key);
    awaitServes(open(Limits.USUAL, null, certificate, key));
    for (String suite :
        List.of("TLS_RSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA")) {
      assertThatThrownBy(() -> handshake(keys, "TLSv1.2", suite))
          .as(suite)
          .isInstanceOf(IOException.class);
    }
    handshake(keys, "TLSv1.2", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256");
    handshake(keys, "TLSv1.3", "TLS_AES_128_GCM_SHA256");
    TrustManagerFactory trust = TrustManagerFactory.getInstance("PKIX");
    trust.init(keys);
    SSLContext tls = SSLContext.getInstance("TLS");
    tls.init(null, trust.getTrustManagers(), null);
    HttpResponse<String> response =
        HttpClient.newBuilder()
            .sslContext(tls)
            .build()
            .send(
                HttpRequest.newBuilder(URI.create("https://localhost:" + port + "/A"))
                    .POST(BodyPublishers.ofString("{}"))
                    .build(),
                BodyHandlers.ofString());
    assertThat(response.statusCode()).isEqualTo(200);
    assertThat(response.headers().firstValue("X-Saw-Headers").orElseThrow())
        .contains("X-Forwarded-Proto=https");
    Files.writeString(key, "no key");
    port = freePort();
    assertThatThrownBy(() -> open(Limits.USUAL, null, certificate, key))
        .isInstanceOf(ConfigException.class)
        .hasMessageContaining("expected readable PEM files");
    KeyPairGenerator generator = KeyPairGenerator.getInstance("RSA");
    Files.writeString(
        key, pem("PRIVATE KEY", generator.generateKeyPair().getPrivate().getEncoded()));
    assertThatThrownBy(() -> open(Limits.USUAL, null, certificate, key))
        .isInstanceOf(ConfigException.class)
        .hasMessageContaining("front_door_key: found")
        .hasMessageContaining("expected the private key of the certificate");
  }

  private KeyStore makeKeys(Path certificate, Path key) throws Exception {
    Path store = folder.resolve("store.p12");
    Process keytool =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "keytool").toString(),
                "-genkeypair",
                "-keyalg",
                "RSA",
                "-alias",
                "door",
                "-dname",
                "CN=localhost",
                "-ext",
                "san=dns:localhost",
                "-keystore",
                store.toString(),
                "-storepass",
                "secret")
            .inheritIO()
            .start();
    assertThat(keytool.waitFor()).isZero();
    KeyStore keys = KeyStore.getInstance(store.toFile(), "secret".toCharArray());
    Files.writeString(certificate, pem("CERTIFICATE", keys.getCertificate("door").getEncoded()));
    Files.writeString(
        key, pem("PRIVATE KEY", keys.getKey("door", "secret".toCharArray()).getEncoded()));
    return keys;
  }

  @Test
  void dropsTheOldestHandshakesBeyondTheLimit() throws Exception {
    Path certificate = folder.resolve("cert.pem");
    Path key = folder.resolve("key.pem");
    KeyStore keys = makeKeys(certificate, key);
    awaitServes(open(Limits.USUAL, null, certificate, key));
    List<RawClient> silent = new ArrayList<>();
    try {
      for (int i = 0; i < Handshakes.MAX_HANDSHAKES + 20; i++) {
        silent.add(new RawClient("127.0.5.1", port).send("\u0016\u0003\u0001@\u0000"));
      }
      for (RawClient one : silent.subList(0, 20)) {
        assertThatThrownBy(one::read).isInstanceOfAny(EOFException.class, SocketException.class);
      }
      handshake(keys, "TLSv1.3", "TLS_AES_128_GCM_SHA256");
    } finally {
      for (RawClient one : silent) {
        one.reset();
      }
    }
  }

  @Test
  @Tag("slow")
  void dropsTheOldestIncompleteRecordsBeyondTheLimit() throws Exception {
    Path certificate = folder.resolve("cert.pem");
    Path key = folder.resolve("key.pem");
    KeyStore keys = makeKeys(certificate, key);
    awaitServes(open(Limits.USUAL, null, certificate, key));
    SSLContext tls = trusting(keys);
    List<Socket> partial = new ArrayList<>();
    try {
      for (int i = 0; i < Handshakes.MAX_HANDSHAKES + 20; i++) {
        Socket plain = new Socket(InetAddress.getLoopbackAddress(), port);
        partial.add(plain);
        plain.setSoTimeout(5_000);
        SSLSocket secure =
            (SSLSocket) tls.getSocketFactory().createSocket(plain, "127.0.0.1", port, false);
        secure.startHandshake();
        // Only the header of a record of 16 KiB.
        plain.getOutputStream().write(new byte[] {0x17, 3, 3, 0x40, 0});
      }
      for (Socket first : partial.subList(0, 20)) {
        assertThat(isClosed(first)).isTrue();
      }
      handshake(keys, "TLSv1.3", "TLS_AES_128_GCM_SHA256");
    } finally {
      for (Socket each : partial) {
        each.setSoLinger(true, 0);
        each.close();
      }
    }
  }

  /** Many records are decrypted at once. Their contents are kept while reading is stopped. */
  @ParameterizedTest
  @ValueSource(ints = {100, 1_000, 4_000, 16_000})
  void receivesCompleteUploadsOverTlsForAllRecordSizes(int record) throws Exception {
    Path certificate = folder.resolve("cert.pem");
    Path key = folder.resolve("key.pem");
    KeyStore keys = makeKeys(certificate, key);
    awaitServes(open(new Limits(100, 8 << 20, 20, 2 << 20, 1_000, false), null, certificate, key));
    byte[] body = ("\"" + "x".repeat(300_000) + "\"").getBytes(StandardCharsets.US_ASCII);
    String head = "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n";
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    // The second and third request wait for the first.
    for (String path : List.of("/A", "/B", "/A")) {
      all.writeBytes(head.formatted(path, body.length).getBytes(StandardCharsets.US_ASCII));
      all.writeBytes(body);
    }
    byte[] bytes = all.toByteArray();
    try (Socket socket = trusting(keys).getSocketFactory().createSocket("127.0.0.1", port)) {
      socket.setSoTimeout(10_000);
      Thread writer =
          new Thread(
              () -> {
                try {
                  for (int at = 0; at < bytes.length; at += record) {
                    socket.getOutputStream().write(bytes, at, Math.min(record, bytes.length - at));
                  }
                } catch (IOException e) {
                  // The reader fails, too.
                }
              });
      writer.start();
      InputStream from = new BufferedInputStream(socket.getInputStream());
      for (int i = 0; i < 3; i++) {
        String response = RawClient.head(from);
        assertThat(response).startsWith("HTTP/1.1 200 ");
        assertThat(RawClient.body(from, response)).hasSize(body.length);
      }
      writer.join();
    }
  }

  /** In TLS 1.3 each further handshake of a JSSE client is a KeyUpdate, in a record of its own. */
  @Test
  void closesConnectionsThatUpdateTheirKeysWithoutEnd() throws Exception {
    Path certificate = folder.resolve("cert.pem");
    Path key = folder.resolve("key.pem");
    KeyStore keys = makeKeys(certificate, key);
    awaitServes(open(Limits.USUAL, null, certificate, key));
    try (SSLSocket socket =
        (SSLSocket) trusting(keys).getSocketFactory().createSocket("127.0.0.1", port)) {
      socket.setSoTimeout(10_000);
      socket.setEnabledProtocols(new String[] {"TLSv1.3"});
      socket.startHandshake();
      for (int i = 0; i < 5; i++) {
        for (int k = 0; k < 10; k++) {
          socket.startHandshake();
        }
        send(socket, "POST /A HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}");
        assertThat(readUntil(socket, "}")).startsWith("HTTP/1.1 200");
      }
      assertThatThrownBy(
              () -> {
                for (int k = 0; k < 100_000; k++) {
                  socket.startHandshake();
                }
              })
          .isInstanceOf(IOException.class);
    }
  }

  private static boolean isClosed(Socket socket) throws IOException {
    try {
      socket.getInputStream().transferTo(OutputStream.nullOutputStream());
      return true;
    } catch (SocketTimeoutException e) {
      return false;
    } catch (SocketException e) {
      return true;
    }
  }

  private static SSLContext trusting(KeyStore trusted) throws Exception {
    TrustManagerFactory trust = TrustManagerFactory.getInstance("PKIX");
    trust.init(trusted);
    SSLContext tls = SSLContext.getInstance("TLS");
    tls.init(null, trust.getTrustManagers(), null);
    return tls;
  }

  private void handshake(KeyStore trusted, String version, String suite) throws Exception {
    try (SSLSocket socket =
        (SSLSocket) trusting(trusted).getSocketFactory().createSocket("127.0.0.1", port)) {
      socket.setEnabledProtocols(new String[] {version});
      socket.setEnabledCipherSuites(new String[] {suite});
      socket.startHandshake();
    }
  }

  private static String pem(String what, byte[] bytes) {
    return "-----BEGIN %1$s-----%n%2$s%n-----END %1$s-----%n"
        .formatted(what, Base64.getMimeEncoder().encodeToString(bytes));
  }

  @Test
  void appliesNewDeclarationsAndRefusesRequestsOfOldOnes() throws Exception {
    proxy.stop();
    FrontDoor door = open(Limits.USUAL);
    CompletableFuture<HttpResponse<String>> kept = postAsync("/A", "{}");
    CompletableFuture<HttpResponse<String>> dropped = postAsync("/B", "{}");
    awaitQueued(door, 2);
    door.publish(serving("A", "C"));
    assertThat(dropped.get().statusCode()).isEqualTo(404);
    proxy.table = Map.of("/A", "A", "/C", "C");
    proxy.restart();
    assertThat(kept.get().statusCode()).isEqualTo(200);
    assertThat(post("/C", "{}").statusCode()).isEqualTo(200);
  }

  @Test
  void evictsSilentConnections() throws Exception {
    FrontDoor door = openServing(Limits.USUAL.connections(50));
    List<Socket> silent = new ArrayList<>();
    try {
      for (int i = 0; i < 200; i++) {
        Socket socket = new Socket(InetAddress.getLoopbackAddress(), port);
        silent.add(socket);
        send(socket, "POST /A HTTP/1.1\r\nHost:");
      }
      for (int i = 0; i < 20; i++) {
        assertThat(post("/A", "{}").statusCode()).isEqualTo(200);
      }
      assertThat(door.status().connections()).isLessThanOrEqualTo(50);
    } finally {
      for (Socket socket : silent) {
        socket.close();
      }
    }
  }

  @Test
  void namesAPortThatIsInUse() throws Exception {
    try (ServerSocket taken = new ServerSocket(port)) {
      assertThat(taken.isBound()).isTrue();
      assertThatThrownBy(() -> open(Limits.USUAL))
          .isInstanceOf(ConfigException.class)
          .hasMessageContaining("front_door: found 127.0.0.1:" + port)
          .hasMessageContaining("--front-door");
    }
  }

  @Test
  void countsResponses() throws Exception {
    FrontDoor door = openServing(Limits.USUAL);
    assertThat(post("/A", "{}").statusCode()).isEqualTo(200);
    assertThat(post("/A", "{}").statusCode()).isEqualTo(200);
    await()
        .until(
            () ->
                !door.status().answered().isEmpty()
                    && door.status().answered().get(0).times() == 2);
    DoorStatus.Answered answered = door.status().answered().get(0);
    assertThat(answered.app()).isEqualTo("A");
    assertThat(answered.status()).isEqualTo(200);
    assertThat(answered.seconds()).isBetween(0.0, 20.0);
  }

  private static void send(Socket socket, String text) throws IOException {
    socket.getOutputStream().write(text.getBytes(StandardCharsets.ISO_8859_1));
    socket.getOutputStream().flush();
  }

  private static String read(Socket socket) throws IOException {
    return readUntil(socket, "timestamp");
  }

  private static String readUntil(Socket socket, String end) throws IOException {
    socket.setSoTimeout(10_000);
    StringBuilder text = new StringBuilder();
    while (text.indexOf(end) < 0) {
      int next = socket.getInputStream().read();
      if (next < 0) {
        break;
      }
      text.append((char) next);
    }
    return text.toString();
  }
}
