package ai.seedcore.serve.daemon.observe;

import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/** Serve: whether it runs the GCS says, what it runs the dashboard's Serve page. */
public sealed interface Serve {

  /** Nobody could be asked. */
  record Unknown(String reason) implements Serve {}

  /** There is none. */
  record Absent() implements Serve {}

  /**
   * It runs; what, the dashboard does not say.
   *
   * @param controller the controller's actor id
   * @param reason why not
   */
  record Opaque(String controller, String reason) implements Serve {}

  /**
   * It runs.
   *
   * @param controller the controller's actor id
   * @param apps its applications, by name
   */
  record Running(String controller, Map<String, App> apps) implements Serve {}

  /** The controller's actor id; null where there is none, or nobody could be asked. */
  default @Nullable String controllerId() {
    return this instanceof Running running
        ? running.controller()
        : this instanceof Opaque opaque ? opaque.controller() : null;
  }

  /**
   * One application.
   *
   * @param status Serve's word: NOT_STARTED, DEPLOYING, DEPLOY_FAILED, RUNNING, UNHEALTHY, DELETING
   * @param message Serve's reason
   * @param version the content version that we gave it; null where we did not deploy it
   * @param route its route prefix; null where Serve does not say yet
   * @param replicas how many replicas are RUNNING
   * @param actors the names of the actors of all its replicas, also of those that start or end
   * @param config Serve's {@code deployment_config}
   */
  record App(
      String status,
      String message,
      @Nullable String version,
      @Nullable String route,
      int replicas,
      Set<String> actors,
      JsonNode config) {

    /** Whether Serve says that it serves. */
    public boolean running() {
      return status.equals("RUNNING");
    }
  }
}
