package ai.seedcore.serve.door.request;

import ai.seedcore.serve.base.ErrorCode;
import ai.seedcore.serve.base.http.HeadLimits;
import ai.seedcore.serve.base.http.Http;
import ai.seedcore.serve.door.DoorTokens;
import ai.seedcore.serve.door.client.Client;
import ai.seedcore.serve.door.client.Connection;
import ai.seedcore.serve.door.client.Connections;
import io.vertx.core.http.HttpServerRequest;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.BooleanSupplier;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Receives every request: answers what concerns the door itself, refuses what it must not forward,
 * and begins an {@link Exchange} for the rest.
 */
public final class Router {

  /** The field by which a client limits how long its request may take, in seconds. */
  static final String TIMEOUT_FIELD = "X-Request-Timeout-Seconds";

  private static final double MAX_TIMEOUT_SECONDS = 86_400;

  private final Services services;
  private final Dispatcher dispatcher;
  private final Connections connections;
  private final Tunnels tunnels;
  private final Cors cors;
  private final InferencePaths inference;
  private final ApiDocs docs;
  private final BooleanSupplier leaving;
  private final String version;

  /**
   * Creates a router.
   *
   * @param leaving whether load balancers are to choose another door
   * @param document returns what returns the OpenAPI document; null if nothing does
   */
  public Router(
      Services services,
      Dispatcher dispatcher,
      Connections connections,
      BooleanSupplier leaving,
      Supplier<@Nullable Function<DoorTokens, String>> document,
      String version) {
    this.services = services;
    this.dispatcher = dispatcher;
    this.connections = connections;
    this.tunnels = new Tunnels(services);
    this.cors = services.cors();
    this.inference = new InferencePaths(dispatcher, version);
    this.docs = new ApiDocs(services, document);
    this.leaving = leaving;
    this.version = version;
  }

  /** Handles a request whose head has been read. */
  public void handle(HttpServerRequest request) {
    Connection connection = connections.of(request);
    if (connection == null) {
      request.connection().close(); // The connection was closed in favor of another.
      return;
    }
    boolean last = Forwarding.isLast(request);
    long arrived = System.nanoTime();
    long turn = connection.requestStarted(Forwarding.bodyBytes(request), last, arrived);
    if (last) {
      Replies.announceEnd(request);
    }
    request
        .response()
        .headersEndHandler(
            nothing -> {
              if (connections.areEnding() && request.response().getStatusCode() != 101) {
                Replies.announceEnd(request);
                connection.closeAfterResponse();
              }
            })
        .endHandler(
            nothing -> {
              long now = System.nanoTime();
              connection.responseWritten(turn, now);
              log(request, connection, now - arrived);
            });
    Target target;
    try {
      target = Target.of(request);
    } catch (Target.Refused e) {
      Replies.announceEnd(request);
      connection.closeAfterResponse();
      if (e.status() == 405) {
        request.response().putHeader("Allow", Cors.METHODS + ", OPTIONS");
      }
      refuse(request, e.status(), "not_http", String.valueOf(e.getMessage()), Map.of());
      return;
    }
    String path = target.path();
    RouteEntry entry = dispatcher.match(path);
    boolean asksForHealth = path.equals("/health") && entry == null;
    if (entry == null && InferencePaths.asksForLife(path)) {
      Replies.json(request, 200, Map.of("live", true));
      return;
    }
    boolean asksForModels = entry == null && InferencePaths.asksForHealth(path);
    if (asksForHealth || asksForModels || path.equals("/-/health") || path.equals("/-/healthz")) {
      health(request, path);
      return;
    }
    boolean ours = entry == null || path.startsWith(ApiDocs.RESERVED);
    if (ours && ApiDocs.isPage(path)) {
      docs.page(request, path);
      return;
    }
    if (cors.respond(request) || !isAuthorized(request)) {
      return;
    }
    if (request.headers().getAll("Via").toString().contains(services.via())) {
      Replies.error(
          request,
          508,
          "loop",
          "the front door has received its own request: serve_url points back to it",
          Map.of());
      return;
    }
    if (ours && ApiDocs.isDocument(path) && docs.document(request)) {
      return;
    }
    if (entry != null
        && entry.route().limitsMethods(path)
        && Methods.answer(request, entry.route().methods(), services.counts())) {
      return;
    }
    if (entry != null && Tunnels.isHandshake(request)) {
      tunnels.open(
          request,
          target,
          connection,
          entry,
          () -> log(request, connection, System.nanoTime() - arrived));
    } else if (entry != null) {
      accept(request, target, connection, entry);
    } else if (path.equals("/")) {
      index(request);
    } else if (path.startsWith(InferencePaths.ROOT) && infer(request, target, connection)) {
      return;
    } else if (path.equals("/-/routes") && !isDaemon(request)) {
      Replies.json(request, 200, new LinkedHashMap<>(services.upstreams().proxies().routes()));
    } else {
      refuse(
          request,
          404,
          "unknown_route",
          "path: found '%s', expected a path that begins with a route".formatted(Replies.cut(path)),
          Map.of("routes", dispatcher.prefixes()));
    }
  }

