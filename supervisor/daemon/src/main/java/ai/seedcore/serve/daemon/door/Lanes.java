package ai.seedcore.serve.daemon.door;

import ai.seedcore.serve.daemon.config.Declaration;
import ai.seedcore.serve.daemon.config.Idempotence;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** The lanes: those of what is declared, and those of what else the proxies serve. */
final class Lanes {

  private final Map<String, Lane> lanes = new LinkedHashMap<>();
  private int longest;

  /**
   * Takes in what is declared. What goes on being declared keeps its line.
   *
   * @return those that are no more, with who waits there
   */
  List<Lane> declare(List<Declaration> wished) {
    Map<String, Lane> before = new LinkedHashMap<>(lanes);
    lanes.clear();
    for (Declaration one : wished) {
      Route route = new Route(one.route(), one.name(), true, one.idempotent());
      Lane known = before.remove(route.prefix());
      lanes.put(route.prefix(), known == null ? new Lane(route) : known.of(route));
    }
    List<Lane> gone = new ArrayList<>();
    for (Lane lane : before.values()) {
      if (lane.route().declared()) {
        gone.add(lane);
      } else {
        lanes.put(lane.route().prefix(), lane);
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
  List<Lane> list(Map<String, String> routes) {
    List<Lane> gone =
        all().stream()
            .filter(lane -> !lane.route().declared() && !routes.containsKey(lane.route().prefix()))
            .toList();
    gone.forEach(lane -> lanes.remove(lane.route().prefix()));
    routes.forEach(
        (prefix, app) ->
            lanes.computeIfAbsent(
                prefix, p -> new Lane(new Route(p, app, false, Idempotence.SAFE))));
    measure();
    return gone;
  }

  /**
   * The longest prefix of whole segments that is a route, as Serve itself looks for it. Looks at no
   * more of a path than the longest route has.
   */
  @Nullable Lane match(String path) {
    Lane best = lanes.get("/");
    for (int end = 2; end <= Math.min(path.length(), longest); end++) {
      if (end == path.length() || path.charAt(end) == '/') {
        Lane lane = lanes.get(path.substring(0, end));
        best = lane == null ? best : lane;
      }
    }
    return best;
  }

  private void measure() {
    longest = lanes.keySet().stream().mapToInt(String::length).max().orElse(0);
  }

  /** What has become of a lane; null: its line is no more. */
  @Nullable Lane now(Lane lane) {
    Lane now = lanes.get(lane.route().prefix());
    return now != null && now.line() == lane.line() ? now : null;
  }

  /** All of them, as they are now. */
  List<Lane> all() {
    return List.copyOf(lanes.values());
  }

  Stream<Lane> declared() {
    return lanes.values().stream().filter(lane -> lane.route().declared());
  }

  List<String> prefixes() {
    return List.copyOf(lanes.keySet());
  }

  int waiting() {
    return lanes.values().stream().mapToInt(lane -> lane.line().waiting()).sum();
  }

  int underWay() {
    return lanes.values().stream().mapToInt(lane -> lane.line().underWay()).sum();
  }
}
