package ai.seedcore.serve.door;

import ai.seedcore.serve.base.ConfigException;
import ai.seedcore.serve.base.HostPort;
import ai.seedcore.serve.base.Token;
import ai.seedcore.serve.base.http.EventLoop;
import ai.seedcore.serve.base.http.HeadLimits;
import ai.seedcore.serve.base.http.Http;
import io.vertx.core.Context;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpClient;
import io.vertx.core.http.HttpServer;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.core.http.HttpServerRequest;
import java.io.IOException;
import java.net.URI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The HTTP front door, to which clients send their requests instead of to Serve's proxies. While a
 * route is served, the door forwards its requests. While it is not served, the door queues them, in
 * order and within bounds, and sends them once the route is served again.
 *
 * <p>The whole door runs on one event loop of its own. So it needs no locks, it keeps the order of
 * arrival, and the control loop never waits for it.
 */
public final class FrontDoor implements AutoCloseable {

  private static final Logger LOG = LoggerFactory.getLogger(FrontDoor.class);

  /** The interval at which deadlines are checked. */
  private static final long TICK_MS = 100;

  /** How long responses that have begun may take after the daemon starts to shut down. */
  private static final Duration SHUTDOWN_GRACE = Duration.ofSeconds(2);

  private static final long LINGER_MS = 1000;

  private static final String TIMEOUT_FIELD = "X-Request-Timeout-Seconds";

  private final DoorSettings settings;
  private final @Nullable String token;
  private final String version;
  private final String via;
  private final Vertx vertx;
  private final Context context;
  private final HttpServer server;
  private final HttpClient client;
  private final Proxies proxies;
  private final Clients clients;
  private final Connections connections;
  private final Pace pace;
  private final Unpacking unpacking;
  private final Room bytes;
  private final Room waiting;
  private final Counts counts = new Counts();
  private final boolean onlyProxy;

  private final RouteTable routeTable = new RouteTable();
  private final Set<Exchange> limited = new LinkedHashSet<>();
  private long servedAt = System.nanoTime();
  private long sweptAt = System.nanoTime();
  private boolean dispatching;

  /** The routes that the event loop has been given. Used by the control thread only. */
  private List<Route> declared;

  private Set<String> nodes = Set.of();
  private boolean closed;

  private volatile @Nullable ControlState controlState;
  private volatile @Nullable DoorStatus lastStatus;

  /**
   * Opens the door.
   *
   * @param token the bearer token that clients have to send; null: none
   * @param declared the declared routes
   * @param upstream the URL of the head node's proxy
   * @param onlyProxy whether that proxy is the only one, because the user named it
   * @throws ConfigException if the door cannot listen on the address
   */
  public FrontDoor(
      DoorSettings settings,
      @Nullable String token,
      List<Route> declared,
      URI upstream,
      boolean onlyProxy,
      String version) {
    this.settings = settings;
    this.token = token;
    this.version = version;
    this.onlyProxy = onlyProxy;
    this.declared = declared;
    this.via = "1.1 seedcore-" + HexFormat.of().toHexDigits(ThreadLocalRandom.current().nextInt());
    this.vertx = EventLoop.startBusy();
    this.context = vertx.getOrCreateContext();
    this.bytes = new Room(settings.bytes());
    this.waiting = new Room(settings.requests());
    this.clients = new Clients(settings.trusted());
    this.pace = new Pace(vertx, context);
    this.connections = new Connections(settings.connections(), clients, bytes, pace, counts);
    this.unpacking = new Unpacking(vertx);
    HostPort address = settings.address();
    boolean samePort = address.port() == HostPort.of(upstream).port();
    this.proxies =
        new Proxies(
            vertx,
            context,
            upstream,
            samePort ? HostPort.ownAddresses() : Set.of(),
            () -> {
              updateListed();
              dispatchAll();
            });
    this.client = Http.client(vertx, 4 * RouteQueue.MAX_WINDOW);
    this.server =
        vertx
            .createHttpServer(options(settings, vertx))
            .connectionHandler(connections::connected)
            .invalidRequestHandler(this::invalid)
            .requestHandler(this::handle);
    context.runOnContext(nothing -> open(declared));
    try {
      EventLoop.listen(server, address);
    } catch (IOException e) {
      vertx.close();
      throw new ConfigException(
          "front_door: found %s, which cannot be opened (%s), expected a free port%s"
              .formatted(
                  address,
                  e.getMessage(),
                  settings.certificate() == null
                      ? "; choose one with --front-door HOST:PORT"
                      : ", and a certificate and a key that belong together"));
    }
    LOG.atInfo()
        .addKeyValue("address", address)
        .addKeyValue("proxy", upstream)
        .log("the front door is open");
  }

