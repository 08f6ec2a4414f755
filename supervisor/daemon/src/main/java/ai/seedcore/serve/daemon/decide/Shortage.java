package ai.seedcore.serve.daemon.decide;

import ai.seedcore.serve.daemon.observe.Capacity;
import ai.seedcore.serve.daemon.observe.Capacity.Node;
import ai.seedcore.serve.daemon.observe.Orphan;
import ai.seedcore.serve.protocol.Application;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;

/** Compares a replica's resources with those of the nodes. */
final class Shortage {

  /** The maximum number of holders to name per resource. */
  private static final int NAMED = 5;

  private static final String CPU = "CPU";
  private static final String MEMORY = "memory";

  private Shortage() {}

  /**
   * Explains why an application has not come up for so long. The text follows the application's
   * name.
   *
   * @param running how many of its replicas run
   * @param age how long the application has been starting
   */
  static String explain(
      Application application, int running, Duration age, Capacity capacity, List<Orphan> orphans) {
    String waits = " for %d s".formatted(age.toSeconds());
    if (capacity.nodes().isEmpty()) {
      return waits + ": the free resources of the nodes are unknown";
    }
    Map<String, Double> wanted = wanted(application);
    List<Map.Entry<String, Double>> missing =
        wanted.entrySet().stream()
            .filter(want -> most(capacity, Node::free, want.getKey()) < want.getValue())
            .toList();
    if (missing.isEmpty()) {
      return waits
          + (fits(capacity, wanted)
              ? ": the nodes have enough resources; %d replicas run, and another one starts slowly"
                      .formatted(running)
                  + " or repeatedly: see its log in /tmp/ray/session_latest/logs"
              : ": no single node has all resources free that a replica needs: " + texts(wanted));
    }
    return waits
        + ": "
        + missing.stream()
            .map(
                want ->
                    ("a replica needs %s, no node has more than %s free (the largest has %s in"
                            + " total)")
                        .formatted(
                            text(want.getKey(), want.getValue()),
                            text(want.getKey(), most(capacity, Node::free, want.getKey())),
                            text(want.getKey(), most(capacity, Node::total, want.getKey()))))
            .collect(Collectors.joining("; "))
        + holders(capacity, missing.stream().map(Map.Entry::getKey).toList(), orphans);
  }

  /** Returns whether a node has room for one more replica, or whether that is not known. */
  static boolean hasRoom(Application application, Capacity capacity) {
    return capacity.nodes().isEmpty() || fits(capacity, wanted(application));
  }

  private static Map<String, Double> wanted(Application application) {
    Map<String, Double> wanted = new LinkedHashMap<>();
    if (application.actorOptions().get("num_cpus") instanceof Number cpus) {
      wanted.put(CPU, cpus.doubleValue());
    }
    if (application.actorOptions().get("memory") instanceof Number memory) {
      wanted.put(MEMORY, memory.doubleValue());
    }
    if (application.actorOptions().get("num_gpus") instanceof Number gpus) {
      wanted.put("GPU", gpus.doubleValue());
    }
    if (application.actorOptions().get("resources") instanceof Map<?, ?> custom) {
      custom.forEach(
          (name, amount) -> wanted.put(name.toString(), ((Number) amount).doubleValue()));
    }
    return wanted;
  }

  private static boolean fits(Capacity capacity, Map<String, Double> wanted) {
    return capacity.nodes().stream()
        .anyMatch(
            node ->
                wanted.entrySet().stream()
                    .allMatch(
                        entry ->
                            node.free().getOrDefault(entry.getKey(), 0.0) >= entry.getValue()));
  }

  /**
   * Returns the largest amount of a resource on any node, of the free or of the total resources.
   */
  private static double most(
      Capacity capacity, Function<Node, Map<String, Double>> part, String resource) {
    return capacity.nodes().stream()
        .mapToDouble(node -> part.apply(node).getOrDefault(resource, 0.0))
        .max()
        .orElse(0);
  }

  private static String holders(Capacity capacity, List<String> resources, List<Orphan> orphans) {
    Set<String> forgotten = orphans.stream().map(Orphan::name).collect(Collectors.toSet());
    List<String> named = new ArrayList<>();
    for (String resource : resources) {
      capacity.holders().stream()
          .filter(holder -> holder.resources().getOrDefault(resource, 0.0) > 0)
          .sorted(
              Comparator.comparingDouble(
                  (Capacity.Holder holder) -> -holder.resources().getOrDefault(resource, 0.0)))
          .limit(NAMED)
          .forEach(
              holder ->
                  named.add(
                      "%s %s%s"
                          .formatted(
                              holder.name(),
                              text(resource, holder.resources().getOrDefault(resource, 0.0)),
                              forgotten.contains(holder.name())
                                  ? " (Serve no longer lists it; the daemon will kill it)"
                                  : "")));
    }
    return named.isEmpty()
        ? "; no actor holds any: add a node that has it, or request less"
        : "; held by " + String.join(", ", named);
  }

  private static String texts(Map<String, Double> wanted) {
    return wanted.entrySet().stream()
        .map(entry -> text(entry.getKey(), entry.getValue()))
        .collect(Collectors.joining(", "));
  }

  private static String text(String resource, double amount) {
    if (resource.equals(MEMORY)) {
      return String.format(Locale.ROOT, "%.0f MiB of memory", amount / (1 << 20));
    }
    String number =
        amount == Math.rint(amount)
            ? String.format(Locale.ROOT, "%.0f", amount)
            : String.format(Locale.ROOT, "%.4f", amount).replaceAll("\\.?0+$", "");
    return number + (resource.equals(CPU) ? " CPUs" : " " + resource);
  }
}
