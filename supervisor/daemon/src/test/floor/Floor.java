import io.ray.api.Ray;
import io.ray.api.function.PyFunction;
import io.ray.serve.api.Serve;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.Map;

/**
 * The floor: a cold program that makes nothing but the calls: joins the cluster, uploads the
 * package, starts Serve, deploys three applications. It shares no code with SeedCore Serve, looks at
 * nothing and mends nothing. What it needs from the head's first answer to three routes that
 * answer is what any supervisor needs that begins its work then.
 *
 * <p>Arguments: the GCS's address, the dashboard's URL, the proxy's port, the package.
 */
public final class Floor {

  /** Serve, started so that it may create Java replicas and the dashboard sees it. */
  private static final String SERVE =
      "exec('''\n"
          + "from ray import serve\n"
          + "from ray._private.worker import global_worker\n"
          + "from ray.serve._private.controller import ServeController\n"
          + "meta = ServeController.__ray_metadata__\n"
          + "global_worker.set_load_code_from_local(False)\n"
          + "global_worker.function_actor_manager.export_actor_class(meta.modified_class,"
          + " meta.actor_creation_function_descriptor, meta.method_meta.methods.keys())\n"
          + "global_worker.set_load_code_from_local(True)\n"
          + "serve.start(proxy_location='EveryNode', http_options={'host': '127.0.0.1', 'port': %s})\n"
          + "''')";

  public static void main(String[] arguments) throws Exception {
    System.setProperty("ray.address", arguments[0]);
    System.setProperty("ray.node-ip", "127.0.0.1");
    System.setProperty("ray.job.namespace", "serve");
    System.setProperty("ray.job.code-search-path", "/nonexistent");
    Ray.init();
    say("connected");
    Path file = Path.of(arguments[3]);
    HttpClient.newHttpClient()
        .send(
            HttpRequest.newBuilder(
                    URI.create(arguments[1] + "/api/packages/gcs/" + file.getFileName()))
                .PUT(HttpRequest.BodyPublishers.ofFile(file))
                .build(),
            HttpResponse.BodyHandlers.ofString());
    say("uploaded");
    Ray.task(PyFunction.of("builtins", "eval", Object.class), SERVE.formatted(arguments[2]))
        .remote()
        .get();
    say("Serve started");
    for (String model : new String[] {"salience.SalienceScorer", "anomaly.AnomalyDetector",
        "scaling.ScalingPredictor"}) {
      String name = model.replaceAll(".*\\.", "");
      Serve.run(
          Serve.deployment()
              .setName(name)
              .setDeploymentDef("ai.seedcore.serve.agent.Host")
              .setVersion("floor")
              .setNumReplicas(1)
              .setRayActorOptions(
                  Map.of(
                      "num_cpus",
                      0.1,
                      "runtime_env",
                      Map.of(
                          "working_dir",
                          "gcs://" + file.getFileName(),
                          "env_vars",
                          Map.of("JAVA_TOOL_OPTIONS", "-javaagent:seedcore-agent.jar"))))
              .bind("ai.seedcore.serve." + model, "[]", ""),
          false,
          name,
          "/" + name,
          null);
    }
    say("submitted");
    Thread.sleep(Long.MAX_VALUE); // Workers that are starting would end with their job's driver.
  }

  private static void say(String what) {
    System.out.printf("%.1f s: %s%n", ProcessHandle.current().info().startInstant()
        .map(start -> java.time.Duration.between(start, java.time.Instant.now()).toMillis() / 1e3)
        .orElse(0.0), what);
  }
}
