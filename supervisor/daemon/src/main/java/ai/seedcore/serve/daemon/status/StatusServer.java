package ai.seedcore.serve.daemon.status;

import ai.seedcore.serve.base.ConfigException;
import ai.seedcore.serve.base.HostPort;
import ai.seedcore.serve.base.Token;
import ai.seedcore.serve.base.http.Abort;
import ai.seedcore.serve.base.http.EventLoop;
import ai.seedcore.serve.base.http.HeadLimits;
import ai.seedcore.serve.base.http.OnlyHttp1;
import ai.seedcore.serve.daemon.report.Status;
import io.netty.util.NetUtil;
import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpConnection;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.HttpServer;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpVersion;
import java.io.IOException;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * The HTTP server of the status port: {@code /healthz} (the loops turn), {@code /readyz} (all
 * declared routes respond as declared or are busy), {@code /readyz/NAME} (one of them), the page at
 * {@code /}, {@code /status} (JSON), {@code /status/stream} (the same, live), {@code /history} and
 * {@code /metrics}. It runs on its own event loop and reads the status that the control loop
 * published last, so neither ever waits for the other.
 *
 * <p>The health and readiness paths are open to everybody, and so is the page, which contains only
 * its own code. Everything else requires the token if one is set. Outside the loopback, a token
 * must be set.
 */
public final class StatusServer implements AutoCloseable {

  /** How old the status may be. A lap takes milliseconds, or seconds if nothing responds. */
  static final Duration STALE = Duration.ofSeconds(30);

  /** The limits of a request line and of its headers, in bytes. */
  private static final HeadLimits HEAD = new HeadLimits(2048, 8192);

  private static final String ONE_READY = "/readyz/";

  private static final String TEXT = "text/plain; charset=utf-8";
  private static final Set<HttpMethod> METHODS = Set.of(HttpMethod.GET, HttpMethod.HEAD);

  /** The maximum number of connections, more than legitimate clients need. Each takes 10 KB. */
  private static final int CONNECTIONS = 256;

  /** How long a connection may take to send its first request, and each further one. */
  private static final Duration FIRST_REQUEST = Duration.ofSeconds(5);

  private static final String OPEN_METRICS = "application/openmetrics-text";
  private static final String PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8";

  /** The only format that has exemplars. */
  private static final String EXEMPLARS = OPEN_METRICS + "; version=1.0.0; charset=utf-8";

  private static final Duration NEXT_REQUEST = Duration.ofSeconds(30);

  /** How often the file of the token is read. */
  private static final long RENEWAL_MS = 10_000;

  /** The deadline of a connection that watches the stream: none. */
  private static final long NO_DEADLINE = Long.MAX_VALUE;

  private final Vertx vertx;
  private final Context context;
  private final HostPort address;
  private final StatusToken token;
  private final boolean exposed;
  private final UnaryOperator<String> metrics;
  private final Supplier<Optional<String>> stuck;
  private final Set<String> names;
  private final Page page = Page.load();
  private final Stream stream = new Stream();

  /**
   * The deadline of each connection for a complete request. The connection that has been silent
   * longest comes first. Used by the event loop only.
   */
  private final Map<HttpConnection, Long> connections = new LinkedHashMap<>();

  private boolean sweeping;

  private @Nullable HttpServer server;
  private volatile boolean leaving;
  private volatile @Nullable Status status;
  private volatile long publishedAt;

  /**
   * Creates the server. It does not listen yet.
   *
   * @param token the token that clients must send; if none is required, only the loopback gets
   *     details
   * @param metrics returns all metrics in a content type of Prometheus' formats
   * @param stuck returns which of the daemon's loops is stuck; empty if none is
   */
  public StatusServer(
      Vertx vertx,
      HostPort address,
      StatusToken token,
      UnaryOperator<String> metrics,
      Supplier<Optional<String>> stuck) {
    this.token = token;
    this.exposed = !address.isLoopback();
    this.metrics = metrics;
    this.stuck = stuck;
    this.names = Set.of("localhost", address.host().toLowerCase(Locale.ROOT));
    this.vertx = vertx;
    this.context = vertx.getOrCreateContext();
    this.address = address;
    vertx.setPeriodic(
        RENEWAL_MS,
        timer -> {
          var unused = renewToken();
        });
  }