  private static HttpServerOptions options(DoorSettings settings, Vertx vertx) {
    HttpServerOptions options =
        Connections.HEAD
            .options()
            .setPerFrameWebSocketCompressionSupported(false)
            .setPerMessageWebSocketCompressionSupported(false)
            .setCompressionSupported(true)
            .setCompressionContentSizeThreshold(1 << 10)
            .setAcceptBacklog(4096);
    if (settings.certificate() != null && settings.key() != null) {
      Tls.configure(options, vertx, settings.certificate(), settings.key());
    }
    return options;
  }

  private void open(List<Route> first) {
    declare(first);
    tick();
    vertx.setPeriodic(TICK_MS, timer -> tick());
  }

  /** Passes the control loop's state to the door. Called on the control thread; never blocks. */
  public void publish(ControlState now) {
    controlState = now;
    if (!now.routes().equals(declared)) {
      declared = now.routes();
      context.runOnContext(nothing -> declare(now.routes()));
    }
    if (!onlyProxy && !now.nodes().isEmpty() && !now.nodes().equals(nodes)) {
      nodes = now.nodes();
      context.runOnContext(nothing -> proxies.nodes(now.nodes()));
    }
  }

  /** Returns the event loop on which the door runs. */
  public Vertx vertx() {
    return vertx;
  }

  /**
   * Returns the door's current figures, which are updated several times a second; null before the
   * first update.
   */
  public @Nullable DoorStatus status() {
    return lastStatus;
  }

  /**
   * Replaces the declared routes. Routes that remain declared keep their queues; the requests of
   * the others are refused.
   */
  private void declare(List<Route> routes) {
    routeTable.declare(routes).forEach(this::end);
    updateListed();
  }

  /**
   * Updates the undeclared routes from the proxies' tables. While no proxy reports a table, the
   * known routes are kept.
   */
  private void updateListed() {
    if (proxies.anyServes()) {
      routeTable.list(proxies.routes()).forEach(this::end);
    }
  }

  private void end(RouteEntry gone) {
    gone.queue().drain().forEach(this::refuseUnknown);
  }

  private void tick() {
    long now = System.nanoTime();
    proxies.ask(now);
    updateListed();
    if (routeTable.declared().allMatch(entry -> proxies.serves(entry.route().prefix()))) {
      servedAt = now;
    }
    for (RouteEntry entry : routeTable.all()) {
      List<Exchange> expired = new ArrayList<>();
      entry
          .queue()
          .forEach(
              exchange -> {
                if (exchange.hasWaitedTooLong(now)) {
                  expired.add(exchange);
                }
              });
      if (!proxies.serves(entry.route().prefix())) {
        entry.queue().reset();
      }
      for (Exchange exchange : expired) {
        entry.queue().remove(exchange);
        refuseNotServed(exchange);
      }
    }
    for (Exchange exchange : List.copyOf(limited)) {
      if (exchange.isPastDeadline(now)) {
        exchange.refuse(
            504,
            "timeout",
            "the deployment has not answered within the " + TIMEOUT_FIELD + " given");
      }
    }
    if (now - sweptAt > 1_000_000_000L) {
      sweptAt = now;
      connections.sweep(now);
      routeTable.all().forEach(entry -> entry.queue().sweep(now));
    }
    dispatchAll();
    lastStatus = count();
  }

