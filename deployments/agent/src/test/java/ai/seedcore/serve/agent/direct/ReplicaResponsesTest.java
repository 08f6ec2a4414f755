package ai.seedcore.serve.agent.direct;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import ai.seedcore.serve.agent.Host;
import ai.seedcore.serve.agent.Requests;
import ai.seedcore.serve.api.Request;
import ai.seedcore.serve.api.Response;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.parallel.ResourceLock;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What a class can do with requests and responses of its own. */
@Timeout(30)
@ResourceLock("the settings of Requests")
class ReplicaResponsesTest {

  private static final String KEY = "0123456789abcdef";
  private static final String CREDENTIAL = Proof.of(KEY, "door\na1");
  private static final int MEGABYTE = 1 << 20;

  /** A class that uses the API. */
  public static final class Web {
    static volatile CountDownLatch gate = new CountDownLatch(0);
    static final AtomicInteger WRITTEN = new AtomicInteger();

    public boolean isQuick(Request request) {
      String quick = request.header("X-Quick").orElse("");
      if (quick.equals("throw")) {
        throw new IllegalStateException("of its own");
      }
      return !quick.isEmpty();
    }

    public Object call(Request request) {
      return switch (request.path()) {
        case "/echo" -> Response.of(request.body()).withHeader("Content-Type", "image/png");
        case "/head" ->
            "%s %s %s %s"
                .formatted(
                    request.method(),
                    request.query(),
                    request.header("x-color").orElse("none"),
                    request.header("X-SeedCore-Door").isPresent());
        case "/created" ->
            Response.of(201, Map.of("id", 7))
                .withHeader("Location", "/things/7")
                .withHeader("Set-Cookie", "a=1")
                .withHeader("Set-Cookie", "b=2");
        case "/status" ->
            Response.of(
                Integer.parseInt(request.query()), request.query().equals("204") ? null : "s");
        case "/stream" -> Response.stream("text/event-stream", Web::events);
        case "/large" -> Response.stream("application/octet-stream", Web::large);
        case "/late" -> {
          try {
            gate.await();
          } catch (InterruptedException e) {
            throw new IllegalStateException(e);
          }
          yield Response.stream("text/event-stream", Web::small);
        }
        case "/breaks" -> Response.stream("text/plain", Web::broken);
        case "/thread" -> Thread.currentThread().getName();
        case "/throw" -> throw new IllegalStateException("of its own");
        case "/typed" -> Response.of("x").withHeader("Content-Type", "not a type; at all");
        case "/bad" -> Response.of("x").withHeader("Content-Length", "5");
        default -> Response.of(404, "nothing here");
      };
    }

    private static void events(OutputStream out) throws IOException, InterruptedException {
      out.write("data: 1\n\n".getBytes(StandardCharsets.UTF_8));
      out.flush();
      gate.await();
      out.write("data: 2\n\n".getBytes(StandardCharsets.UTF_8));
    }

    private static void small(OutputStream out) throws IOException {
      for (int i = 0; i < 100_000; i++) {
        out.write("data: 1\n\n".getBytes(StandardCharsets.UTF_8));
      }
    }

    private static void large(OutputStream out) throws IOException {
      byte[] part = new byte[MEGABYTE];
      for (WRITTEN.set(0); WRITTEN.get() < 100; WRITTEN.incrementAndGet()) {
        out.write(part);
      }
    }

    private static void broken(OutputStream out) throws IOException {
      out.write("some".getBytes(StandardCharsets.UTF_8));
      out.flush();
      throw new IllegalStateException("half way");
    }
  }

  private final AtomicInteger ongoing = new AtomicInteger();
  private final HttpClient client =
      HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
  private ReplicaServer server;
  private int port;

  @BeforeEach
  void listen() throws Exception {
    Requests.limit(100);
    Web.gate = new CountDownLatch(0);
    server =
        new ReplicaServer(
            new Replica("a1", "v1", ongoing, new Host(Web.class.getName(), "[]", ""), KEY),
            "127.0.0.1");
    port = server.listen(0);
  }

  @AfterEach
  void close() {
    Web.gate.countDown();
    server.close();
    Requests.limit(null);
  }

