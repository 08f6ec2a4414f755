package ai.seedcore.serve.daemon.decide;

import ai.seedcore.serve.daemon.observe.Serve;
import ai.seedcore.serve.protocol.Application;
import ai.seedcore.serve.protocol.Application.Autoscaling;
import java.util.Optional;
import tools.jackson.databind.JsonNode;

/**
 * One application that is to be served.
 *
 * @param application as it is to be submitted; its version stands for jars, class, arguments and
 *     resources
 */
public record Target(Application application) {

  /** The application's name. */
  public String name() {
    return application.name();
  }

  /**
   * How what is deployed differs from this; empty where it does not.
   *
   * @param app what is deployed
   */
  Optional<String> difference(Serve.App app) {
    if (!application.version().equals(app.version())) {
      return Optional.of(
          "has version %s, declared is %s"
              .formatted(
                  app.version() == null ? "of someone else" : app.version(),
                  application.version()));
    }
    if (app.route() != null && !app.route().equals(application.route())) {
      return Optional.of(
          "has the route %s, declared is %s".formatted(app.route(), application.route()));
    }
    JsonNode config = app.config();
    Integer replicas = application.replicas();
    if (replicas != null && config.path("num_replicas").asInt(replicas) != replicas) {
      return Optional.of(
          "has %s replicas, declared are %d".formatted(config.path("num_replicas"), replicas));
    }
    Integer ongoing = application.maxOngoingRequests();
    if (ongoing != null && config.path("max_ongoing_requests").asInt(ongoing) != ongoing) {
      return Optional.of(
          "takes %s requests at a time, declared are %d"
              .formatted(config.path("max_ongoing_requests"), ongoing));
    }
    Autoscaling autoscaling = application.autoscaling();
    JsonNode deployed = config.path("autoscaling_config");
    if (autoscaling != null
        && (deployed.path("min_replicas").asInt(-1) != autoscaling.minReplicas()
            || deployed.path("max_replicas").asInt(-1) != autoscaling.maxReplicas())) {
      return Optional.of(
          "scales from %s to %s, declared is %d to %d"
              .formatted(
                  deployed.path("min_replicas"),
                  deployed.path("max_replicas"),
                  autoscaling.minReplicas(),
                  autoscaling.maxReplicas()));
    }
    return Optional.empty();
  }
}