  private DoorStatus count() {
    return new DoorStatus(
        settings.address().toString(),
        routeTable.waiting(),
        routeTable.inFlight(),
        bytes.used(),
        connections.size(),
        counts.heldSoFar(),
        counts.replayedSoFar(),
        counts.refusedSoFar(),
        counts.answeredSoFar(),
        proxies.all().stream()
            .map(
                proxy ->
                    new DoorStatus.ProxyStatus(proxy.uri().toString(), !proxy.routes().isEmpty()))
            .toList());
  }

  private void handle(HttpServerRequest request) {
    Connection connection = connections.of(request.connection());
    if (connection == null) {
      request.connection().close(); // The connection was closed in favor of another.
      return;
    }
    boolean last = Forwarding.isLast(request);
    long turn = connection.requestStarted(Forwarding.bodyBytes(request), last, System.nanoTime());
    if (last) {
      request.response().putHeader("Connection", "close");
    }
    request.response().endHandler(nothing -> responseEnded(request, connection, turn));
    Target target;
    try {
      target = Target.of(request);
    } catch (Target.Refused e) {
      counts.refused("not_http");
      request.response().putHeader("Connection", "close");
      connection.closeAfterResponse();
      Replies.error(request, e.status(), "not_http", String.valueOf(e.getMessage()), Map.of());
      return;
    }
    String path = target.path();
    if (path.equals("/health") || path.equals("/-/healthz")) {
      health(request, path);
      return;
    }
    if (!isAuthorized(request)) {
      return;
    }
    if (request.headers().getAll("Via").toString().contains(via)) {
      Replies.error(
          request,
          508,
          "loop",
          "this request has been here before: serve_url leads back to the front door",
          Map.of());
      return;
    }
    RouteEntry entry = routeTable.match(path);
    if (entry != null) {
      accept(request, target, connection, entry);
    } else if (path.equals("/")) {
      index(request);
    } else if (path.equals("/-/routes") && !isDaemon(request)) {
      Replies.json(request, 200, new LinkedHashMap<>(proxies.routes()));
    } else {
      refuseUnknown(request, path);
    }
  }

  private void invalid(HttpServerRequest request) {
    counts.refused("not_http");
    Connection connection = connections.of(request.connection());
    if (connection != null) {
      connection.intake().discard();
    }
    int status = HeadLimits.status(request);
    Replies.error(request, status, "not_http", Connections.HEAD.reason(status), Map.of());
  }

  /**
   * Ends a request whose response has been written. A client that is still sending an unwanted body
   * gets a moment to read the response.
   */
  private void responseEnded(HttpServerRequest request, Connection connection, long turn) {
    if (Forwarding.isUnread(request)) {
      after(
          LINGER_MS,
          () -> {
            if (!request.isEnded()) {
              request.connection().close();
            }
          });
    }
    connection.responseWritten(turn, System.nanoTime());
  }

  private void accept(
      HttpServerRequest request, Target target, Connection connection, RouteEntry entry) {
    long limit = Long.MAX_VALUE;
    String value = request.getHeader(TIMEOUT_FIELD);
    if (value != null) {
      try {
        double seconds = Double.parseDouble(value);
        if (!(seconds > 0 && seconds <= 86_400)) {
          throw new NumberFormatException(value);
        }
        limit = (long) (seconds * 1e9);
      } catch (NumberFormatException e) {
        counts.refused("invalid_field");
        Replies.error(
            request,
            400,
            "invalid_field",
            "%s: found '%s', expected seconds, more than 0 and at most 86400"
                .formatted(TIMEOUT_FIELD, Replies.cut(value)),
            Map.of());
        return;
      }
    }
    Client client = clients.of(request, connection.client());
    clients.retain(client);
    Exchange exchange =
        new Exchange(
            this, entry, request, target, connection, client, settings.patience().toNanos(), limit);
    if (entry.route().declared() && isTooLong(request.getHeader("Content-Length"))) {
      refuseTooLarge(exchange);
      return;
    }
    if (exchange.hasLimit()) {
      limited.add(exchange);
    }
    exchange.begin();
  }

