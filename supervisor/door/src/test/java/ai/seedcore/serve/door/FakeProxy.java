package ai.seedcore.serve.door;

import ai.seedcore.serve.base.http.Sockets;
import io.vertx.core.Vertx;
import io.vertx.core.VertxOptions;
import io.vertx.core.http.HttpServer;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.core.http.HttpServerRequest;
import java.net.URI;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import tools.jackson.databind.json.JsonMapper;

/**
 * A proxy that looks like Serve's from outside. It stops, restarts and fails as the test demands.
 */
final class FakeProxy implements AutoCloseable {

  /**
   * One loop, so that requests on several connections are recorded in the order in which they
   * arrived.
   */
  private final Vertx vertx = Vertx.vertx(new VertxOptions().setEventLoopPoolSize(1));

  private final String host;
  private final int port;
  private HttpServer server;

  /** The route table that it reports; null: it is not ready. */
  volatile Map<String, String> table = Map.of("/A", "A", "/B", "B", "/Other", "Other");

  /** Responds to a request. */
  volatile Consumer<HttpServerRequest> behaviour = FakeProxy::echo;

  /** The ids of the requests that arrived, in their order. */
  final List<String> seen = new CopyOnWriteArrayList<>();

  FakeProxy() throws Exception {
    this(0);
  }

  FakeProxy(int port) throws Exception {
    this("127.0.0.1", port);
  }

  FakeProxy(String host, int port) throws Exception {
    this.host = host;
    this.port = port == 0 ? Sockets.freePort() : port;
    server = listen(this.port);
  }

  private HttpServer listen(int at) throws Exception {
    return vertx
        .createHttpServer(
            new HttpServerOptions()
                .setHttp2ClearTextEnabled(false)
                .setMaxInitialLineLength(16 << 10))
        .requestHandler(this::respond)
        .listen(at, host)
        .toCompletionStage()
        .toCompletableFuture()
        .get(5, TimeUnit.SECONDS);
  }

  URI uri() {
    return URI.create("http://" + host + ":" + port);
  }

  /** Stops, like a process that is killed. */
  void stop() throws Exception {
    server.close().toCompletionStage().toCompletableFuture().get(5, TimeUnit.SECONDS);
  }

  void restart() throws Exception {
    server = listen(port);
  }

  private void respond(HttpServerRequest request) {
    if (request.path().equals("/-/routes")) {
      Map<String, String> routes = table;
      if (routes == null) {
        request.response().setStatusCode(503).end("DRAINING");
      } else {
        request.response().end(JsonMapper.shared().writeValueAsString(routes));
      }
      return;
    }
    seen.add(request.getHeader("X-Request-ID"));
    behaviour.accept(request);
  }

  /** Responds with the body, and reports the head in header fields. */
  static void echo(HttpServerRequest request) {
    request
        .body()
        .onSuccess(
            body ->
                request
                    .response()
                    .putHeader("Content-Type", "text/plain")
                    .putHeader("X-Saw", request.method() + " " + request.uri())
                    .putHeader("X-Saw-Headers", request.headers().toString().replace('\n', ';'))
                    .setChunked(true)
                    .end(body));
  }

  /** Returns a behaviour that responds with a status and a body. */
  static Consumer<HttpServerRequest> responds(int status, String body) {
    return request ->
        request
            .body()
            .onSuccess(
                nothing ->
                    request
                        .response()
                        .setStatusCode(status)
                        .putHeader("Content-Type", "application/json")
                        .end(body));
  }

  /** Reads the request, and closes the connection. */
  static void closesConnection(HttpServerRequest request) {
    request.body().onSuccess(nothing -> request.connection().close());
  }

  @Override
  public void close() throws Exception {
    vertx.close().toCompletionStage().toCompletableFuture().get(5, TimeUnit.SECONDS);
  }
}
