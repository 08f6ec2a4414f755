package ai.seedcore.serve.door.request;

import ai.seedcore.serve.door.Route;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** The route entries: the declared ones, and the others that the proxies serve. */
final class RouteTable {

  private final Map<String, RouteEntry> entries = new LinkedHashMap<>();
  private int longest;

  /**
   * Replaces the declared routes. Routes that remain declared keep their queues.
   *
   * @return the removed entries, with their queued requests
   */
  List<RouteEntry> declare(List<Route> routes) {
    Map<String, RouteEntry> before = new LinkedHashMap<>(entries);
    entries.clear();
    for (Route route : routes) {
      RouteEntry known = before.remove(route.prefix());
      entries.put(route.prefix(), known == null ? new RouteEntry(route) : known.of(route));
    }
    List<RouteEntry> gone = new ArrayList<>();
    for (RouteEntry entry : before.values()) {
      if (entry.route().declared()) {
        gone.add(entry);
      } else {
        entries.put(entry.route().prefix(), entry);
      }
    }
    updateLongest();
    return gone;
  }

  /**
   * Replaces the undeclared routes by those that the proxies serve.
   *
   * @param routes the names of the applications by prefix
   * @param keep whether to keep the routes that the proxies no longer serve
   * @return the removed entries, with their queued requests
   */
  List<RouteEntry> list(Map<String, String> routes, boolean keep) {
    List<RouteEntry> gone =
        all().stream()
            .filter(
                entry ->
                    !keep
                        && !entry.route().declared()
                        && !routes.containsKey(entry.route().prefix()))
            .toList();
    gone.forEach(entry -> entries.remove(entry.route().prefix()));
    routes.forEach(
        (prefix, app) ->
            entries.computeIfAbsent(prefix, p -> new RouteEntry(Route.listed(p, app))));
    updateLongest();
    return gone;
  }

  /**
   * Returns the route with the longest prefix of whole segments, as Serve matches it. Examines no
   * more of the path than the longest route has.
   */
  @Nullable RouteEntry match(String path) {
    RouteEntry best = entries.get("/");
    for (int end = 2; end <= Math.min(path.length(), longest); end++) {
      if (end == path.length() || path.charAt(end) == '/') {
        RouteEntry entry = entries.get(path.substring(0, end));
        best = entry == null ? best : entry;
      }
    }
    return best;
  }

  /** Returns the first route of an application; null if it has none. */
  @Nullable RouteEntry named(String application) {
    return entries.values().stream()
        .filter(entry -> entry.route().app().equals(application))
        .findFirst()
        .orElse(null);
  }

  private void updateLongest() {
    longest = entries.keySet().stream().mapToInt(String::length).max().orElse(0);
  }

  /** Returns the current version of an entry; null if its queue was removed. */
  @Nullable RouteEntry current(RouteEntry entry) {
    RouteEntry current = entries.get(entry.route().prefix());
    return current != null && current.queue() == entry.queue() ? current : null;
  }

  /** Returns a snapshot of all entries. */
  List<RouteEntry> all() {
    return List.copyOf(entries.values());
  }

  Stream<RouteEntry> declared() {
    return entries.values().stream().filter(entry -> entry.route().declared());
  }

  List<String> prefixes() {
    return List.copyOf(entries.keySet());
  }

  int waiting() {
    return entries.values().stream().mapToInt(entry -> entry.queue().waiting()).sum();
  }

  int inFlight() {
    return entries.values().stream().mapToInt(entry -> entry.queue().inFlight()).sum();
  }
}
