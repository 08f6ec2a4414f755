package ai.seedcore.serve.door.request;

import ai.seedcore.serve.base.http.Http;
import ai.seedcore.serve.door.client.Connection;
import ai.seedcore.serve.door.upstream.Upstream;
import io.vertx.core.http.HttpClient;
import io.vertx.core.http.HttpClientRequest;
import io.vertx.core.http.HttpClientResponse;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpVersion;
import io.vertx.core.net.NetSocket;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * WebSockets (RFC 6455) between clients and Python applications, through Serve's proxies. The
 * handshake waits like any request while its route is not served. After it, the door passes bytes
 * on, and limits them as it limits bodies. A WebSocket ends with its replica.
 */
final class Tunnels {

  private static final long RETRY_MS = 200;

  private final Services services;
  private final HttpClient http;

  /** Creates tunnels, with connections of their own to the proxies. */
  Tunnels(Services services) {
    this.services = services;
    this.http = Http.client(services.vertx(), services.settings().connections());
  }

  /** Returns whether a request is the handshake of a WebSocket. */
  static boolean isHandshake(HttpServerRequest request) {
    return request.method().equals(HttpMethod.GET)
        && request.version() == HttpVersion.HTTP_1_1
        && "websocket".equalsIgnoreCase(request.getHeader("Upgrade"))
        && Forwarding.named(request.getHeader("Connection")).contains("upgrade");
  }

  /**
   * Forwards a handshake, and everything after it.
   *
   * @param ended runs once the tunnel has ended, or when there is none
   */
  void open(
      HttpServerRequest request,
      Target target,
      Connection connection,
      RouteEntry entry,
      Runnable ended) {
    if (Forwarding.hasBody(request)) {
      Replies.error(request, 400, "not_http", "a WebSocket's handshake has no body", Map.of());
      return;
    }
    if (services.upstreams().isDirect(entry.route())) {
      Replies.error(
          request,
          400,
          "no_websocket",
          "the route %s is served by a Java class, which has no WebSockets"
              .formatted(entry.route().prefix()),
          Map.of());
      return;
    }
    new Tunnel(request, target, connection, entry, ended).handshake();
  }

  /** One WebSocket. */
  private final class Tunnel {

    private final HttpServerRequest request;
    private final Target target;
    private final Connection connection;
    private final RouteEntry entry;
    private final Runnable ended;
    private final long began = System.nanoTime();
    private boolean closed;
    private @Nullable HttpClientRequest upgrading;

    Tunnel(
        HttpServerRequest request,
        Target target,
        Connection connection,
        RouteEntry entry,
        Runnable ended) {
      this.request = request;
      this.target = target;
      this.connection = connection;
      this.entry = entry;
      this.ended = ended;
      connection.deadlines().clear(began);
      request.response().exceptionHandler(error -> abandon());
      request.response().closeHandler(nothing -> abandon());
    }

    /** Ends a handshake whose client has left. */
    private void abandon() {
      if (upgrading != null) {
        upgrading.reset();
      }
    }

    private void handshake() {
      if (request.response().closed()) {
        return; // The client has left.
      }
      Upstream to = services.upstreams().pick(entry.route());
      if (to == null) {
        later("no proxy serves the route");
        return;
      }
      http.request(Forwarding.options(HttpMethod.GET, target, to, true))
          .onSuccess(this::forward)
          .onFailure(
              error -> {
                to.refused();
                later(Http.reason(error));
              });
    }

    private void later(String why) {
      long waited = System.nanoTime() - began;
      if (waited < services.settings().patience().toNanos()) {
        services.vertx().setTimer(RETRY_MS, timer -> handshake());
      } else {
        request.response().putHeader("Retry-After", "5");
        refuse(503, "not_served", why);
      }
    }

    private void refuse(int status, String code, String why) {
      services.counts().refused(code);
      Replies.error(request, status, code, why, Map.of());
    }

    private void forward(HttpClientRequest upgrade) {
      upgrading = upgrade;
      upgrade.exceptionHandler(error -> {}); // connect() reports it, too.
      services
          .vertx()
          .setTimer(
              services.settings().patience().toMillis(),
              timer -> {
                if (upgrading == upgrade) {
                  upgrade.reset();
                }
              });
      Forwarding.headers(request, target, upgrade, false, services.tokens().get(), services.via());
      upgrade.putHeader("Connection", "Upgrade").putHeader("Upgrade", "websocket");
      upgrade
          .connect()
          .onSuccess(this::answered)
          .onFailure(error -> refuse(502, "lost", Http.reason(error)));
    }

    private void answered(HttpClientResponse response) {
      upgrading = null;
      if (request.response().closed()) {
        response.request().reset();
        return;
      }
      Forwarding.responseHeaders(response, request.response(), services.cors());
      if (response.statusCode() != 101) {
        request.response().setStatusCode(response.statusCode()).setChunked(true);
        connection.deadlines().readStarted(System.nanoTime());
        response.pipeTo(request.response()).onFailure(error -> request.connection().close());
        return;
      }
      request.response().putHeader("Connection", "Upgrade").putHeader("Upgrade", "websocket");
      NetSocket server = response.netSocket();
      server.pause();
      request
          .toNetSocket()
          .onSuccess(client -> join(client, server))
          .onFailure(
              error -> {
                server.close();
                request.connection().close();
              });
    }

    private void join(NetSocket client, NetSocket server) {
      client.handler(
          bytes -> {
            server.write(bytes);
            if (server.writeQueueFull()) {
              connection.hold();
              server.drainHandler(nothing -> connection.resume());
            }
          });
      server.handler(
          bytes -> {
            client.write(bytes);
            if (client.writeQueueFull()) {
              server.pause();
              connection.deadlines().readStarted(System.nanoTime());
              client.drainHandler(
                  nothing -> {
                    connection.deadlines().readEnded(System.nanoTime());
                    server.resume();
                  });
            }
          });
      client.exceptionHandler(error -> close(client, server));
      server.exceptionHandler(error -> close(client, server));
      server.closeHandler(nothing -> close(client, server));
      connection.tunnel(() -> close(client, server));
      server.resume();
    }

    private void close(NetSocket client, NetSocket server) {
      if (closed) {
        return;
      }
      closed = true;
      server.close();
      client.close();
      services.counts().answered(entry.route().app(), 101, System.nanoTime() - began);
      ended.run();
    }
  }
}
