package ai.seedcore.serve.protocol;

import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A Serve application with one deployment.
 *
 * @param name the name of the application and of the deployment
 * @param className the deployment's class, which the package contains
 * @param route the route prefix, which starts with {@code /}
 * @param version the content version; Serve replaces the replicas when it changes
 * @param replicas the number of replicas; null if {@code autoscaling} is set
 * @param autoscaling the autoscaling options; null for a fixed number of replicas
 * @param maxOngoingRequests the maximum number of concurrent requests of a replica
 * @param initArguments the constructor's arguments, a JSON array
 * @param settings the settings that can change while a replica runs, a JSON object; passed as
 *     Serve's {@code user_config}
 * @param lifecycle the intervals and timeouts of health checks and shutdown
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
   * The intervals and timeouts of health checks and shutdown, in seconds. The names are Serve's.
   */
  public record Lifecycle(
      double healthCheckPeriodS,
      double healthCheckTimeoutS,
      double gracefulShutdownWaitLoopS,
      double gracefulShutdownTimeoutS) {}

  /**
   * Serve's autoscaling options.
   *
   * @param minReplicas the minimum number of replicas
   * @param maxReplicas the maximum number of replicas
   * @param targetOngoingRequests the desired mean number of concurrent requests per replica
   * @param upscaleDelayS seconds of high load before replicas are added
   * @param downscaleDelayS seconds of low load before replicas are removed
   * @param metricsIntervalS seconds between two load reports
   * @param lookBackPeriodS seconds over which the load is averaged
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
