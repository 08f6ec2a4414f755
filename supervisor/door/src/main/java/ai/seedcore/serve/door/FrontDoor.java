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
 * The HTTP front door: what clients speak to in place of Serve's proxies. While a route is served
 * it passes requests on; while it is not, it keeps them, in order and within bounds, and sends them
 * when the route is there again.
 *
 * <p>All of it runs on one event loop of its own, so that nothing is locked, the order is the order
 * of arrival, and the control loop waits for none of it.
 */
public final class FrontDoor implements AutoCloseable {

  private static final Logger LOG = LoggerFactory.getLogger(FrontDoor.class);

  /** How often to see whose time is up. */
  private static final long TICK_MS = 100;

  /** How long clients may take that have their answer coming when the daemon ends. */
  private static final Duration LAST_ANSWERS = Duration.ofSeconds(2);

  private static final long LINGER_MS = 1000;

  private static final String LIMIT = "X-Request-Timeout-Seconds";

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
  private final boolean alone;

  private final RouteTable routeTable = new RouteTable();
  private final Set<Exchange> limited = new LinkedHashSet<>();
  private long servedAt = System.nanoTime();
  private long sweptAt = System.nanoTime();
  private boolean dispatching;

  /** The control thread's: what the event loop has been told. */
  private List<Route> declared;

  private Set<String> nodes = Set.of();
  private boolean closed;

  private volatile @Nullable ControlState told;
  private volatile @Nullable DoorStatus counted;

