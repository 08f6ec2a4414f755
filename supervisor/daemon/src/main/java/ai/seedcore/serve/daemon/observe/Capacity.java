package ai.seedcore.serve.daemon.observe;

import java.util.List;
import java.util.Map;

/**
 * What the cluster's nodes have, and who holds it.
 *
 * @param nodes each node's resources
 * @param holders those who hold any, the largest first
 */
public record Capacity(List<Node> nodes, List<Holder> holders) {

  /** Nothing is known. */
  public static final Capacity UNKNOWN = new Capacity(List.of(), List.of());

  /** One node: in all, and what of it is free, by Ray's names. */
  public record Node(String address, Map<String, Double> total, Map<String, Double> free) {}

  /** One actor, by its name or, where it has none, its id. */
  public record Holder(String name, Map<String, Double> resources) {}
}
