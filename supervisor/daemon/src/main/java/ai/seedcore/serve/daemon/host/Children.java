package ai.seedcore.serve.daemon.host;

import java.util.HashSet;
import java.util.Map;
import java.util.Set;

/** The environment of child processes. */
public final class Children {

  private static volatile Set<String> secrets = Set.of();

  private Children() {}

  /**
   * Adds variables that, besides the daemon's own settings, no child may see. One that is no longer
   * declared remains a secret.
   */
  public static void withhold(Set<String> names) {
    Set<String> all = new HashSet<>(secrets);
    all.addAll(names);
    secrets = Set.copyOf(all);
  }

  /**
   * Removes the daemon's own settings from a child's environment, and the replicas' secrets. No
   * child needs them, and users' code inherits the environment of Ray's processes.
   */
  public static void keepOurs(Map<String, String> environment) {
    environment.keySet().removeIf(name -> name.startsWith("SEEDCORE_") || secrets.contains(name));
  }
}
