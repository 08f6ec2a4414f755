package ai.seedcore.serve.door.request;

import ai.seedcore.serve.base.ErrorCode;
import ai.seedcore.serve.door.Route;
import ai.seedcore.serve.door.upstream.Upstream;
import io.vertx.core.Context;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Sends the queued requests of all routes upstream, in the order of each route's queue, while the
 * route is served. Refuses those that have waited too long. Used on the event loop only.
 */
public final class Dispatcher {

  private final Services services;
  private final Context context;
  private final RouteTable routeTable = new RouteTable();
  private final Set<Exchange> limited = new LinkedHashSet<>();
  private long servedAt = System.nanoTime();
  private boolean dispatching;
  private long keptUntil = servedAt;

  /** Creates a dispatcher without routes, which runs on the context's event loop. */
  public Dispatcher(Services services, Context context) {
    this.services = services;
    this.context = context;
  }

  /**
   * Replaces the declared routes. Routes that remain declared keep their queues; the requests of
   * the others are refused.
   */
  public void declare(List<Route> routes) {
    routeTable.declare(routes).forEach(this::end);
    updateListed();
  }

  /** Handles the fact that one more route is served. */
  public void routesAdded() {
    updateListed();
    dispatchAll();
  }

  /**
   * Keeps all requests that have not been sent, or sends them again. The next Serve will deploy the
   * undeclared routes, too, so they are kept as long as a request waits.
   */
  public void pause(boolean now) {
    services.upstreams().pause(now);
    keptUntil = System.nanoTime() + services.settings().patience().toNanos();
    dispatchAll();
  }

  /** Sets the applications whose requests wait until a replica accepts them directly. */
  public void idle(Set<String> applications) {
    services.upstreams().idle(applications);
    dispatchAll();
  }

  /**
   * Updates the undeclared routes from the proxies' tables. While no proxy reports a table, the
   * known routes are kept.
   */
  private void updateListed() {
    if (services.upstreams().proxies().anyServes()) {
      boolean keep = System.nanoTime() - keptUntil < 0;
      routeTable.list(services.upstreams().proxies().routes(), keep).forEach(this::end);
    }
  }

  private void end(RouteEntry gone) {
    gone.queue().drain().forEach(this::refuseUndeclared);
  }

  private void refuseUndeclared(Exchange exchange) {
    exchange.refuse(
        404,
        "unknown_route",
        "the route %s is no longer declared".formatted(exchange.entry().route().prefix()),
        Map.of("routes", routeTable.prefixes()));
  }

  /** Checks the proxies and all deadlines, and dispatches. Called several times a second. */
  public void tick(long now) {
    services.upstreams().ask(now);
    updateListed();
    if (routeTable.declared().allMatch(this::isServed)) {
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
      if (!isServed(entry)) {
        entry.queue().reset();
      }
      for (Exchange exchange : expired) {
        entry.queue().remove(exchange);
        services.refusals().notServed(exchange);
      }
    }
    for (Exchange exchange : List.copyOf(limited)) {
      if (exchange.isPastDeadline(now)) {
        exchange.refuse(
            504, ErrorCode.TIMEOUT, "the deployment did not answer within " + Router.TIMEOUT_FIELD);
      }
    }
    dispatchAll();
  }

  /** Forgets the failures of clients that have left. Called once a second. */
  public void sweep(long now) {
    routeTable.all().forEach(entry -> entry.queue().sweep(now));
  }

  /** Returns whether requests of a route can be sent now. */
  boolean isServed(RouteEntry entry) {
    return services.upstreams().serves(entry.route());
  }

  /** Returns for how long not all declared routes have been served, in seconds. */
  long secondsUnserved() {
    return (System.nanoTime() - servedAt) / 1_000_000_000L;
  }

  /** Returns the route of a path; null if there is none. */
  @Nullable RouteEntry match(String path) {
    return routeTable.match(path);
  }

  /** Returns the route of an application; null if there is none. */
  @Nullable RouteEntry named(String application) {
    return routeTable.named(application);
  }

  /** Returns the names of all applications. */
  List<String> applications() {
    return routeTable.all().stream().map(entry -> entry.route().app()).distinct().toList();
  }

  /** Returns the prefixes of all routes. */
  List<String> prefixes() {
    return routeTable.prefixes();
  }

  /** Returns all routes, with their applications, and whether they are served now. */
  List<Map<String, Object>> routes() {
    List<Map<String, Object>> routes = new ArrayList<>();
    for (RouteEntry entry : routeTable.all()) {
      Map<String, Object> route = new LinkedHashMap<>();
      route.put("route", entry.route().prefix());
      route.put("app", entry.route().app());
      route.put("served", isServed(entry));
      route.put("path", services.upstreams().isDirect(entry.route()) ? "direct" : "proxy");
      routes.add(route);
    }
    return routes;
  }

  /** Returns how many requests are queued. */
  public int waiting() {
    return routeTable.waiting();
  }

  /** Returns how many requests have been sent upstream and not ended. */
  public int inFlight() {
    return routeTable.inFlight();
  }

  /**
   * Returns, for each declared application, how many requests wait or have been sent to its
   * replicas without a proxy: those that Serve does not know of.
   */
  public Map<String, Integer> load() {
    return routeTable
        .declared()
        .collect(
            Collectors.toMap(
                entry -> entry.route().app(),
                entry ->
                    entry.queue().waiting()
                        + services.upstreams().replicas().inFlight(entry.route().app()),
                Integer::sum));
  }

  /** Records the beginning of an exchange. */
  void began(Exchange exchange) {
    services.clients().retain(exchange.client());
    if (exchange.hasLimit()) {
      limited.add(exchange);
    }
  }

  /** Records the end of an exchange with a status. */
  void ended(Exchange exchange, int status) {
    limited.remove(exchange);
    services.mirror().ended(exchange, status);
    services.clients().release(exchange.client());
    Route route = exchange.entry().route();
    long nanos = System.nanoTime() - exchange.arrived();
    services.counts().answered(label(route), status, nanos);
    long latency = exchange.latency();
    boolean answered = status != 499; // How long a client waits before it leaves says little.
    if (answered) {
      services.counts().timed(label(route), status, latency, route.within().toNanos());
    }
    RequestTrace trace = exchange.trace();
    if (trace != null) {
      trace.end(status);
      if (answered) {
        trace.remember(services.counts().latency(label(route)), latency);
      }
    }
  }

  /** Returns the name under which an exchange is counted. */
  String label(Exchange exchange) {
    return label(exchange.entry().route());
  }

  private static String label(Route route) {
    return route.declared() ? route.app() : "other";
  }

  /** Adds an exchange to its route's queue, or refuses it if the route is gone. */
  void queue(Exchange exchange) {
    RouteEntry entry = routeTable.current(exchange.entry());
    if (entry == null) {
      refuseUndeclared(exchange);
    } else {
      entry.queue().add(exchange);
      dispatchSoon(entry);
    }
  }

  /** Sends the queued requests of a route that may be sent now. */
  private void dispatch(RouteEntry entry) {
    long now = System.nanoTime();
    Upstream to = services.upstreams().pick(entry.route());
    while (to != null) {
      Exchange next = entry.queue().next(now);
      if (next == null) {
        return;
      }
      long began = System.nanoTime();
      next.send(to);
      next.chargeSince(began);
      to = services.upstreams().pick(entry.route());
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
    routeTable.all().forEach(this::dispatch);
  }

  /** Refuses all queued requests, because the door closes. */
  public void close() {
    for (RouteEntry entry : routeTable.all()) {
      entry.queue().drain().forEach(services.refusals()::ending);
    }
  }
}
