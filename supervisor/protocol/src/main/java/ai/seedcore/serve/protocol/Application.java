package ai.seedcore.serve.protocol;

import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * An application of one deployment, as Serve is to run it.
 *
 * @param name the application's and the deployment's name
 * @param className the deployment's class, found in the package
 * @param route the route prefix, from {@code /} on
 * @param version the content version: Serve replaces the replicas when it changes
 * @param replicas how many replicas; null where {@code autoscaling} decides
 * @param maxOngoingRequests how many requests a replica is sent at a time
 * @param initArguments the arguments of the class's constructor, a JSON array
 * @param settings what can change while a replica runs, a JSON object; Serve's {@code user_config}
 * @param lifecycle when a replica counts as ill, and how long it may take to end
 * @param actorOptions Ray's {@code ray_actor_options}
 */
public record Application(
    String name,
    String className,
    String route,
    String version,
    @Nullable Integer replicas,
    @Nullable Autoscaling autoscaling,
    int maxOngoingRequests,
    String initArguments,
    String settings,
    Lifecycle lifecycle,
    Map<String, Object> actorOptions) {

  /**
   * When a replica counts as ill, and how long it may take to end; in seconds, named as Serve names
   * them.
   */
  public record Lifecycle(
      double healthCheckPeriodS,
      double healthCheckTimeoutS,
      double gracefulShutdownWaitLoopS,
      double gracefulShutdownTimeoutS) {}

  /**
   * How Serve chooses the number of replicas.
   *
   * @param upscaleDelayS seconds of too much load before replicas are added
   * @param downscaleDelayS seconds of too little load before replicas are removed
   * @param metricsIntervalS seconds between two reports of load
   * @param lookBackPeriodS seconds over which load is averaged
   */
  public record Autoscaling(
      int minReplicas,
      int maxReplicas,
      int targetOngoingRequests,
      double upscaleDelayS,
      double downscaleDelayS,
      double metricsIntervalS,
      double lookBackPeriodS) {}
}
