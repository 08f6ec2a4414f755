package ai.seedcore.serve.daemon.host;

import java.util.Map;

/** What processes that we start inherit. */
public final class Children {

  private Children() {}

  /**
   * Takes our own settings out of a child's environment: some are secrets, a child needs none of
   * them, and what Ray's processes inherit users' code does.
   */
  public static void keepOurs(Map<String, String> environment) {
    environment.keySet().removeIf(name -> name.startsWith("SEEDCORE_"));
  }
}