  /**
   * Opens the door.
   *
   * @param token what clients have to say; null: nothing
   * @param declared what is served
   * @param upstream the head's proxy
   * @param alone whether that is the only one, as the user named it
   * @throws ConfigException if the address cannot be listened on
   */
  public FrontDoor(
      DoorSettings settings,
      @Nullable String token,
      List<Route> declared,
      URI upstream,
      boolean alone,
      String version) {
    this.settings = settings;
    this.token = token;
    this.version = version;
    this.alone = alone;
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
              listed();
              dispatchAll();
            });
    this.client = Http.client(vertx, 4 * RouteQueue.MOST);
    this.server =
        vertx
            .createHttpServer(options(settings, vertx))
            .connectionHandler(connections::connected)
            .invalidRequestHandler(this::invalid)
            .requestHandler(this::handle);
    context.runOnContext(nothing -> open(declared));
    try {
      server
          .listen(address.port(), address.host())
          .toCompletionStage()
          .toCompletableFuture()
          .get(10, TimeUnit.SECONDS);
    } catch (ExecutionException | TimeoutException | InterruptedException e) {
      Throwable cause = e.getCause() == null ? e : e.getCause();
      vertx.close();
      throw new ConfigException(
          "front_door: found %s, which cannot be opened (%s), expected a free port%s"
              .formatted(
                  address,
                  cause.getMessage(),
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

  /** Takes in what the control loop knows now, on its thread. Never waits. */
  public void publish(ControlState now) {
    told = now;
    if (!now.routes().equals(declared)) {
      declared = now.routes();
      context.runOnContext(nothing -> declare(now.routes()));
    }
    if (!alone && !now.nodes().isEmpty() && !now.nodes().equals(nodes)) {
      nodes = now.nodes();
      context.runOnContext(nothing -> proxies.nodes(now.nodes()));
    }
  }

  /** The loop that all of it runs on. */
  public Vertx vertx() {
    return vertx;
  }

  /** What the door does and did; told anew a few times a second. */
  public @Nullable DoorStatus status() {
    return counted;
  }

  /** Keeps the lines of what goes on being served, and ends those of what does not. */
  private void declare(List<Route> wished) {
    routeTable.declare(wished).forEach(this::end);
    listed();
  }

  /** Routes of others, as the proxies tell them. While none tells any, they are remembered. */
  private void listed() {
    if (proxies.any()) {
      routeTable.list(proxies.routes()).forEach(this::end);
    }
  }

  private void end(RouteEntry gone) {
    gone.queue().drain().forEach(this::unknown);
  }

  private void tick() {
    long now = System.nanoTime();
    proxies.ask(now);
    listed();
    if (routeTable.declared().allMatch(entry -> proxies.serve(entry.route().prefix()))) {
      servedAt = now;
    }
    for (RouteEntry entry : routeTable.all()) {
      List<Exchange> tired = new ArrayList<>();
      entry
          .queue()
          .forEach(
              exchange -> {
                if (exchange.isTired(now)) {
                  tired.add(exchange);
                }
              });
      if (!proxies.serve(entry.route().prefix())) {
        entry.queue().away();
      }
      for (Exchange exchange : tired) {
        entry.queue().remove(exchange);
        notServed(exchange);
      }
    }
    for (Exchange exchange : List.copyOf(limited)) {
      if (exchange.isLate(now)) {
        exchange.refuse(
            504, "timeout", "the deployment has not answered within the " + LIMIT + " given");
      }
    }
    if (now - sweptAt > 1_000_000_000L) {
      sweptAt = now;
      connections.sweep(now);
      routeTable.all().forEach(entry -> entry.queue().sweep(now));
    }
    dispatchAll();
    counted = count();
  }

  private DoorStatus count() {
    return new DoorStatus(
        settings.address().toString(),
        routeTable.waiting(),
        routeTable.underWay(),
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
      request.connection().close(); // It has made room for another.
      return;
    }
    boolean last = Forwarding.isLast(request);
    long turn = connection.speaks(Forwarding.bodyBytes(request), last, System.nanoTime());
    if (last) {
      request.response().putHeader("Connection", "close");
    }
    request.response().endHandler(nothing -> answered(request, connection, turn));
    Target target;
    try {
      target = Target.of(request);
    } catch (Target.Refused e) {
      counts.refused("not_http");
      request.response().putHeader("Connection", "close");
      connection.ends();
      Replies.error(request, e.status(), "not_http", String.valueOf(e.getMessage()), Map.of());
      return;
    }
    String path = target.path();
    if (path.equals("/health") || path.equals("/-/healthz")) {
      health(request, path);
      return;
    }
    if (!allowed(request)) {
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
      take(request, target, connection, entry);
    } else if (path.equals("/")) {
      index(request);
    } else if (path.equals("/-/routes") && !isOurs(request)) {
      Replies.json(request, 200, new LinkedHashMap<>(proxies.routes()));
    } else {
      unknown(request, path);
    }
  }

  private void invalid(HttpServerRequest request) {
    counts.refused("not_http");
    Connection connection = connections.of(request.connection());
    if (connection != null) {
      connection.intake().end();
    }
    int status = HeadLimits.status(request);
    Replies.error(request, status, "not_http", Connections.HEAD.reason(status), Map.of());
  }

  /** Who goes on sending a body that nobody wants has a moment to read the answer. */
  private void answered(HttpServerRequest request, Connection connection, long turn) {
    if (Forwarding.isUnread(request)) {
      after(
          LINGER_MS,
          () -> {
            if (!request.isEnded()) {
              request.connection().close();
            }
          });
    }
    connection.rests(turn, System.nanoTime());
  }

  private void take(
      HttpServerRequest request, Target target, Connection connection, RouteEntry entry) {
    long limit = Long.MAX_VALUE;
    String said = request.getHeader(LIMIT);
    if (said != null) {
      try {
        double seconds = Double.parseDouble(said);
        if (!(seconds > 0 && seconds <= 86_400)) {
          throw new NumberFormatException(said);
        }
        limit = (long) (seconds * 1e9);
      } catch (NumberFormatException e) {
        counts.refused("invalid_field");
        Replies.error(
            request,
            400,
            "invalid_field",
            "%s: found '%s', expected seconds, more than 0 and at most 86400"
                .formatted(LIMIT, Replies.cut(said)),
            Map.of());
        return;
      }
    }
    Client client = clients.of(request, connection.client());
    clients.enters(client);
    Exchange exchange =
        new Exchange(
            this, entry, request, target, connection, client, settings.patience().toNanos(), limit);
    if (entry.route().declared() && isTooLong(request.getHeader("Content-Length"))) {
      tooLarge(exchange);
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

  private boolean allowed(HttpServerRequest request) {
    if (token == null) {
      return true;
    }
    boolean right = Token.isBorne(token, request.getHeader("Authorization"));
    if (!right) {
      counts.refused("unauthorized");
      request.response().putHeader("WWW-Authenticate", "Bearer");
      Replies.error(
          request, 401, "unauthorized", "expected 'Authorization: Bearer TOKEN'", Map.of());
    }
    return right;
  }

  /** Whether a request that comes now is going to be answered, as far as can be known. */
  private void health(HttpServerRequest request, String path) {
    long away = (System.nanoTime() - servedAt) / 1_000_000_000L;
    boolean serving = away < 1;
    boolean takes = serving || (away < settings.patience().toSeconds() && waiting.isOthers(1));
    boolean well = path.equals("/health") ? takes : proxies.any();
    Map<String, Object> body = new LinkedHashMap<>();
    body.put("status", well ? "healthy" : "unhealthy");
    body.put("serving", serving);
    Replies.json(request, well ? 200 : 503, body);
  }

  /**
   * Whether it is a daemon that asks, which is not to take a front door for one of Serve's proxies.
   */
  private static boolean isOurs(HttpServerRequest request) {
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
      route.put("served", proxies.serve(entry.route().prefix()));
      routes.add(route);
    }
    return routes;
  }

  private void unknown(HttpServerRequest request, String path) {
    counts.refused("unknown_route");
    Replies.error(
        request,
        404,
        "unknown_route",
        "path: found '%s', expected one that begins with a route".formatted(Replies.cut(path)),
        Map.of("routes", routeTable.prefixes()));
  }

  private void unknown(Exchange exchange) {
    exchange.refuse(
        404,
        "unknown_route",
        "the route %s is no longer declared".formatted(exchange.entry().route().prefix()),
        Map.of("routes", routeTable.prefixes()));
  }

  // What an exchange asks of the door.

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

  /** Bytes of requests, and of answers that nobody reads. */
  Room bytes() {
    return bytes;
  }

  /** Requests that wait. */
  Room waiting() {
    return waiting;
  }

  Counts counts() {
    return counts;
  }

  Pace pace() {
    return pace;
  }

  boolean isLocked() {
    return token != null;
  }

  String via() {
    return via;
  }

  void after(long millis, Runnable what) {
    vertx.setTimer(millis, timer -> what.run());
  }

  void tooLarge(Exchange exchange) {
    exchange.refuse(
        413,
        Contract.TOO_LARGE,
        "body: found more than %1$d bytes, expected %1$d at most".formatted(settings.bodyBytes()));
  }

  /** There is no room for so many bytes more. */
  void overfull(Exchange exchange, long more) {
    overfull(exchange, bytes, more, "%d bytes of requests are here already");
  }

  /** There is no room for one that waits. */
  void overfull(Exchange exchange) {
    overfull(exchange, waiting, 1, "%d requests wait already");
  }

  private void overfull(Exchange exchange, Room room, long more, String why) {
    if (room.isOthers(more)) {
      tooMany(exchange, "what is left is for other clients and routes: this one has its share");
    } else {
      retryAfter(exchange);
      exchange.refuse(503, Contract.OVERLOADED, why.formatted(room.alone()), doing());
    }
  }

  /** Its client has more than its share. */
  void tooMany(Exchange exchange, String why) {
    retryAfter(exchange);
    exchange.refuse(429, "too_many", why, doing());
  }

  private void notServed(Exchange exchange) {
    retryAfter(exchange);
    exchange.refuse(
        503,
        "not_served",
        "%s has not been served for the %d s that this request has waited"
            .formatted(
                exchange.entry().route().app(),
                (System.nanoTime() - exchange.arrived()) / 1_000_000_000L),
        doing());
  }

  private void retryAfter(Exchange exchange) {
    ControlState now = told;
    double last = now == null || now.lastRecoverySeconds() == null ? 5 : now.lastRecoverySeconds();
    exchange
        .request()
        .response()
        .putHeader("Retry-After", String.valueOf(Math.max(1, Math.min(60, Math.round(last)))));
  }

  /** What the daemon is about, for whoever is told to come again. */
  private Map<String, Object> doing() {
    ControlState now = told;
    Map<String, Object> doing = new LinkedHashMap<>();
    doing.put("phase", now == null ? "STARTING" : now.phase());
    doing.put("reason", now == null ? "the daemon has not looked yet" : now.reason());
    return Map.of("daemon", doing);
  }

  /** It is over, with that status. */
  void ended(Exchange exchange, int status) {
    limited.remove(exchange);
    clients.leaves(exchange.client());
    counts.answered(
        exchange.entry().route().declared() ? exchange.entry().route().app() : "other",
        status,
        System.nanoTime() - exchange.arrived());
  }

  /** Puts one into the queue of its route, where there is still such a route. */
  void queue(Exchange exchange) {
    RouteEntry entry = routeTable.now(exchange.entry());
    if (entry == null) {
      unknown(exchange);
    } else {
      entry.queue().add(exchange);
      dispatchSoon(entry);
    }
  }

  /** Sends what may be sent now. */
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
      next.spent(began);
      proxy = proxies.pick(entry.route().prefix());
    }
  }

  /** The same, once what is being done now is done. */
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

  /** Who waits is told, so that he can ask another daemon. */
  private void leave(RouteEntry entry) {
    for (Exchange exchange : entry.queue().drain()) {
      exchange.request().response().putHeader("Retry-After", "1");
      exchange.refuse(503, "not_served", "the daemon is ending", doing());
    }
  }

  /** Takes no more, and gives what is being answered a moment. */
  @Override
  public void close() {
    if (closed) {
      return;
    }
    closed = true;
    context.runOnContext(nothing -> routeTable.all().forEach(this::leave));
    try {
      server
          .shutdown(LAST_ANSWERS.toMillis(), TimeUnit.MILLISECONDS)
          .toCompletionStage()
          .toCompletableFuture()
          .get(LAST_ANSWERS.toMillis() + 500, TimeUnit.MILLISECONDS);
    } catch (ExecutionException | TimeoutException e) {
      LOG.atDebug().addKeyValue("error", e).log("the front door did not close in time");
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    vertx.close();
  }
}