  /**
   * Listens. Called on one thread, as {@link #close} is.
   *
   * @throws ConfigException if the server cannot listen on its address
   */
  public void listen() {
    HttpServer opened =
        vertx
            .createHttpServer(
                HEAD.options().setIdleTimeout(30).setIdleTimeoutUnit(TimeUnit.SECONDS))
            .connectionHandler(this::connected)
            .invalidRequestHandler(StatusServer::invalid)
            .requestHandler(this::answer);
    server = opened;
    try {
      EventLoop.listen(opened, address);
    } catch (IOException e) {
      throw new ConfigException(
          "status: found %s, but cannot listen on it (%s), expected a free port; choose one with"
                  .formatted(address, e.getMessage())
              + " --status HOST:PORT, or replace a daemon that listens there with --take-over");
    }
  }

  /**
   * Makes readiness checks fail, and no longer expects a current status, because the daemon ends.
   */
  public void leave() {
    leaving = true;
  }

  /**
   * Reads the token again, and closes the streams if their clients have sent another one.
   *
   * @return whether the token has changed
   */
  Future<Boolean> renewToken() {
    return context
        .executeBlocking(token::renew, false)
        .onSuccess(
            changed -> {
              if (changed) {
                stream.end();
              }
            });
  }

  /** Receives the current status. */
  public void publish(Status now) {
    publishedAt = System.nanoTime();
    status = now;
    if (stream.listened()) {
      context.runOnContext(nothing -> stream.tell(now));
    }
  }

  /**
   * Accepts a connection. Clients that send nothing, or one byte a minute, must not keep others
   * out.
   */
  private void connected(HttpConnection connection) {
    if (connections.size() >= CONNECTIONS) {
      evictOne();
    }
    if (!sweeping) {
      sweeping = true;
      vertx.setPeriodic(1000, this::sweep);
    }
    OnlyHttp1.guard(connection, HEAD);
    connections.put(connection, System.nanoTime() + FIRST_REQUEST.toNanos());
    connection.closeHandler(nothing -> connections.remove(connection));
    connection.exceptionHandler(nothing -> {});
  }

  /**
   * Closes the oldest connection that is not a stream: the others get their response at once and
   * lose nothing. If most are streams, closes the oldest stream, so that streams cannot take the
   * place of health checks.
   */
  private void evictOne() {
    long streams = connections.values().stream().filter(until -> until == NO_DEADLINE).count();
    boolean stream = streams > CONNECTIONS / 2;
    connections.entrySet().stream()
        .filter(each -> each.getValue() == NO_DEADLINE == stream)
        .map(Map.Entry::getKey)
        .findFirst()
        .ifPresent(
            oldest -> {
              connections.remove(oldest);
              Abort.now(oldest);
            });
  }

  /**
   * Closes connections whose deadline has passed. One timer per connection would retain closed
   * connections.
   */
  private void sweep(long timer) {
    long now = System.nanoTime();
    for (Map.Entry<HttpConnection, Long> each : List.copyOf(connections.entrySet())) {
      if (now >= each.getValue()) {
        Abort.now(each.getKey());
      }
    }
    if (connections.isEmpty()) {
      sweeping = !vertx.cancelTimer(timer);
    }
  }

  private static void invalid(HttpServerRequest request) {
    int status = HeadLimits.status(request);
    reply(request, status, TEXT, HEAD.reason(status) + "\n");
  }

  private void answer(HttpServerRequest request) {
    if (connections.remove(request.connection()) != null) {
      connections.put(request.connection(), System.nanoTime() + NEXT_REQUEST.toNanos());
    }
    if (!METHODS.contains(request.method())) {
      reply(request, 405, TEXT, "only GET is supported\n");
      return;
    }
    Status known = status;
    Optional<String> illness = illness();
    boolean turns = illness.isEmpty();
    String path = request.path() == null ? "" : request.path();
    if (path.startsWith(ONE_READY)) {
      readyOne(request, turns && !leaving ? known : null, path.substring(ONE_READY.length()));
      return;
    }
    switch (path) {
      case "/healthz" -> reply(request, turns ? 200 : 503, TEXT, illness.orElse("ok") + "\n");
      case "/readyz" -> {
        boolean ready = turns && !leaving && known != null && known.ready();
        reply(request, ready ? 200 : 503, TEXT, ready ? "ok\n" : "no\n");
      }
      case "/" -> page.answer(request);
      case "/status", "/status/stream", "/metrics", HistoryDownload.JSON, HistoryDownload.CSV -> {
        if (allowed(request)) {
          tell(request, known);
        }
      }
      default ->
          reply(
              request, 404, TEXT, "expected /, /healthz, /readyz, /status, /history or /metrics\n");
    }
  }

