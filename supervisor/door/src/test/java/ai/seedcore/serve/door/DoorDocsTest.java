package ai.seedcore.serve.door;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import ai.seedcore.serve.door.OpenDoor.Bounds;
import io.netty.util.internal.PlatformDependent;
import java.io.ByteArrayInputStream;
import java.lang.management.ManagementFactory;
import java.lang.management.MemoryMXBean;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Tests the OpenAPI document, its page, and the methods of routes. */
@Timeout(60)
class DoorDocsTest {

  private static final String TOKEN = "a-token-of-the-tests-1";

  private final HttpClient client = HttpClient.newHttpClient();
  private FakeProxy proxy;
  private OpenDoor door;

  @BeforeEach
  void open() throws Exception {
    proxy = new FakeProxy();
    door = OpenDoor.serving(proxy.uri(), Bounds.USUAL.token(TOKEN));
  }

  @AfterEach
  void close() throws Exception {
    door.close();
    proxy.close();
  }

  private HttpResponse<byte[]> send(String method, String path, String... fields) throws Exception {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + door.port + path))
            .method(method, BodyPublishers.noBody());
    if (fields.length > 0) {
      request.headers(fields);
    }
    return client.send(request.build(), BodyHandlers.ofByteArray());
  }

  private static String field(HttpResponse<?> response, String name) {
    return response.headers().firstValue(name).orElse("");
  }

  @ParameterizedTest
  @CsvSource({
    "/docs, text/html",
    "/-/docs, text/html",
    "/docs/init.js, text/javascript",
    "/docs/swagger-ui-bundle.js, text/javascript",
    "/-/docs/swagger-ui.css, text/css"
  })
  void thePageNeedsNoToken(String path, String type) throws Exception {
    HttpResponse<byte[]> plain = send("GET", path);
    assertThat(plain.statusCode()).isEqualTo(200);
    assertThat(field(plain, "Content-Type")).startsWith(type);
    assertThat(field(plain, "Content-Security-Policy")).startsWith("default-src 'self'");
    HttpResponse<byte[]> packed = send("GET", path, "Accept-Encoding", "gzip");
    assertThat(field(packed, "Content-Encoding")).isEqualTo("gzip");
    assertThat(new GZIPInputStream(new ByteArrayInputStream(packed.body())).readAllBytes())
        .isEqualTo(plain.body());
    assertThat(send("HEAD", path).body()).isEmpty();
    assertThat(send("PUT", path).statusCode()).isEqualTo(405);
  }

  /** Otherwise each of them would take the memory of the whole file. */
  @Test
  void clientsThatDoNotReadTakeLittleMemory() throws Exception {
    assertThat(send("GET", "/docs/swagger-ui-bundle.js").statusCode()).isEqualTo(200);
    MemoryMXBean memory = ManagementFactory.getMemoryMXBean();
    List<Socket> silent = new ArrayList<>();
    try {
      memory.gc();
      long before = memory.getHeapMemoryUsage().getUsed() + PlatformDependent.usedDirectMemory();
      for (int i = 0; i < 200; i++) {
        Socket socket = new Socket();
        socket.setReceiveBufferSize(4 << 10);
        socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), door.port));
        silent.add(socket);
        socket
            .getOutputStream()
            .write(
                "GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nHost: x\r\n\r\n"
                    .getBytes(StandardCharsets.US_ASCII));
      }
      for (Socket each : silent) {
        assertThat(each.getInputStream().read()).isEqualTo('H');
      }
      memory.gc();
      long taken =
          memory.getHeapMemoryUsage().getUsed() + PlatformDependent.usedDirectMemory() - before;
      assertThat(taken / 200).as("bytes for each client").isLessThan(300_000);
      assertThat(send("GET", "/docs/init.js").statusCode()).isEqualTo(200);
    } finally {
      for (Socket each : silent) {
        each.close();
      }
    }
  }

  @Test
  void theDocumentNeedsTheToken() throws Exception {
    door.describe("{\"openapi\": \"3.1.0\"}");
    for (String path : List.of("/openapi.json", "/-/openapi.json")) {
      assertThat(send("GET", path).statusCode()).isEqualTo(401);
      HttpResponse<byte[]> right = send("GET", path, "Authorization", "Bearer " + TOKEN);
      assertThat(new String(right.body(), StandardCharsets.UTF_8)).contains("3.1.0");
      assertThat(field(right, "Content-Type")).isEqualTo("application/json");
    }
  }

  @Test
  void withoutADescriptionThereIsNoDocument() throws Exception {
    assertThat(send("GET", "/openapi.json", "Authorization", "Bearer " + TOKEN).statusCode())
        .isEqualTo(404);
  }

  @Test
  void aRouteWithTheSamePathComesFirst() throws Exception {
    door.describe("{}");
    door.declare(Route.declared("/", "Whole", Idempotence.ALL));
    String[] impatient = {"Authorization", "Bearer " + TOKEN, "X-Request-Timeout-Seconds", "0.1"};
    // Nothing serves that route.
    await().until(() -> send("GET", "/docs", impatient).statusCode() == 503);
    assertThat(send("GET", "/openapi.json", impatient).statusCode()).isEqualTo(503);
    assertThat(send("GET", "/-/docs").statusCode()).isEqualTo(200);
  }

  @ParameterizedTest
  @ValueSource(strings = {"PUT", "DELETE", "PATCH", "get", "PROPFIND"})
  void aDescribedRouteHasNoOtherMethods(String method) throws Exception {
    declareMethods(Set.of("GET", "POST"));
    HttpResponse<byte[]> response = send(method, "/A", "Authorization", "Bearer " + TOKEN);
    assertThat(response.statusCode()).isEqualTo(405);
    assertThat(field(response, "Allow")).isEqualTo("GET, HEAD, OPTIONS, POST");
    assertThat(new String(response.body(), StandardCharsets.UTF_8)).contains("\"method\"");
    assertThat(proxy.seen).isEmpty();
    assertThat(send("HEAD", "/A", "Authorization", "Bearer " + TOKEN).statusCode()).isEqualTo(200);
  }

  @Test
  void aDescribedRouteSaysWhichMethodsItHas() throws Exception {
    declareMethods(Set.of("POST"));
    HttpResponse<byte[]> response = send("OPTIONS", "/A", "Authorization", "Bearer " + TOKEN);
    assertThat(response.statusCode()).isEqualTo(204);
    assertThat(field(response, "Allow")).isEqualTo("OPTIONS, POST");
    assertThat(send("PUT", "/A/below", "Authorization", "Bearer " + TOKEN).statusCode())
        .as("what is below the route is not described")
        .isEqualTo(200);
  }

  @Test
  void traceIsAllowedNowhere() throws Exception {
    HttpResponse<byte[]> response = send("TRACE", "/A");
    assertThat(response.statusCode()).isEqualTo(405);
    assertThat(field(response, "Allow")).contains("GET").doesNotContain("TRACE");
  }

  private void declareMethods(Set<String> methods) {
    door.declare(Route.declared("/A", "A", Idempotence.ALL).withMethods(methods));
    await().until(() -> send("LINK", "/A", "Authorization", "Bearer " + TOKEN).statusCode() == 405);
    proxy.seen.clear();
  }
}
