package ai.seedcore.serve.daemon.observe;

import java.util.List;
import java.util.Map;

/**
 * The resources of the cluster's nodes, and the actors that hold them.
 *
 * @param nodes the resources of each node
 * @param holders the actors that hold resources
 */
public record Capacity(List<Node> nodes, List<Holder> holders) {

  /** The value if nothing is known. */
  public static final Capacity UNKNOWN = new Capacity(List.of(), List.of());

  /** One node with its total and its free resources, by Ray's names. */
  public record Node(String address, Map<String, Double> total, Map<String, Double> free) {}

  /** One actor, by its name or, if it has none, its id. */
  public record Holder(String name, Map<String, Double> resources) {}
}
