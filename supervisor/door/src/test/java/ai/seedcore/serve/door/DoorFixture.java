package ai.seedcore.serve.door;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import ai.seedcore.serve.base.HostPort;
import ai.seedcore.serve.base.Token;
import ai.seedcore.serve.base.http.Sockets;
import java.io.IOException;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Opens doors in front of a faulty proxy. Route A is declared idempotent, B is declared but not
 * idempotent, and Other is undeclared.
 */
@Timeout(60)
abstract class DoorFixture {

  static final String FINE = "{\"status\":\"success\"}";

  @TempDir Path folder;

  FakeProxy proxy;
  final List<AutoCloseable> opened = new ArrayList<>();
  int port;

  @BeforeEach
  void startProxy() throws Exception {
    proxy = new FakeProxy();
    opened.add(proxy);
    port = Sockets.freePort();
  }

  @AfterEach
  void close() throws Exception {
    for (AutoCloseable each : opened) {
      each.close();
    }
  }

  /** The limits of a test's door. */
  record Limits(
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

  FrontDoor open(Limits limits) throws IOException {
    return open(limits, null, null, null);
  }

  boolean onlyProxy = true;
  boolean replaces;
  Duration idle = Duration.ofSeconds(75);
  Duration header = Duration.ofSeconds(10);
  List<String> origins = List.of();
  String tokenField = DoorTokens.AUTHORIZATION;
  @Nullable Path tokenFile;

  /** Returns the tokens of the file or, if there is none, of a text. */
  private DoorTokens tokens(String text) {
    return new DoorTokens(
        Token.findAll("front_door", tokenFile, Map.of("SEEDCORE_FRONT_DOOR_TOKEN", text)),
        tokenField);
  }

  FrontDoor open(
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
                idle,
                header,
                List.of(),
                origins,
                limits.contract(),
                true,
                certificate,
                key),
            () -> token == null ? DoorTokens.NONE : tokens(token),
            declared("A", "B"),
            proxy.uri(),
            onlyProxy,
            "0.1.0",
            null);
    door.listen(replaces);
    opened.add(door);
    return door;
  }

  FrontDoor openServing(Limits limits) throws IOException {
    FrontDoor door = open(limits);
    awaitServes(door);
    return door;
  }

  static void awaitServes(FrontDoor door) {
    await()
        .until(
            () ->
                door.status() != null
                    && door.status().proxies().stream().anyMatch(p -> p.serves()));
  }

  static void awaitNotServing(FrontDoor door) {
    await()
        .until(
            () ->
                door.status() != null
                    && door.status().proxies().stream().noneMatch(p -> p.serves()));
  }

  static List<Route> declared(String... names) {
    return Stream.of(names)
        .map(name -> Route.declared("/" + name, name, idempotence(name)))
        .toList();
  }

  static Idempotence idempotence(String name) {
    return switch (name) {
      case "A" -> Idempotence.ALL;
      case "never" -> Idempotence.NONE;
      default -> Idempotence.SAFE;
    };
  }

  /** Returns the control loop's state while everything is served. */
  static ControlState serving(String... names) {
    return servedBy(Set.of("10.0.0.1"), names);
  }

  static ControlState servedBy(Set<String> nodes, String... names) {
    return new ControlState(declared(names), nodes, Set.of(), false, "SERVING", "because", 7.0);
  }

  /** Returns the control loop's state while an application is redeployed. */
  static ControlState recovering(String... names) {
    return new ControlState(
        declared(names), Set.of("10.0.0.1"), Set.of(), false, "RECOVERING", "because", 7.0);
  }

  HttpRequest.Builder request(String path) {
    return HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + path))
        .timeout(Duration.ofSeconds(30));
  }

  static HttpResponse<String> get(HttpRequest.Builder request) throws Exception {
    return client().send(request.build(), BodyHandlers.ofString());
  }

  /**
   * Returns a client that, by default, asks for an upgrade to HTTP/2. The upgrade must not affect
   * the body.
   */
  static HttpClient client() {
    return HttpClient.newHttpClient();
  }

  HttpResponse<String> post(String path, String body) throws Exception {
    return get(request(path).POST(BodyPublishers.ofString(body)));
  }

  CompletableFuture<HttpResponse<String>> postAsync(String path, String body, String... headers) {
    HttpRequest.Builder request = request(path).POST(BodyPublishers.ofString(body));
    if (headers.length > 0) {
      request.headers(headers);
    }
    return client().sendAsync(request.build(), BodyHandlers.ofString());
  }

  static JsonNode json(HttpResponse<String> response) {
    return JsonMapper.shared().readTree(response.body());
  }

  static void awaitQueued(FrontDoor door, int requests) {
    await().until(() -> door.status() != null && door.status().waiting() == requests);
  }

  static void send(Socket socket, String text) throws IOException {
    socket.getOutputStream().write(text.getBytes(StandardCharsets.ISO_8859_1));
    socket.getOutputStream().flush();
  }

  static String read(Socket socket) throws IOException {
    return readUntil(socket, "timestamp");
  }

  static String readUntil(Socket socket, String end) throws IOException {
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

  /** Writes a certificate for localhost and its key to files; returns what trusts it. */
  KeyStore makeKeys(Path certificate, Path key) throws Exception {
    Path store = folder.resolve("store.p12");
    Files.deleteIfExists(store);
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

  static SSLContext trusting(KeyStore trusted) throws Exception {
    TrustManagerFactory trust = TrustManagerFactory.getInstance("PKIX");
    trust.init(trusted);
    SSLContext tls = SSLContext.getInstance("TLS");
    tls.init(null, trust.getTrustManagers(), null);
    return tls;
  }

  static String pem(String what, byte[] bytes) {
    return "-----BEGIN %1$s-----%n%2$s%n-----END %1$s-----%n"
        .formatted(what, Base64.getMimeEncoder().encodeToString(bytes));
  }
}