  /** Handles a request of the Open Inference Protocol. Returns whether it is one. */
  private boolean infer(HttpServerRequest request, Target target, Connection connection) {
    RouteEntry model = inference.model(target.path());
    if (inference.answer(request, target.path(), model)) {
      return true;
    } else if (model == null) {
      return false;
    }
    accept(request, InferencePaths.within(model, target), connection, model);
    return true;
  }

  private void log(HttpServerRequest request, Connection connection, long nanos) {
    if (AccessLog.isOn()) {
      Client client = services.clients().of(request, connection.client());
      boolean direct = client == connection.client() && request.remoteAddress() != null;
      AccessLog.write(
          request, direct ? request.remoteAddress().hostAddress() : client.address(), nanos);
    }
  }

  /** Refuses a request that is no valid HTTP. */
  public void invalid(HttpServerRequest request) {
    Connection connection = connections.of(request);
    if (connection != null) {
      connection.discardInput();
    }
    int status = HeadLimits.status(request);
    refuse(request, status, "not_http", Connections.HEAD.reason(status), Map.of());
  }

  private void refuse(
      HttpServerRequest request, int status, String code, String why, Map<String, Object> more) {
    services.counts().refused(code);
    Replies.error(request, status, code, why, more);
  }

  private void accept(
      HttpServerRequest request, Target target, Connection connection, RouteEntry entry) {
    long limit = Long.MAX_VALUE;
    String value = request.getHeader(TIMEOUT_FIELD);
    if (value != null) {
      try {
        limit = parseTimeout(value);
      } catch (NumberFormatException e) {
        refuse(
            request,
            400,
            ErrorCode.INVALID_FIELD,
            "%s: found '%s', expected seconds greater than 0 and at most 86400"
                .formatted(TIMEOUT_FIELD, Replies.cut(value)),
            Map.of());
        return;
      }
    }
    Client client = services.clients().of(request, connection.client());
    new Exchange(services, dispatcher, entry, request, target, connection, client, limit).begin();
  }

  /** Returns a client's limit in nanoseconds. */
  private static long parseTimeout(String value) {
    double seconds = Double.parseDouble(value);
    if (!(seconds > 0 && seconds <= MAX_TIMEOUT_SECONDS)) {
      throw new NumberFormatException(value);
    }
    return (long) (seconds * 1e9);
  }

  private boolean isAuthorized(HttpServerRequest request) {
    DoorTokens tokens = services.tokens().get();
    boolean authorized = tokens.admit(request);
    if (!authorized) {
      request.response().putHeader("WWW-Authenticate", "Bearer");
      refuse(request, 401, "unauthorized", tokens.expected(), Map.of());
    }
    return authorized;
  }

  /**
   * Responds to a health check: healthy means that a request that arrives now is expected to be
   * served.
   */
  private void health(HttpServerRequest request, String path) {
    long secondsUnserved = dispatcher.secondsUnserved();
    boolean serving = secondsUnserved < 1;
    boolean accepting =
        serving
            || (secondsUnserved < services.settings().patience().toSeconds()
                && services.waiting().isReserved(1));
    boolean healthy =
        !leaving.getAsBoolean()
            && (path.equals("/-/healthz") ? services.upstreams().anyServes() : accepting);
    Map<String, Object> body = new LinkedHashMap<>();
    body.put("status", healthy ? "healthy" : "unhealthy");
    body.put("serving", serving);
    body.put("ready", healthy);
    Replies.json(request, healthy ? 200 : 503, body);
  }

  /**
   * Returns whether the client is a daemon. A daemon must not take a front door for one of Serve's
   * proxies.
   */
  private static boolean isDaemon(HttpServerRequest request) {
    return Http.AGENT.equals(request.getHeader("User-Agent"));
  }

  private void index(HttpServerRequest request) {
    Map<String, Object> body = new LinkedHashMap<>();
    body.put("service", "SeedCore Serve");
    body.put("version", version);
    body.put("routes", dispatcher.routes());
    Replies.json(request, 200, body);
  }
}
