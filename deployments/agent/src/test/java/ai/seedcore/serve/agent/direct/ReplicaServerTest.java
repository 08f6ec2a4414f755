package ai.seedcore.serve.agent.direct;

import static java.net.http.HttpRequest.BodyPublishers.ofByteArray;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import ai.seedcore.serve.agent.Host;
import ai.seedcore.serve.agent.Requests;
import java.io.ByteArrayInputStream;
import java.math.BigDecimal;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.parallel.ResourceLock;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@Timeout(30)
@ResourceLock("the settings of Requests")
class ReplicaServerTest {

  private static final String KEY = "0123456789abcdef";
  private static final String ACTOR = "a1";
  private static final String DOOR = "X-SeedCore-Door";

  private static String credential() {
    return Proof.of(KEY, "door\n" + ACTOR);
  }

  /** A typical deployment of a user, which answers as its body says. */
  public static final class Worker {
    static volatile CountDownLatch gate = new CountDownLatch(0);

    public Object call(String body) throws InterruptedException {
      return switch (body) {
        case "text" -> "h\u00e9llo";
        case "map" -> Map.of("a", List.of(1, 2.5, "\u20ac", true));
        case "bytes" -> new byte[] {1, 2, (byte) 0xff};
        case "nothing" -> null;
        case "decimal" -> Map.of("v", new BigDecimal("12345678901234567890.123456789"));
        case "numbers" ->
            List.of(1795732469.777, 0.0005, 0.00001, 1e20, -12345678.5, 1e7, 9007199254740993L);
        case "nan" -> Map.of("v", Double.NaN);
        case "throw" -> throw new IllegalStateException("a secret");
        case "object" -> new Object();
        case "interrupt" -> {
          Thread.currentThread().interrupt();
          yield "x".repeat(100_000);
        }
        case "wait" -> {
          gate.await();
          yield "waited";
        }
        default -> body.length();
      };
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
    Host host = new Host(Worker.class.getName(), "[]", "");
    server = new ReplicaServer(new Replica(ACTOR, "v1", ongoing, host, KEY), "127.0.0.1");
    port = server.listen(0);
  }

  @AfterEach
  void close() {
    Worker.gate.countDown();
    server.close();
    Requests.limit(null);
  }

