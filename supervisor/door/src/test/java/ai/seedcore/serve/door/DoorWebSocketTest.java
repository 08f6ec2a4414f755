package ai.seedcore.serve.door;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;
import static org.awaitility.Awaitility.await;

import ai.seedcore.serve.base.http.Sockets;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.ServerWebSocket;
import java.net.InetAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.WebSocket;
import java.net.http.WebSocketHandshakeException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** WebSockets of the JDK's client through the door to a server that echoes. */
class DoorWebSocketTest {

  private static final int LARGE = 3 << 20;

  private final Vertx vertx = Vertx.vertx();
  private final List<ServerWebSocket> open = new CopyOnWriteArrayList<>();
  private final List<String> heads = new CopyOnWriteArrayList<>();
  private volatile String routes = "{\"/A\": \"A\", \"/other\": \"other\"}";
  private int port;

  @BeforeEach
  void startServer() throws Exception {
    port = Sockets.freePort();
    vertx
        .createHttpServer(
            new HttpServerOptions()
                .setMaxWebSocketFrameSize(LARGE)
                .setMaxWebSocketMessageSize(LARGE)
                .addWebSocketSubProtocol("chat"))
        .webSocketHandshakeHandler(
            handshake -> {
              heads.add(handshake.uri() + " " + handshake.headers());
              if (handshake.path().endsWith("/refused")) {
                handshake.reject(403);
              } else {
                handshake.accept();
              }
            })
        .webSocketHandler(
            socket -> {
              open.add(socket);
              socket.textMessageHandler(socket::writeTextMessage);
              socket.binaryMessageHandler(socket::writeBinaryMessage);
            })
        .requestHandler(this::table)
        .listen(port, "127.0.0.1")
        .await(5, TimeUnit.SECONDS);
  }

  private void table(HttpServerRequest request) {
    request.response().end(routes);
  }

  @AfterEach
  void stopServer() {
    vertx.close();
  }

  @Test
  void doorThatIsReplacedAcceptsHandshakes() throws Exception {
    try (OpenDoor door = OpenDoor.serving(server(), OpenDoor.Bounds.USUAL);
        RawClient kept = new RawClient(door.port)) {
      assertThat(kept.get("/-/health").read().status()).isEqualTo(200);
      CompletableFuture<Void> finished =
          CompletableFuture.runAsync(() -> door.finish(Duration.ofSeconds(20)));
      await()
          .until(
              () -> {
                try (RawClient other = new RawClient(door.port)) {
                  return other.get("/-/health").read().header("Connection").equals("close");
                }
              });
      RawClient.Response handshake =
          kept.send(
                  """
                  GET /A HTTP/1.1
                  Host: x
                  Connection: Upgrade
                  Upgrade: websocket
                  Sec-WebSocket-Version: 13
                  Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==

                  """
                      .replace("\n", "\r\n"))
              .read();
      assertThat(handshake.status()).isEqualTo(101);
      assertThat(handshake.all("Connection")).containsExactly("Upgrade");
      kept.close();
      finished.join();
    }
  }

  @Test
  void messagesPassInBothDirections() throws Exception {
    try (OpenDoor door = OpenDoor.serving(server(), OpenDoor.Bounds.USUAL)) {
      Ear ear = new Ear();
      WebSocket socket = connect(door, "/A/talk?x=1", ear);
      assertThat(socket.getSubprotocol()).isEqualTo("chat");
      assertThat(heads.get(0)).contains("/A/talk?x=1", "Via", "X-Forwarded-For");
      socket.sendText("hello", true).join();
      await().until(() -> String.join("", ear.texts).equals("hello"));
      socket.sendBinary(ByteBuffer.allocate(LARGE), true).join();
      await().until(() -> ear.bytes.get() == LARGE);
      socket.sendPing(ByteBuffer.wrap(new byte[] {7})).join();
      await().until(() -> ear.pong == 7);
      socket.sendClose(4001, "enough").join();
      await().until(() -> open.get(0).isClosed());
      assertThat((int) open.get(0).closeStatusCode()).isEqualTo(4001);
      door.awaitEmpty(0);
    }
  }

