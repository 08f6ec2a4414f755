package ai.seedcore.serve.daemon.observe;

import java.time.Instant;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * The state of Serve. The GCS reports whether it runs, the dashboard which applications it runs.
 */
public sealed interface Serve {

  /** It could not be read. */
  record Unknown(String reason) implements Serve {}

  /** Serve does not run. */
  record Absent() implements Serve {}

  /**
   * Serve runs, but its applications are unknown.
   *
   * @param controller the controller's actor id
   * @param reason why they are unknown
   */
  record Opaque(String controller, String reason) implements Serve {}

  /**
   * Serve runs.
   *
   * @param controller the controller's actor id
   * @param apps its applications, by name
   * @param asked when the dashboard was asked for them; later deployments may be missing
   */
  record Running(String controller, Map<String, Application> apps, Instant asked)
      implements Serve {}

  /** Returns the controller's actor id; null if there is none or it is unknown. */
  default @Nullable String controllerId() {
    return this instanceof Running running
        ? running.controller()
        : this instanceof Opaque opaque ? opaque.controller() : null;
  }

  /**
   * One application.
   *
   * @param status Serve's status: NOT_STARTED, DEPLOYING, DEPLOY_FAILED, RUNNING, UNHEALTHY,
   *     DELETING
   * @param message Serve's message, in plain words
   * @param version the content version; null if the daemon did not deploy it
   * @param route its route prefix; null if Serve does not report it yet
   * @param replicas how many replicas are RUNNING
   * @param actors the actor names of all its replicas, including those that are starting or
   *     stopping
   * @param config Serve's {@code deployment_config} of the last deployment; missing if there is no
   *     deployment yet
   * @param submitted the application as it was submitted, if from a Serve config; otherwise missing
   */
  record Application(
      String status,
      String message,
      @Nullable String version,
      @Nullable String route,
      int replicas,
      Set<String> actors,
      JsonNode config,
      JsonNode submitted) {

    /** Creates an application that was not submitted from a Serve config. */
    public Application(
        String status,
        String message,
        @Nullable String version,
        @Nullable String route,
        int replicas,
        Set<String> actors,
        JsonNode config) {
      this(
          status,
          message,
          version,
          route,
          replicas,
          actors,
          config,
          JsonMapper.shared().missingNode());
    }

    /** Returns whether Serve has accepted it and shows nothing of it yet. */
    public boolean isEmpty() {
      return config.isMissingNode() && submitted.isMissingNode();
    }

    /** Returns whether Serve reports it as running. */
    public boolean running() {
      return status.equals("RUNNING");
    }
  }
}