  private HttpRequest.Builder to(String path) {
    return HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + path));
  }

  private HttpRequest post(String body) {
    return to("/A")
        .header("X-SeedCore-Door", Proof.of(KEY, "door\n" + ACTOR))
        .header("X-Request-ID", "r1")
        .POST(HttpRequest.BodyPublishers.ofString(body))
        .build();
  }

  private HttpResponse<String> send(HttpRequest request) throws Exception {
    return client.send(request, HttpResponse.BodyHandlers.ofString());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "text|200|text/plain; charset=utf-8|h\u00e9llo",
        "map|200|application/json|{\"a\":[1,2.5,\"\u20ac\",true]}",
        "nothing|200|text/plain|''",
        "decimal|200|application/json|{\"v\":12345678901234567890.123456789}",
        "numbers|200|application/json|[1795732469.777,0.0005,1.0E-5,1.0E20,-12345678.5,10000000.0,9007199254740993]",
        "nan|200|application/json|{\"v\":null}",
        "other|200|application/json|5",
      })
  void respondsAsTheProxyWould(String body, int status, String type, String expected)
      throws Exception {
    HttpResponse<String> response = send(post(body));
    assertThat(response.statusCode()).isEqualTo(status);
    assertThat(response.headers().firstValue("Content-Type")).hasValue(type);
    assertThat(response.body()).isEqualTo(expected);
    assertThat(response.headers().firstValue("X-Request-ID")).hasValue("r1");
    assertThat(response.headers().firstValue("Date")).isPresent();
    await().until(() -> ongoing.get() == 0);
  }

  /** As Serve's proxy does: the value of a query without a body. */
  @ParameterizedTest
  @CsvSource({
    "/A?x=text,h\u00e9llo",
    "/A?x=a=b,3",
    "/A?,0",
    "/A,0",
  })
  void takesAQueryWithoutABody(String path, String expected) throws Exception {
    HttpRequest request =
        to(path).header("X-SeedCore-Door", Proof.of(KEY, "door\n" + ACTOR)).GET().build();
    assertThat(send(request).body()).isEqualTo(expected);
  }

  @Test
  void refusesWhatIsNoText() throws Exception {
    HttpResponse<String> response = send(to("/A?x").header(DOOR, credential()).GET().build());
    assertThat(response.statusCode()).isEqualTo(400);
    assertThat(response.body()).contains("invalid_field", "found 'x', expected NAME=VALUE");
    byte[] notUtf8 = {'a', (byte) 0xff};
    response = send(to("/A").header(DOOR, credential()).POST(ofByteArray(notUtf8)).build());
    assertThat(response.statusCode()).isEqualTo(400);
    assertThat(response.body()).contains("invalid_json", "not UTF-8");
    byte[] replacement = "\ufffd".getBytes(StandardCharsets.UTF_8);
    response = send(to("/A").header(DOOR, credential()).POST(ofByteArray(replacement)).build());
    assertThat(response.body()).isEqualTo("1");
  }

  /** The class has the path to itself, for those who come through the front door. */
  @Test
  void passesOnItsOwnPathsFromAFrontDoor() throws Exception {
    HttpRequest request =
        to("/-/seedcore?x=text")
            .header("X-SeedCore-Door", Proof.of(KEY, "door\n" + ACTOR))
            .GET()
            .build();
    assertThat(send(request).body()).isEqualTo("h\u00e9llo");
  }

  @Test
  void respondsAlthoughTheClassLeavesItsThreadInterrupted() throws Exception {
    assertThat(send(post("interrupt")).body()).isEqualTo("x".repeat(100_000));
    assertThat(send(post("text")).statusCode()).isEqualTo(200);
  }

  @Test
  void respondsWithBytes() throws Exception {
    HttpResponse<byte[]> response =
        client.send(post("bytes"), HttpResponse.BodyHandlers.ofByteArray());
    assertThat(response.body()).containsExactly(1, 2, 0xff);
  }

  @ParameterizedTest
  @CsvSource({"throw,internal", "object,invalid_result"})
  void reportsFailuresWithoutDetails(String body, String code) throws Exception {
    HttpResponse<String> response = send(post(body));
    assertThat(response.statusCode()).isEqualTo(500);
    assertThat(response.body()).contains("\"code\":\"" + code + "\"").doesNotContain("secret");
    assertThat(response.headers().firstValue("X-SeedCore-Not-Executed")).isEmpty();
  }

  @ParameterizedTest
  @CsvSource({"0", "1", "1023", "1024", "1025", "300000", "3000000"})
  void readsBodiesOfAnyLength(int length) throws Exception {
    String body = "x".repeat(length);
    assertThat(send(post(body)).body()).isEqualTo(String.valueOf(length));
    HttpRequest chunked =
        to("/A")
            .header("X-SeedCore-Door", Proof.of(KEY, "door\n" + ACTOR))
            .POST(
                HttpRequest.BodyPublishers.ofInputStream(
                    () -> new ByteArrayInputStream(body.getBytes(StandardCharsets.UTF_8))))
            .build();
    assertThat(send(chunked).body()).isEqualTo(String.valueOf(length));
  }

  @Test
  void provesItsIdentityToThoseWhoHaveTheKey() throws Exception {
    String body = send(to("/-/seedcore?n1").GET().build()).body();
    assertThat(body)
        .contains("\"actor\":\"a1\"", "\"version\":\"v1\"", "\"limit\":100", "\"draining\":false")
        .contains("\"proof\":\"" + Proof.of(KEY, "replica\nn1\na1\nv1\n127.0.0.1:" + port) + "\"");
    assertThat(send(to("/-/healthz").GET().build()).statusCode()).isEqualTo(200);
  }

  @Test
  void refusesThoseWithoutTheKey() throws Exception {
    HttpRequest without = to("/A").POST(HttpRequest.BodyPublishers.ofString("text")).build();
    HttpResponse<String> response = send(without);
    assertThat(response.statusCode()).isEqualTo(403);
    assertThat(response.headers().firstValue("X-SeedCore-Not-Executed")).hasValue("forbidden");
  }

  @Test
  void refusesMoreThanItsLimitAtOnce() throws Exception {
    Requests.limit(2);
    Worker.gate = new CountDownLatch(1);
    List<CompletableFuture<HttpResponse<String>>> running = new ArrayList<>();
    for (int i = 0; i < 2; i++) {
      running.add(client.sendAsync(post("wait"), HttpResponse.BodyHandlers.ofString()));
    }
    await().until(() -> ongoing.get() == 2);
    HttpResponse<String> refused = send(post("text"));
    assertThat(refused.statusCode()).isEqualTo(503);
    assertThat(refused.headers().firstValue("X-SeedCore-Not-Executed")).hasValue("overloaded");
    assertThat(send(to("/-/healthz").GET().build()).statusCode()).isEqualTo(200);
    Worker.gate.countDown();
    for (CompletableFuture<HttpResponse<String>> each : running) {
      assertThat(each.join().body()).isEqualTo("waited");
    }
    assertThat(send(post("text")).statusCode()).isEqualTo(200);
  }

  @Test
  void completesRequestsInProgressWhileItDrains() throws Exception {
    Worker.gate = new CountDownLatch(1);
    CompletableFuture<HttpResponse<String>> running =
        client.sendAsync(post("wait"), HttpResponse.BodyHandlers.ofString());
    await().until(() -> ongoing.get() == 1);
    server.drain();
    HttpResponse<String> refused = send(post("text"));
    assertThat(refused.headers().firstValue("X-SeedCore-Not-Executed")).hasValue("draining");
    assertThat(send(to("/-/healthz").GET().build()).statusCode()).isEqualTo(503);
    Worker.gate.countDown();
    assertThat(running.join().body()).isEqualTo("waited");
  }
}
