package ai.seedcore.serve.daemon.host;

import java.util.Map;

/** The environment of child processes. */
public final class Children {

  private Children() {}

  /**
   * Removes the daemon's own settings from a child's environment. Some are secrets, no child needs
   * them, and users' code inherits the environment of Ray's processes.
   */
  public static void keepOurs(Map<String, String> environment) {
    environment.keySet().removeIf(name -> name.startsWith("SEEDCORE_"));
  }
}
