package ai.seedcore.serve.door;

import ai.seedcore.serve.base.Foreign;
import ai.seedcore.serve.base.HostPort;
import ai.seedcore.serve.base.http.Http;
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
 * Serve's HTTP proxies: the head's, and those of the other nodes, as each tells its own table of
 * routes once a second. A proxy that tells none, as it starts, drains or has gone, is sent nothing.
 */
final class Proxies {

  /** For how long a proxy that was well may say nothing: it may have much to do. */
  private static final long SILENCE_NANOS = Duration.ofSeconds(6).toNanos();

  private static final Duration DEADLINE = Duration.ofSeconds(3);

  /** How many routes a table may have, and how long one may be: what is beyond is not passed on. */
  private static final int MOST = 2_000;

  private static final int LONGEST = 500;

  /**
   * How often to ask one that is well, the head's that is not, and another node's, which may have
   * none.
   */
  private static final long WELL_NANOS = Duration.ofSeconds(1).toNanos();

  private static final long AWAITED_NANOS = Duration.ofMillis(300).toNanos();
  private static final long ELSEWHERE_NANOS = Duration.ofSeconds(2).toNanos();

  /**
   * This machine's addresses: where the first proxy is asked on the loopback, it is the one there.
   */
  private static final Set<String> HERE = HostPort.ownAddresses();

  private final Vertx vertx;
  private final Context context;
  private final Http http;
  private final URI first;
  private final Set<String> ownAddresses;
  private final Runnable changed;
  private final Proxy head;
  private final Map<URI, Proxy> proxies = new LinkedHashMap<>();

  /**
   * Proxies that nothing is known of yet.
   *
   * @param first the head's
   * @param ownAddresses addresses at whose serve port nobody but the door itself can be
   * @param changed told when there is one more route to send to
   */
  Proxies(Vertx vertx, Context context, URI first, Set<String> ownAddresses, Runnable changed) {
    this.vertx = vertx;
    this.context = context;
    this.http = new Http(vertx);
    this.first = first;
    this.ownAddresses = ownAddresses;
    this.changed = changed;
    this.head = new Proxy(first);
    proxies.put(first, head);
  }

  /** The addresses of the cluster's living nodes; any of them may have a proxy. */
  void nodes(Collection<String> addresses) {
    Map<URI, Proxy> next = new LinkedHashMap<>();
    next.put(first, head);
    for (String address : addresses) {
      URI uri = URI.create("http://%s:%d".formatted(bracketed(address), head.named().port()));
      boolean known = address.equals(head.named().host()) || address.equals(head.address());
      boolean here = head.named().isLoopback() && HERE.contains(address);
      if (!known && !here && !ownAddresses.contains(address)) {
        next.put(uri, proxies.getOrDefault(uri, new Proxy(uri)));
      }
    }
    List<Proxy> gone = new ArrayList<>(proxies.values());
    gone.removeAll(next.values());
    proxies.clear();
    proxies.putAll(next);
    gone.forEach(Proxy::stop);
  }

  private static String bracketed(String address) {
    return address.contains(":") ? "[" + address + "]" : address;
  }

  /** Asks those whose turn it is. */
  void ask(long now) {
    for (Proxy proxy : proxies.values()) {
      if (proxy.isDue(now)) {
        ask(proxy);
      }
    }
  }

  private void ask(Proxy proxy) {
    proxy.asked();
    vertx
        .executeBlocking(() -> InetAddress.getByName(proxy.named().host()).getHostAddress(), false)
        .onSuccess(proxy::at)
        .transform(
            looked ->
                looked.failed() // Of the name server's silence, not the proxy's word.
                    ? Future.failedFuture(new TimeoutException())
                    : Future.fromCompletionStage(
                        http.get(proxy.uri() + "/-/routes", DEADLINE), context))
        .onComplete(answer -> heard(proxy, answer.result(), answer.cause()));
  }

  private void heard(Proxy proxy, Http.@Nullable Answer answer, @Nullable Throwable error) {
    long now = System.nanoTime();
    Set<String> before = proxy.routes().keySet();
    if (answer != null) {
      proxy.tells(answer.status() == 200 ? table(answer.body()) : Map.of(), now);
    } else if (error != null && (!Http.silent(error) || proxy.isSilentSince(now - SILENCE_NANOS))) {
      proxy.lost();
    }
    boolean well = !proxy.routes().isEmpty();
    proxy.askAgain(now + (well ? WELL_NANOS : proxy == head ? AWAITED_NANOS : ELSEWHERE_NANOS));
    if (!before.containsAll(proxy.routes().keySet())) {
      changed.run();
    }
  }

  private static Map<String, String> table(String body) {
    try {
      Map<String, String> routes = new HashMap<>();
      for (Map.Entry<String, JsonNode> route : JsonMapper.shared().readTree(body).properties()) {
        boolean fits = route.getKey().length() <= LONGEST && routes.size() < MOST;
        if (fits && route.getKey().startsWith("/")) {
          routes.put(route.getKey(), Foreign.name(route.getValue().asString("")));
        }
      }
      return routes;
    } catch (JacksonException e) {
      return Map.of();
    }
  }

  /** The one with the least to do of those that serve a route; null: none does. */
  @Nullable Proxy pick(String prefix) {
    Proxy best = null;
    for (Proxy proxy : proxies.values()) {
      if (proxy.routes().containsKey(prefix)
          && (best == null || proxy.underWay().size() < best.underWay().size())) {
        best = proxy;
      }
    }
    return best;
  }

  /** Whether any serves a route. */
  boolean serve(String prefix) {
    return pick(prefix) != null;
  }

  /** All routes that are served now, with their applications' names. */
  Map<String, String> routes() {
    Map<String, String> all = new LinkedHashMap<>();
    proxies.values().forEach(proxy -> all.putAll(proxy.routes()));
    return all;
  }

  /** Whether any proxy tells its table. */
  boolean any() {
    return proxies.values().stream().anyMatch(proxy -> !proxy.routes().isEmpty());
  }

  Collection<Proxy> all() {
    return proxies.values();
  }
}
