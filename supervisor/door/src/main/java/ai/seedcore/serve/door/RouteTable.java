package ai.seedcore.serve.door;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** The entries: those of what is declared, and those of what else the proxies serve. */
final class RouteTable {

  private final Map<String, RouteEntry> entries = new LinkedHashMap<>();
  private int longest;

  /**
   * Takes in what is declared. What goes on being declared keeps its queue.
   *
   * @return those that are no more, with who waits there
   */
  List<RouteEntry> declare(List<Route> wished) {
    Map<String, RouteEntry> before = new LinkedHashMap<>(entries);
    entries.clear();
    for (Route route : wished) {
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
    measure();
    return gone;
  }

  /**
   * Takes in what the proxies serve.
   *
   * @param routes the names of the applications by their prefixes
   * @return those that are no more, with who waits there
   */
  List<RouteEntry> list(Map<String, String> routes) {
    List<RouteEntry> gone =
        all().stream()
            .filter(
                entry -> !entry.route().declared() && !routes.containsKey(entry.route().prefix()))
            .toList();
    gone.forEach(entry -> entries.remove(entry.route().prefix()));
    routes.forEach(
        (prefix, app) ->
            entries.computeIfAbsent(
                prefix, p -> new RouteEntry(new Route(p, app, false, Idempotence.SAFE))));
    measure();
    return gone;
  }

  /**
   * The longest prefix of whole segments that is a route, as Serve itself looks for it. Looks at no
   * more of a path than the longest route has.
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

  private void measure() {
    longest = entries.keySet().stream().mapToInt(String::length).max().orElse(0);
  }

  /** What has become of an entry; null: its queue is no more. */
  @Nullable RouteEntry now(RouteEntry entry) {
    RouteEntry now = entries.get(entry.route().prefix());
    return now != null && now.queue() == entry.queue() ? now : null;
  }

  /** All of them, as they are now. */
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

  int underWay() {
    return entries.values().stream().mapToInt(entry -> entry.queue().underWay()).sum();
  }
}