  private HttpRequest.Builder to(String path) {
    return HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + path))
        .header("X-SeedCore-Door", CREDENTIAL);
  }

  private HttpResponse<String> get(String path) throws Exception {
    return client.send(to(path).build(), BodyHandlers.ofString());
  }

  @Test
  void passesBytesAndTheHead() throws Exception {
    byte[] all = new byte[256];
    for (int i = 0; i < all.length; i++) {
      all[i] = (byte) i;
    }
    HttpResponse<byte[]> echo =
        client.send(
            to("/echo").POST(BodyPublishers.ofByteArray(all)).build(), BodyHandlers.ofByteArray());
    assertThat(echo.body()).isEqualTo(all);
    assertThat(echo.headers().firstValue("Content-Type")).hasValue("image/png");
    HttpResponse<String> head =
        client.send(
            to("/head?a=b%20c")
                .header("X-Color", "red")
                .method("PATCH", BodyPublishers.ofString("x"))
                .build(),
            BodyHandlers.ofString());
    assertThat(head.body()).isEqualTo("PATCH a=b%20c red false");
  }

  @Test
  void setsStatusAndHeaders() throws Exception {
    HttpResponse<String> response = get("/created");
    assertThat(response.statusCode()).isEqualTo(201);
    assertThat(response.body()).isEqualTo("{\"id\":7}");
    assertThat(response.headers().firstValue("Content-Type")).hasValue("application/json");
    assertThat(response.headers().firstValue("Location")).hasValue("/things/7");
    assertThat(response.headers().allValues("Set-Cookie")).containsExactly("a=1", "b=2");
    assertThat(get("/typed").headers().firstValue("Content-Type")).hasValue("not a type; at all");
    assertThat(get("/bad").statusCode()).isEqualTo(500);
    assertThat(get("/other").statusCode()).isEqualTo(404);
  }

  /** The connection carries the next response, too, whatever the last one was. */
  @ParameterizedTest
  @ValueSource(ints = {200, 204, 302, 400, 404, 429, 500, 503})
  void anyStatusEndsWhereItShould(int status) throws Exception {
    for (int i = 0; i < 50; i++) {
      HttpResponse<String> response = get("/status?" + status);
      assertThat(response.statusCode()).isEqualTo(status);
      assertThat(response.body()).isEqualTo(status == 204 ? "" : "s");
      assertThat(response.headers().firstValue("X-SeedCore-Not-Executed")).isEmpty();
    }
    await().until(() -> ongoing.get() == 0);
  }

  @ParameterizedTest
  @CsvSource({"/created,201", "/stream,200", "/large,200", "/status?204,204"})
  void aHeadRequestHasNoBody(String path, int status) throws Exception {
    for (int i = 0; i < 50; i++) {
      HttpResponse<String> response =
          client.send(
              to(path).method("HEAD", BodyPublishers.noBody()).build(), BodyHandlers.ofString());
      assertThat(response.statusCode()).isEqualTo(status);
      assertThat(response.body()).isEmpty();
    }
    await().until(() -> ongoing.get() == 0);
    assertThat(get("/created").body()).isEqualTo("{\"id\":7}");
  }

  @Test
  void quickRequestsRunOnTheThreadThatReads() throws Exception {
    assertThat(get("/thread").body()).isEqualTo("seedcore-request");
    assertThat(quick("/thread").body()).isEqualTo("seedcore-io");
    assertThat(quick("/created").statusCode()).isEqualTo(201);
    assertThat(quick("/status?204").statusCode()).isEqualTo(204);
    assertThat(quick("/throw").statusCode()).isEqualTo(500);
    assertThat(quick("/stream").statusCode()).isEqualTo(500);
    assertThat(quick("/thread").body()).isEqualTo("seedcore-io");
    await().until(() -> ongoing.get() == 0);
  }

  @Test
  void aRequestRunsOnAWorkerThreadIfItsClassCannotSayThatItIsQuick() throws Exception {
    assertThat(quick("/thread", "throw").body()).isEqualTo("seedcore-request");
    assertThat(quick("/thread").body()).isEqualTo("seedcore-io");
  }

  private HttpResponse<String> quick(String path) throws Exception {
    return quick(path, "yes");
  }

  private HttpResponse<String> quick(String path, String answer) throws Exception {
    return client.send(to(path).header("X-Quick", answer).build(), BodyHandlers.ofString());
  }

  @Test
  void streamsWhatTheClassHasWritten() throws Exception {
    Web.gate = new CountDownLatch(1);
    HttpResponse<InputStream> response =
        client.send(to("/stream").build(), BodyHandlers.ofInputStream());
    try (BufferedReader lines =
        new BufferedReader(new InputStreamReader(response.body(), StandardCharsets.UTF_8))) {
      assertThat(lines.readLine()).isEqualTo("data: 1");
      assertThat(ongoing).hasValue(1);
      Web.gate.countDown();
      assertThat(lines.lines()).containsExactly("", "data: 2", "");
    }
    await().until(() -> ongoing.get() == 0);
    assertThat(get("/stream").body()).isEqualTo("data: 1\n\ndata: 2\n\n");
  }

  @Test
  void streamsLargeBodies() throws Exception {
    HttpResponse<InputStream> response =
        client.send(to("/large").build(), BodyHandlers.ofInputStream());
    try (InputStream body = response.body()) {
      assertThat(body.transferTo(OutputStream.nullOutputStream())).isEqualTo(100L * MEGABYTE);
    }
    await().until(() -> ongoing.get() == 0);
  }

  @Test
  void aClassWaitsForASlowClientAndStopsWithIt() throws Exception {
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
      socket.setReceiveBufferSize(4096);
      socket
          .getOutputStream()
          .write(
              "GET /large HTTP/1.1\r\nHost: x\r\nX-SeedCore-Door: %s\r\n\r\n"
                  .formatted(CREDENTIAL)
                  .getBytes(StandardCharsets.US_ASCII));
      assertThat(socket.getInputStream().readNBytes(100_000)).hasSize(100_000);
      assertThat(ongoing).hasValue(1);
      assertThat(Web.WRITTEN.get()).isLessThan(50);
    }
    await().until(() -> ongoing.get() == 0);
    assertThat(Web.WRITTEN.get()).isLessThan(50);
    assertThat(get("/created").statusCode()).isEqualTo(201);
  }

  @Test
  void aStreamThatBeginsAfterItsClientHasGoneEnds() throws Exception {
    Web.gate = new CountDownLatch(1);
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
      socket
          .getOutputStream()
          .write(
              "GET /late HTTP/1.1\r\nHost: x\r\nX-SeedCore-Door: %s\r\n\r\n"
                  .formatted(CREDENTIAL)
                  .getBytes(StandardCharsets.US_ASCII));
      await().until(() -> ongoing.get() == 1);
    }
    assertThat(get("/created").statusCode()).isEqualTo(201); // The I/O thread has seen the end.
    Web.gate.countDown();
    await().until(() -> ongoing.get() == 0);
  }

  @Test
  void aStreamThatFailsDoesNotLookComplete() throws Exception {
    assertThatThrownBy(() -> get("/breaks")).isInstanceOf(IOException.class);
    await().until(() -> ongoing.get() == 0);
    assertThat(get("/created").statusCode()).isEqualTo(201);
  }
}