  private boolean isTooLong(@Nullable String length) {
    try {
      return length != null && Long.parseLong(length) > settings.bodyBytes();
    } catch (NumberFormatException e) {
      return false;
    }
  }

  private boolean isAuthorized(HttpServerRequest request) {
    if (token == null) {
      return true;
    }
    boolean authorized = Token.isBorne(token, request.getHeader("Authorization"));
    if (!authorized) {
      counts.refused("unauthorized");
      request.response().putHeader("WWW-Authenticate", "Bearer");
      Replies.error(
          request, 401, "unauthorized", "expected 'Authorization: Bearer TOKEN'", Map.of());
    }
    return authorized;
  }

  /**
   * Responds to a health check: healthy means that a request that arrives now is expected to be
   * served.
   */
  private void health(HttpServerRequest request, String path) {
    long secondsUnserved = (System.nanoTime() - servedAt) / 1_000_000_000L;
    boolean serving = secondsUnserved < 1;
    boolean accepting =
        serving || (secondsUnserved < settings.patience().toSeconds() && waiting.isReserved(1));
    boolean healthy = path.equals("/health") ? accepting : proxies.anyServes();
    Map<String, Object> body = new LinkedHashMap<>();
    body.put("status", healthy ? "healthy" : "unhealthy");
    body.put("serving", serving);
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
    body.put("routes", routesNow());
    Replies.json(request, 200, body);
  }

  private List<Map<String, Object>> routesNow() {
    List<Map<String, Object>> routes = new ArrayList<>();
    for (RouteEntry entry : routeTable.all()) {
      Map<String, Object> route = new LinkedHashMap<>();
      route.put("route", entry.route().prefix());
      route.put("app", entry.route().app());
      route.put("served", proxies.serves(entry.route().prefix()));
      routes.add(route);
    }
    return routes;
  }

  private void refuseUnknown(HttpServerRequest request, String path) {
    counts.refused("unknown_route");
    Replies.error(
        request,
        404,
        "unknown_route",
        "path: found '%s', expected one that begins with a route".formatted(Replies.cut(path)),
        Map.of("routes", routeTable.prefixes()));
  }

  private void refuseUnknown(Exchange exchange) {
    exchange.refuse(
        404,
        "unknown_route",
        "the route %s is no longer declared".formatted(exchange.entry().route().prefix()),
        Map.of("routes", routeTable.prefixes()));
  }

  // The methods below are called by Exchange.

  DoorSettings settings() {
    return settings;
  }

  HttpClient client() {
    return client;
  }

  Proxies proxies() {
    return proxies;
  }

  Unpacking unpacking() {
    return unpacking;
  }

  /** Returns the budget for bytes of requests and of unread responses. */
  Room bytes() {
    return bytes;
  }

  /** Returns the budget for queued requests. */
  Room waiting() {
    return waiting;
  }

  Counts counts() {
    return counts;
  }

  Pace pace() {
    return pace;
  }

  boolean hasToken() {
    return token != null;
  }

  String via() {
    return via;
  }

  void after(long millis, Runnable what) {
    vertx.setTimer(millis, timer -> what.run());
  }

  void refuseTooLarge(Exchange exchange) {
    exchange.refuse(
        413,
        Contract.TOO_LARGE,
        "body: found more than %1$d bytes, expected %1$d at most".formatted(settings.bodyBytes()));
  }

  /** Refuses a request for which the byte budget does not suffice. */
  void refuseOverBudget(Exchange exchange, long more) {
    refuseOverBudget(exchange, bytes, more, "%d bytes of requests are here already");
  }

  /** Refuses a request that the queue has no space for. */
  void refuseOverBudget(Exchange exchange) {
    refuseOverBudget(exchange, waiting, 1, "%d requests wait already");
  }

  private void refuseOverBudget(Exchange exchange, Room budget, long more, String why) {
    if (budget.isReserved(more)) {
      refuseTooMany(
          exchange, "what is left is for other clients and routes: this one has its share");
    } else {
      retryAfter(exchange);
      exchange.refuse(503, Contract.OVERLOADED, why.formatted(budget.maxAlone()), daemonState());
    }
  }

