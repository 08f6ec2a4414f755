package ai.seedcore.serve.daemon.decide;

import ai.seedcore.serve.daemon.observe.Capacity;
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
import java.util.stream.Collectors;

/** Says what a replica that does not start lacks, and who holds it. */
final class Shortage {

  /** As many of those who hold something are named. */
  private static final int NAMED = 5;

  private static final String CPU = "CPU";
  private static final String MEMORY = "memory";

  private Shortage() {}

  /**
   * Why an application has not come up for so long, in words to be read after its name.
   *
   * @param running how many of its replicas run
   */
  static String explain(
      Application application, int running, Duration age, Capacity capacity, List<Orphan> orphans) {
    String waits = " for %d s".formatted(age.toSeconds());
    if (capacity.nodes().isEmpty()) {
      return waits + ": nobody could say what is free on the nodes";
    }
    Map<String, Double> wanted = wanted(application);
    List<String> missing = new ArrayList<>();
    wanted.forEach(
        (resource, amount) -> {
          double most = most(capacity, resource);
          if (most < amount) {
            missing.add(
                "a replica wants %s, no node has more than %s free (the largest has %s in all)"
                    .formatted(
                        text(resource, amount),
                        text(resource, most),
                        text(resource, largest(capacity, resource))));
          }
        });
    if (missing.isEmpty()) {
      return waits
          + (fits(capacity, wanted)
              ? ": the nodes have what its replicas want; %d of them run, and another one starts"
                      .formatted(running)
                  + " slowly or again and again: its log is in /tmp/ray/session_latest/logs"
              : ": no single node has all that a replica wants free: " + texts(wanted));
    }
    return waits
        + ": "
        + String.join("; ", missing)
        + holders(capacity, missing(wanted, capacity), orphans);
  }

  private static Set<String> missing(Map<String, Double> wanted, Capacity capacity) {
    return wanted.entrySet().stream()
        .filter(entry -> most(capacity, entry.getKey()) < entry.getValue())
        .map(Map.Entry::getKey)
        .collect(Collectors.toSet());
  }

  private static Map<String, Double> wanted(Application application) {
    Map<String, Double> wanted = new LinkedHashMap<>();
    if (application.actorOptions().get("num_cpus") instanceof Number cpus) {
      wanted.put(CPU, cpus.doubleValue());
    }
    if (application.actorOptions().get("memory") instanceof Number memory) {
      wanted.put(MEMORY, memory.doubleValue());
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

  private static double most(Capacity capacity, String resource) {
    return capacity.nodes().stream()
        .mapToDouble(node -> node.free().getOrDefault(resource, 0.0))
        .max()
        .orElse(0);
  }

  private static double largest(Capacity capacity, String resource) {
    return capacity.nodes().stream()
        .mapToDouble(node -> node.total().getOrDefault(resource, 0.0))
        .max()
        .orElse(0);
  }

  private static String holders(Capacity capacity, Set<String> resources, List<Orphan> orphans) {
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
                                  ? " (Serve has forgotten it; it is ended soon)"
                                  : "")));
    }
    return named.isEmpty()
        ? "; no actor holds any: add a node that has it, or ask for less"
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
            : String.format(Locale.ROOT, "%.2f", amount).replaceAll("0+$", "");
    return number + (resource.equals(CPU) ? " CPUs" : " " + resource);
  }
}
