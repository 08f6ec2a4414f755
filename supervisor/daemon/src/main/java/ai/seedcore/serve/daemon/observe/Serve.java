package ai.seedcore.serve.daemon.observe;

import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/** Serve, as the dashboard shows it. */
public sealed interface Serve {

  /** Could not be asked. */
  record Unknown(String reason) implements Serve {}

  /** The dashboard shows none. */
  record Absent() implements Serve {}

  /**
   * It runs.
   *
   * @param controller the controller's actor id
   * @param apps its applications, by name
   */
  record Running(String controller, Map<String, App> apps) implements Serve {}

  /**
   * One application.
   *
   * @param status Serve's word: NOT_STARTED, DEPLOYING, DEPLOY_FAILED, RUNNING, UNHEALTHY, DELETING
   * @param message Serve's reason
   * @param version the content version that we gave it; null where we did not deploy it
   * @param route its route prefix; null where Serve does not say yet
   * @param replicas how many replicas are RUNNING
   * @param config Serve's {@code deployment_config}
   */
  record App(
      String status,
      String message,
      @Nullable String version,
      @Nullable String route,
      int replicas,
      JsonNode config) {

    /** Whether Serve says that it serves. */
    public boolean running() {
      return status.equals("RUNNING");
    }
  }
}