  @Test
  void theServersEndIsTheClients() throws Exception {
    try (OpenDoor door = OpenDoor.serving(server(), OpenDoor.Bounds.USUAL)) {
      Ear ear = new Ear();
      connect(door, "/other", ear);
      await().until(() -> open.size() == 1);
      open.get(0).close((short) 1001, "going away");
      await().until(() -> ear.code == 1001);
      door.awaitEmpty(0);
    }
  }

  @Test
  void handshakeWaitsForItsRoute() throws Exception {
    String served = routes;
    routes = "{}";
    try (OpenDoor door = OpenDoor.before(server(), OpenDoor.Bounds.USUAL)) {
      CompletableFuture<WebSocket> waiting = begin(door, "/A", new Ear());
      await().until(() -> door.status().connections() == 1);
      assertThat(waiting).isNotDone();
      routes = served;
      assertThat(waiting.get(10, TimeUnit.SECONDS)).isNotNull();
    }
  }

  @Test
  void refusalsReachTheClient() throws Exception {
    try (OpenDoor door = OpenDoor.serving(server(), OpenDoor.Bounds.USUAL)) {
      assertThat(status(door, "/A/refused")).isEqualTo(403);
      assertThat(status(door, "/nowhere")).isEqualTo(404);
    }
    try (OpenDoor door = OpenDoor.serving(server(), OpenDoor.Bounds.USUAL.token("secret"))) {
      assertThat(status(door, "/A")).isEqualTo(401);
    }
  }

  @Test
  void aClientThatReadsNothingHoldsUpItsServer() throws Exception {
    try (OpenDoor door = OpenDoor.serving(server(), OpenDoor.Bounds.USUAL)) {
      try (Socket client = new Socket(InetAddress.getLoopbackAddress(), door.port)) {
        client
            .getOutputStream()
            .write(
                """
                GET /A HTTP/1.1\r
                Host: x\r
                Connection: keep-alive, Upgrade\r
                Upgrade: WebSocket\r
                Sec-WebSocket-Version: 13\r
                Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r
                \r
                """
                    .getBytes(StandardCharsets.US_ASCII));
        await().until(() -> open.size() == 1);
        ServerWebSocket server = open.get(0);
        for (int i = 0; i < 40; i++) {
          server.writeBinaryMessage(Buffer.buffer(new byte[1 << 20]));
        }
        await().during(1, TimeUnit.SECONDS).until(server::writeQueueFull);
      }
      await().until(() -> open.get(0).isClosed());
      door.awaitEmpty(0);
    }
  }

  private URI server() {
    return URI.create("http://127.0.0.1:" + port);
  }

  private static int status(OpenDoor door, String path) {
    Throwable failure =
        catchThrowable(() -> begin(door, path, new Ear()).get(5, TimeUnit.SECONDS)).getCause();
    assertThat(failure).isInstanceOf(WebSocketHandshakeException.class);
    return ((WebSocketHandshakeException) failure).getResponse().statusCode();
  }

  private static WebSocket connect(OpenDoor door, String path, Ear ear) throws Exception {
    return begin(door, path, ear).get(5, TimeUnit.SECONDS);
  }

  private static CompletableFuture<WebSocket> begin(OpenDoor door, String path, Ear ear) {
    return HttpClient.newHttpClient()
        .newWebSocketBuilder()
        .subprotocols("chat")
        .buildAsync(URI.create("ws://127.0.0.1:" + door.port + path), ear);
  }

  /** What a client has heard. */
  private static final class Ear implements WebSocket.Listener {
    private final List<CharSequence> texts = new CopyOnWriteArrayList<>();
    private final AtomicInteger bytes = new AtomicInteger();
    private volatile int pong;
    private volatile int code;

    @Override
    public CompletionStage<?> onText(WebSocket socket, CharSequence data, boolean last) {
      texts.add(data.toString());
      socket.request(1);
      return CompletableFuture.completedFuture(null);
    }

    @Override
    public CompletionStage<?> onBinary(WebSocket socket, ByteBuffer data, boolean last) {
      bytes.addAndGet(data.remaining());
      socket.request(1);
      return CompletableFuture.completedFuture(null);
    }

    @Override
    public CompletionStage<?> onPong(WebSocket socket, ByteBuffer message) {
      pong = message.get();
      socket.request(1);
      return CompletableFuture.completedFuture(null);
    }

    @Override
    public CompletionStage<?> onClose(WebSocket socket, int status, String reason) {
      code = status;
      return CompletableFuture.completedFuture(null);
    }
  }
}
