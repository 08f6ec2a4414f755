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
 * @param maxOngoingRequests how many requests a replica is sent at a time; null: Serve's own choice
 * @param initArguments the arguments of the class's constructor, a JSON array
 * @param userConfig handed to the class's {@code reconfigure}, as JSON; null: none
 * @param actorOptions Ray's {@code ray_actor_options}
 */
public record Application(
    String name,
    String className,
    String route,
    String version,
    @Nullable Integer replicas,
    @Nullable Autoscaling autoscaling,
    @Nullable Integer maxOngoingRequests,
    String initArguments,
    @Nullable String userConfig,
    Map<String, Object> actorOptions) {

  /**
   * How Serve chooses the number of replicas; null: Serve's own default.
   *
   * @param upscaleDelayS seconds of too much load before replicas are added
   * @param downscaleDelayS seconds of too little load before replicas are removed
   * @param metricsIntervalS seconds between two reports of load
   * @param lookBackPeriodS seconds over which load is averaged
   */
  public record Autoscaling(
      int minReplicas,
      int maxReplicas,
      @Nullable Integer targetOngoingRequests,
      @Nullable Double upscaleDelayS,
      @Nullable Double downscaleDelayS,
      @Nullable Double metricsIntervalS,
      @Nullable Double lookBackPeriodS) {}
}
