package ai.seedcore.serve.door.upstream;

import ai.seedcore.serve.base.Foreign;
import ai.seedcore.serve.base.HostPort;
import ai.seedcore.serve.base.http.Http;
import io.netty.util.NetUtil;
import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import java.net.InetAddress;
import java.net.URI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Serve's HTTP proxies: that of the head node and those of the other nodes. Each is asked for its
 * own route table once a second. A proxy without one, because it starts, drains or is gone, gets no
 * requests.
 */
public final class Proxies {

  /** How long a healthy proxy may be silent. It may be busy. */
  private static final long MAX_SILENCE_NANOS = Duration.ofSeconds(6).toNanos();

  private static final Duration DEADLINE = Duration.ofSeconds(3);

  /** How many routes a table may have, and how long a prefix may be. Others are ignored. */
  private static final int MAX_ROUTES = 2_000;

  private static final int MAX_PREFIX = 500;

  /**
   * How often a proxy is asked: a healthy one, the head's if it is unhealthy, and another node's,
   * which may have none.
   */
  private static final long HEALTHY_NANOS = Duration.ofSeconds(1).toNanos();

  private static final long UNHEALTHY_HEAD_NANOS = Duration.ofMillis(300).toNanos();
  private static final long OTHER_NODE_NANOS = Duration.ofSeconds(2).toNanos();

  /**
   * This machine's addresses. If the head's proxy is asked on the loopback interface, it is the one
   * at these addresses, too.
   */
  private static final Set<String> LOCAL_ADDRESSES = HostPort.ownAddresses();

  private final Vertx vertx;
  private final Context context;
  private final Http http;
  private final URI first;
  private final Set<String> ownAddresses;
  private final Runnable changed;
  private final Proxy head;
  private final Map<URI, Proxy> proxies = new LinkedHashMap<>();

  /**
   * Creates the list with the head's proxy.
   *
   * @param first the URL of the head's proxy
   * @param ownAddresses addresses at which the door itself occupies the proxies' port
   * @param changed called when there is one more route to send to
   */
  public Proxies(
      Vertx vertx, Context context, URI first, Set<String> ownAddresses, Runnable changed) {
    this.vertx = vertx;
    this.context = context;
    this.http = new Http(vertx);
    this.first = first;
    this.ownAddresses = ownAddresses;
    this.changed = changed;
    this.head = new Proxy(first);
    proxies.put(first, head);
  }

  /** Sets the addresses of the cluster's living nodes, each of which may run a proxy. */
  public void nodes(Collection<String> addresses) {
    Map<URI, Proxy> next = new LinkedHashMap<>();
    next.put(first, head);
    for (String address : addresses) {
      URI uri = URI.create("http://%s:%d".formatted(bracketed(address), head.named().port()));
      boolean known = address.equals(head.named().host()) || address.equals(head.address());
      boolean here = head.named().isLoopback() && LOCAL_ADDRESSES.contains(address);
      if (!known && !here && !ownAddresses.contains(address)) {
        next.put(uri, proxies.getOrDefault(uri, new Proxy(uri)));
      }
    }
    List<Proxy> gone = new ArrayList<>(proxies.values());
    gone.removeAll(next.values());
    proxies.clear();
    proxies.putAll(next);
    gone.forEach(Proxy::markRemoved);
  }

  private static String bracketed(String address) {
    return address.contains(":") ? "[" + address + "]" : address;
  }

  /** Asks the proxies that are due. */
  public void ask(long now) {
    for (Proxy proxy : proxies.values()) {
      if (proxy.isDue(now)) {
        ask(proxy);
      }
    }
  }

  private void ask(Proxy proxy) {
    proxy.markAsked();
    resolve(proxy.named().host())
        .onSuccess(proxy::at)
        .transform(
            looked ->
                // The name server does not respond. That says nothing about the proxy.
                looked.failed()
                    ? Future.failedFuture(new TimeoutException())
                    : Future.fromCompletionStage(
                        http.get(proxy.uri() + "/-/routes", DEADLINE), context))
        .onComplete(response -> onResponse(proxy, response.result(), response.cause()));
  }

  private Future<String> resolve(String host) {
    return NetUtil.isValidIpV4Address(host) || NetUtil.isValidIpV6Address(host)
        ? Future.succeededFuture(host)
        : vertx.executeBlocking(() -> InetAddress.getByName(host).getHostAddress(), false);
  }

  private void onResponse(Proxy proxy, Http.@Nullable Answer response, @Nullable Throwable error) {
    long now = System.nanoTime();
    Set<String> before = proxy.routes().keySet();
    if (response != null) {
      proxy.recordTable(response.status() == 200 ? parseTable(response.body()) : Map.of(), now);
    } else if (error != null
        && (!Http.silent(error) || proxy.isSilentSince(now - MAX_SILENCE_NANOS))) {
      proxy.markLost();
    }
    boolean healthy = !proxy.routes().isEmpty();
    proxy.scheduleQuery(
        now + (healthy ? HEALTHY_NANOS : proxy == head ? UNHEALTHY_HEAD_NANOS : OTHER_NODE_NANOS));
    if (!before.containsAll(proxy.routes().keySet())) {
      changed.run();
    }
  }

  private static Map<String, String> parseTable(String body) {
    try {
      Map<String, String> routes = new HashMap<>();
      for (Map.Entry<String, JsonNode> route : JsonMapper.shared().readTree(body).properties()) {
        boolean fits = route.getKey().length() <= MAX_PREFIX && routes.size() < MAX_ROUTES;
        if (fits && route.getKey().startsWith("/")) {
          routes.put(route.getKey(), Foreign.name(route.getValue().asString("")));
        }
      }
      return routes;
    } catch (JacksonException e) {
      return Map.of();
    }
  }

  /**
   * Returns the proxy with the fewest requests in flight that serves a route; null if none serves
   * it.
   */
  public @Nullable Proxy pick(String prefix) {
    Proxy best = null;
    for (Proxy proxy : proxies.values()) {
      if (proxy.routes().containsKey(prefix)
          && (best == null || proxy.inFlight().size() < best.inFlight().size())) {
        best = proxy;
      }
    }
    return best;
  }

  /** Returns whether any proxy serves a route. */
  public boolean serves(String prefix) {
    return pick(prefix) != null;
  }

  /** Returns all routes that are served now, with the names of their applications. */
  public Map<String, String> routes() {
    Map<String, String> all = new LinkedHashMap<>();
    proxies.values().forEach(proxy -> all.putAll(proxy.routes()));
    return all;
  }

  /** Returns whether any proxy reports a route table. */
  public boolean anyServes() {
    return proxies.values().stream().anyMatch(proxy -> !proxy.routes().isEmpty());
  }

  /** Returns all proxies, whether they serve anything or not. */
  public Collection<Proxy> all() {
    return proxies.values();
  }
}
