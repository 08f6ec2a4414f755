package ai.seedcore.serve.daemon.decide;

import ai.seedcore.serve.daemon.config.Upgrade.Order;
import ai.seedcore.serve.daemon.observe.Dashboard;
import ai.seedcore.serve.daemon.observe.Serve;
import ai.seedcore.serve.protocol.Application;
import ai.seedcore.serve.protocol.Application.Autoscaling;
import ai.seedcore.serve.protocol.Application.Lifecycle;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.StringNode;

/**
 * A Java deployment in the form in which the daemon submits it.
 *
 * <p>A change of its version replaces the replicas: jars, class, arguments, resources, JVM options.
 * Everything else changes in place, if Serve can do that for Java replicas. A Serve that somebody
 * else started may not. For it, everything else becomes part of the version, see {@link #frozen}.
 *
 * @param application the application to submit
 * @param upgrade whether its new version or the old one starts or stops first
 * @param limits the probe and the limits of a trial, as text
 */
public record DesiredJava(Application application, Order upgrade, String limits)
    implements DesiredApplication {

  /** Creates a deployment whose new version starts first if there is room. */
  public DesiredJava(Application application) {
    this(application, Order.AUTO, "");
  }

  /** Returns another version of this deployment. */
  DesiredJava withApplication(Application other) {
    return new DesiredJava(other, upgrade, limits);
  }

  /** Returns a hash of everything but the version that may decide a trial. */
  String terms() {
    return "%08x".formatted(Objects.hash(limits, inPlace(), replicas()));
  }

  @Override
  public String name() {
    return application.name();
  }

  @Override
  public String route() {
    return application.route();
  }

  @Override
  public String version() {
    return application.version();
  }

  @Override
  public @Nullable Integer replicas() {
    return application.replicas();
  }

  @Override
  public String inPlace() {
    return settings().toString();
  }

  /** Returns the application to submit to a Serve that cannot change a Java replica in place. */
  public Application frozen() {
    String version = frozenVersion();
    Map<String, Object> options = new HashMap<>(application.actorOptions());
    if (options.get("runtime_env") instanceof Map<?, ?> environment
        && environment.get("env_vars") instanceof Map<?, ?> variables) {
      Map<Object, Object> changed = new HashMap<>(variables);
      changed.put(Dashboard.VERSION_VARIABLE, version);
      Map<Object, Object> outer = new HashMap<>(environment);
      outer.put("env_vars", changed);
      options.put("runtime_env", outer);
    }
    return new Application(
        application.name(),
        application.className(),
        application.route(),
        version,
        application.replicas(),
        application.autoscaling(),
        application.maxOngoingRequests(),
        application.initArguments(),
        application.settings(),
        application.lifecycle(),
        options);
  }

  private String frozenVersion() {
    return "%s-%08x".formatted(application.version(), settings().toString().hashCode());
  }

  /**
   * Returns the settings that change in place, by their paths in Serve's {@code deployment_config}.
   */
  private Map<String, Object> settings() {
    Map<String, Object> settings = new LinkedHashMap<>();
    Lifecycle lifecycle = application.lifecycle();
    settings.put("max_ongoing_requests", application.maxOngoingRequests());
    settings.put("health_check_period_s", lifecycle.healthCheckPeriodS());
    settings.put("health_check_timeout_s", lifecycle.healthCheckTimeoutS());
    settings.put("graceful_shutdown_wait_loop_s", lifecycle.gracefulShutdownWaitLoopS());
    settings.put("graceful_shutdown_timeout_s", lifecycle.gracefulShutdownTimeoutS());
    settings.put("user_config/json", application.settings());
    Autoscaling autoscaling = application.autoscaling();
    if (autoscaling != null) {
      settings.put("autoscaling_config/min_replicas", autoscaling.minReplicas());
      settings.put("autoscaling_config/max_replicas", autoscaling.maxReplicas());
      settings.put(
          "autoscaling_config/target_ongoing_requests", autoscaling.targetOngoingRequests());
      settings.put("autoscaling_config/upscale_delay_s", autoscaling.upscaleDelayS());
      settings.put("autoscaling_config/downscale_delay_s", autoscaling.downscaleDelayS());
      settings.put("autoscaling_config/metrics_interval_s", autoscaling.metricsIntervalS());
      settings.put("autoscaling_config/look_back_period_s", autoscaling.lookBackPeriodS());
    }
    return settings;
  }

  @Override
  public Optional<String> difference(Serve.Application app, boolean submitted) {
    boolean frozen = frozenVersion().equals(app.version());
    if (!frozen && !application.version().equals(app.version())) {
      return Optional.of(anotherVersion(app));
    }
    if (app.route() != null && !app.route().equals(application.route())) {
      return Optional.of(
          "has the route %s, but %s is declared".formatted(app.route(), application.route()));
    }
    JsonNode config = app.config();
    Integer replicas = application.replicas();
    if (replicas != null && config.path("num_replicas").asInt(replicas) != replicas) {
      return Optional.of(
          "has %s replicas, but %d are declared".formatted(config.path("num_replicas"), replicas));
    }
    if (replicas != null && config.path("autoscaling_config").isObject()) {
      return Optional.of("has autoscaling, but %d replicas are declared".formatted(replicas));
    }
    for (Map.Entry<String, Object> setting : settings().entrySet()) {
      boolean told = !(frozen && setting.getKey().startsWith("user_config"));
      JsonNode found = config.at("/" + setting.getKey());
      if (told && !equal(found, setting.getValue())) {
        return Optional.of(
            setting.getKey().equals("user_config/json")
                ? "has another user_config or other request settings than declared"
                : "has %s %s, but %s is declared"
                    .formatted(
                        setting.getKey(),
                        found.isMissingNode() ? "unset" : found,
                        setting.getValue()));
      }
    }
    return Optional.empty();
  }

  private static boolean equal(JsonNode found, Object declared) {
    return declared instanceof Number number
        ? found.isNumber() && found.doubleValue() == number.doubleValue()
        : found instanceof StringNode text && text.stringValue().equals(declared);
  }
}