  /** Refuses a request whose client has used its share. */
  void refuseTooMany(Exchange exchange, String why) {
    retryAfter(exchange);
    exchange.refuse(429, "too_many", why, daemonState());
  }

  private void refuseNotServed(Exchange exchange) {
    retryAfter(exchange);
    exchange.refuse(
        503,
        "not_served",
        "%s has not been served for the %d s that this request has waited"
            .formatted(
                exchange.entry().route().app(),
                (System.nanoTime() - exchange.arrived()) / 1_000_000_000L),
        daemonState());
  }

  private void retryAfter(Exchange exchange) {
    ControlState now = controlState;
    double last = now == null || now.lastRecoverySeconds() == null ? 5 : now.lastRecoverySeconds();
    exchange
        .request()
        .response()
        .putHeader("Retry-After", String.valueOf(Math.max(1, Math.min(60, Math.round(last)))));
  }

  /** Returns the daemon's phase and the reason for it, for clients that are told to retry. */
  private Map<String, Object> daemonState() {
    ControlState now = controlState;
    Map<String, Object> daemonState = new LinkedHashMap<>();
    daemonState.put("phase", now == null ? "STARTING" : now.phase());
    daemonState.put("reason", now == null ? "the daemon has not looked yet" : now.reason());
    return Map.of("daemon", daemonState);
  }

  /** Records the end of an exchange with a status. */
  void ended(Exchange exchange, int status) {
    limited.remove(exchange);
    clients.release(exchange.client());
    counts.answered(
        exchange.entry().route().declared() ? exchange.entry().route().app() : "other",
        status,
        System.nanoTime() - exchange.arrived());
  }

  /** Adds an exchange to its route's queue, or refuses it if the route is gone. */
  void queue(Exchange exchange) {
    RouteEntry entry = routeTable.current(exchange.entry());
    if (entry == null) {
      refuseUnknown(exchange);
    } else {
      entry.queue().add(exchange);
      dispatchSoon(entry);
    }
  }

  /** Sends the queued requests of a route that may be sent now. */
  private void dispatch(RouteEntry entry) {
    long now = System.nanoTime();
    Proxy proxy = proxies.pick(entry.route().prefix());
    while (proxy != null) {
      Exchange next = entry.queue().next(now);
      if (next == null) {
        return;
      }
      long began = System.nanoTime();
      next.send(proxy);
      next.chargeSince(began);
      proxy = proxies.pick(entry.route().prefix());
    }
  }

  /** Dispatches the queued requests after the current event. */
  void dispatchSoon(RouteEntry entry) {
    if (entry.queue().waiting() > 0 && !dispatching) {
      dispatching = true;
      context.runOnContext(
          nothing -> {
            dispatching = false;
            dispatchAll();
          });
    }
  }

  private void dispatchAll() {
    for (RouteEntry entry : routeTable.all()) {
      dispatch(entry);
    }
  }

  /** Refuses the queued requests of a route, so that their clients can try another daemon. */
  private void refuseQueued(RouteEntry entry) {
    for (Exchange exchange : entry.queue().drain()) {
      exchange.request().response().putHeader("Retry-After", "1");
      exchange.refuse(503, "not_served", "the daemon is ending", daemonState());
    }
  }

  /** Stops accepting requests, and gives responses that have begun a moment to complete. */
  @Override
  public void close() {
    if (closed) {
      return;
    }
    closed = true;
    context.runOnContext(nothing -> routeTable.all().forEach(this::refuseQueued));
    try {
      server
          .shutdown(SHUTDOWN_GRACE.toMillis(), TimeUnit.MILLISECONDS)
          .toCompletionStage()
          .toCompletableFuture()
          .get(SHUTDOWN_GRACE.toMillis() + 500, TimeUnit.MILLISECONDS);
    } catch (ExecutionException | TimeoutException e) {
      LOG.atDebug().addKeyValue("error", e).log("the front door did not close in time");
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    vertx.close();
  }
}