  /** Returns why the daemon is unhealthy; empty if it is healthy. */
  private Optional<String> illness() {
    if (leaving) {
      return Optional.empty();
    }
    if (status == null) {
      return Optional.of("the daemon has not observed the cluster yet");
    }
    long still = System.nanoTime() - publishedAt;
    return still >= STALE.toNanos()
        ? Optional.of(
            "the control loop has not advanced for %d s".formatted(still / 1_000_000_000L))
        : stuck.get();
  }

  /** Responds whether one application's route responds as declared or is busy. */
  private static void readyOne(HttpServerRequest request, @Nullable Status known, String name) {
    Status.AppStatus app =
        known == null
            ? null
            : known.apps().stream().filter(a -> a.name().equals(name)).findFirst().orElse(null);
    if (known != null && app == null) {
      reply(request, 404, TEXT, "no deployment with this name is declared\n");
      return;
    }
    boolean ready = app != null && app.serves();
    reply(request, ready ? 200 : 503, TEXT, ready ? "ok\n" : "no\n");
  }

  private boolean allowed(HttpServerRequest request) {
    String wanted = token.value();
    if (wanted == null && token.isRequired()) {
      reply(request, 403, TEXT, "the file of the token, status_token_file, does not exist\n");
      return false;
    }
    if (wanted == null) {
      if (exposed) {
        reply(
            request,
            403,
            TEXT,
            "other machines can reach this address, but no token is set: set SEEDCORE_STATUS_TOKEN"
                + " or --status-token-file for the daemon\n");
      } else if (!isAddressed(request)) {
        reply(
            request,
            403,
            TEXT,
            "Host: found another host name, expected localhost or an IP address, to prevent DNS"
                + " rebinding\n");
        return false;
      }
      return !exposed;
    }
    boolean right = Token.isBorne(wanted, request.getHeader("Authorization"));
    if (!right) {
      request.response().putHeader("WWW-Authenticate", "Bearer");
      reply(
          request, 401, TEXT, "expected 'Authorization: Bearer TOKEN', with the daemon's token\n");
    }
    return right;
  }

  /**
   * Returns whether the Host header names this machine. Otherwise somebody may have pointed another
   * name at it (DNS rebinding).
   */
  private boolean isAddressed(HttpServerRequest request) {
    String host = request.getHeader("Host");
    if (host == null) {
      return request.version() == HttpVersion.HTTP_1_0;
    }
    String name = host.replaceFirst(":[0-9]*$", "").toLowerCase(Locale.ROOT);
    return names.contains(name)
        || name.endsWith(".localhost")
        || NetUtil.isValidIpV4Address(name)
        || (name.startsWith("[") && name.endsWith("]") && NetUtil.isValidIpV6Address(name));
  }

  private void tell(HttpServerRequest request, @Nullable Status known) {
    if (request.path().equals("/metrics")) {
      String accept = request.getHeader("Accept");
      String type = accept != null && accept.contains(OPEN_METRICS) ? EXEMPLARS : PROMETHEUS;
      reply(request, 200, type, metrics.apply(type));
    } else if (request.path().startsWith(HistoryDownload.JSON)) {
      if (known == null) {
        reply(request, 503, TEXT, "the daemon has not observed the cluster yet\n");
      } else {
        HistoryDownload.answer(request, known.past());
      }
    } else if (request.path().equals("/status")) {
      reply(
          request,
          known == null ? 503 : 200,
          "application/json",
          known == null ? "{}" : known.json());
    } else if (request.method().equals(HttpMethod.HEAD)) {
      reply(request, 200, Stream.TYPE, "");
    } else {
      stream.add(request, known);
      connections.replace(request.connection(), NO_DEADLINE);
    }
  }

  static void reply(HttpServerRequest request, int code, String type, String body) {
    request
        .response()
        .setStatusCode(code)
        .putHeader("Content-Type", type)
        .putHeader("Cache-Control", "no-store")
        .putHeader("X-Content-Type-Options", "nosniff")
        .end(body);
  }

  /** Closes the port, and waits until it is free. The server can listen again. */
  @Override
  public void close() {
    if (server != null) {
      EventLoop.close(server);
    }
  }
}
