package ai.seedcore.serve.driver;

import ai.seedcore.serve.protocol.Application;
import ai.seedcore.serve.protocol.Request;
import io.ray.api.Ray;
import io.ray.api.function.PyFunction;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.reflect.Constructor;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Calls {@code io.ray.serve} by reflection in the cluster's {@code ray_dist.jar}. That package is
 * not on Maven Central and differs between Ray versions. Besides the Python resources, this is the
 * only code of the driver that depends on the Ray version.
 */
final class ServeApi {

  /** The name of Ray's native library, for {@code System.mapLibraryName}. */
  private static final String LIBRARY = "core_worker_library_java";

  /** The agent's class that wraps the declared class in a replica. */
  private static final String HOST = "ai.seedcore.serve.agent.Host";

  private static final String SERVE = "io.ray.serve.api.Serve";

  private final String ensureServe;
  private final String javaSupport;
  private final String deployConfig;

  private ServeApi(String ensureServe, String javaSupport, String deployConfig) {
    this.ensureServe = ensureServe;
    this.javaSupport = javaSupport;
    this.deployConfig = deployConfig;
  }

  /**
   * The Serve controller that {@link #ensureServe} found or started.
   *
   * @param started whether this call started it
   * @param hostsJava whether its job allows it to create Java replicas
   * @param visible whether its class is exported; without that, the dashboard does not show Serve
   * @param completed whether it has the patches of java_support.py
   * @param port the port of its HTTP proxies
   */
  record Controller(
      boolean started, boolean hostsJava, boolean visible, boolean completed, int port) {}

  /**
   * Loads Ray's classes and its native library.
   *
   * @param libraryFolder the directory that the library is extracted into unless it is there. Ray
   *     itself would extract its 32 MB for each driver, into a directory that nobody deletes.
   * @throws IllegalStateException if the jar lacks one of the classes
   */
  static ServeApi load(String libraryFolder) {
    try {
      Class.forName("io.ray.runtime.util.JniUtils")
          .getMethod("loadLibrary", String.class, String.class, boolean.class)
          .invoke(null, libraryFolder, LIBRARY, true);
      for (String name :
          List.of(
              "io.ray.runtime.DefaultRayRuntimeFactory",
              "io.ray.runtime.RayNativeRuntime",
              "io.ray.runtime.config.RayConfig",
              SERVE,
              "io.ray.serve.deployment.DeploymentCreator",
              "io.ray.serve.dag.Graph",
              "io.ray.serve.generated.DeploymentArgs")) {
        Class.forName(name);
      }
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException("this ray_dist.jar is not supported: " + e, e);
    }
    // Read now, because the driver's jar may have been deleted when they are needed.
    return new ServeApi(read("ensure_serve.py"), read("java_support.py"), read("deploy_config.py"));
  }

  /** Starts Serve unless it runs. Returns the properties of its controller. */
  Controller ensureServe(String host, int port) {
    return ensureServe(Map.of("host", host, "port", port, "java_support", javaSupport));
  }

  /** Ends Serve and starts another one. */
  Controller replaceServe(Request.ReplaceServe request) {
    return ensureServe(
        Map.of(
            "host", request.host(),
            "port", request.port(),
            "java_support", javaSupport,
            "declared", request.declared(),
            "restored", request.restored()));
  }

  private Controller ensureServe(Map<String, Object> options) {
    Object answer = python(ensureServe, JsonMapper.shared().writeValueAsString(options));
    JsonNode json = JsonMapper.shared().readTree(String.valueOf(answer));
    return new Controller(
        json.path("started").asBoolean(),
        json.path("hosts_java").asBoolean(),
        json.path("visible").asBoolean(),
        json.path("completed").asBoolean(),
        json.path("port").asInt(0));
  }

  /**
   * Runs Python source code in a worker of this driver's job.
   *
   * @param text source code that defines a function {@code run}; ASCII only
   * @param options the argument of {@code run}, as JSON text
   * @return the result of {@code run}
   */
  private static Object python(String text, String options) {
    // A JSON string of ASCII text is also a Python string literal.
    String source = JsonMapper.shared().writeValueAsString(text);
    String argument = JsonMapper.shared().writeValueAsString(options);
    String expression =
        "(lambda scope: (exec(%s, scope), scope['run'](%s))[1])({})".formatted(source, argument);
    return Ray.task(PyFunction.of("builtins", "eval", Object.class), expression).remote().get();
  }

  private static String read(String resource) {
    try (InputStream stream = ServeApi.class.getResourceAsStream(resource)) {
      if (stream == null) {
        throw new IllegalStateException(resource + " is missing from the driver's jar");
      }
      return new String(stream.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * Submits an application. Returns when the controller has accepted it.
   *
   * @param completed whether the controller has the patches of java_support.py. Without them, a
   *     user config breaks the dashboard's Serve page for all applications, so the settings are
   *     passed as a constructor argument instead.
   */
  void deploy(Application application, boolean completed) throws ReflectiveOperationException {
    Object creator = callOn(SERVE, null, "deployment");
    call(creator, "setName", application.name());
    call(creator, "setDeploymentDef", HOST);
    call(creator, "setVersion", application.version());
    call(creator, "setRayActorOptions", application.actorOptions());
    Application.Autoscaling autoscaling = application.autoscaling();
    if (autoscaling != null) {
      call(creator, "setAutoscalingConfig", autoscalingConfig(autoscaling));
    } else {
      set(creator, "setNumReplicas", application.replicas());
    }
    call(creator, "setMaxOngoingRequests", application.maxOngoingRequests());
    Application.Lifecycle lifecycle = application.lifecycle();
    call(creator, "setHealthCheckPeriodS", lifecycle.healthCheckPeriodS());
    call(creator, "setHealthCheckTimeoutS", lifecycle.healthCheckTimeoutS());
    call(creator, "setGracefulShutdownWaitLoopS", lifecycle.gracefulShutdownWaitLoopS());
    call(creator, "setGracefulShutdownTimeoutS", lifecycle.gracefulShutdownTimeoutS());
    if (completed) {
      call(creator, "setUserConfig", application.settings());
    }
    Object[] hosted = {
      application.className(), application.initArguments(), completed ? "" : application.settings()
    };
    Object target = call(creator, "bind", (Object) hosted);
    // Non-blocking, because Ray's wait for RUNNING has no timeout. Newer Ray versions have another
    // boolean parameter, whose default is false.
    Method run =
        Stream.of(Class.forName(SERVE).getMethods())
            .filter(method -> method.getName().equals("run") && method.getParameterCount() >= 5)
            .findFirst()
            .orElseThrow(() -> new NoSuchMethodException(SERVE + ".run"));
    Object[] arguments =
        Stream.of(run.getParameterTypes())
            .map(type -> type == boolean.class ? (Object) false : null)
            .toArray();
    arguments[0] = target;
    arguments[2] = application.name();
    arguments[3] = application.route();
    invoke(run, null, arguments);
  }

  /**
   * Submits a Python application. Returns when the controller has accepted it.
   *
   * @param config the application in the form of a Serve config file, a JSON object
   * @throws IllegalStateException if Serve does not accept it
   */
  void deployConfig(String config) {
    String refusal = String.valueOf(python(deployConfig, config));
    if (!refusal.isEmpty()) {
      throw new IllegalStateException(refusal);
    }
  }

  /** Deletes an application. Returns when the controller has accepted the request. */
  void delete(String name) throws ReflectiveOperationException {
    Method delete = Class.forName(SERVE).getMethod("delete", String.class, boolean.class);
    invoke(delete, null, name, false);
  }

  private static Object autoscalingConfig(Application.Autoscaling autoscaling)
      throws ReflectiveOperationException {
    Constructor<?> constructor =
        Class.forName("io.ray.serve.config.AutoscalingConfig").getConstructor();
    Object config = constructor.newInstance();
    call(config, "setMinReplicas", autoscaling.minReplicas());
    call(config, "setMaxReplicas", autoscaling.maxReplicas());
    call(config, "setTargetOngoingRequests", autoscaling.targetOngoingRequests());
    call(config, "setUpscaleDelayS", autoscaling.upscaleDelayS());
    call(config, "setDownscaleDelayS", autoscaling.downscaleDelayS());
    call(config, "setMetricsIntervalS", autoscaling.metricsIntervalS());
    call(config, "setLookBackPeriodS", autoscaling.lookBackPeriodS());
    return config;
  }

  private static void set(Object target, String setter, @Nullable Object value)
      throws ReflectiveOperationException {
    if (value != null) {
      call(target, setter, value);
    }
  }

  private static Object call(Object target, String name, Object... arguments)
      throws ReflectiveOperationException {
    return callOn(target.getClass().getName(), target, name, arguments);
  }

  private static Object callOn(
      String className, @Nullable Object target, String name, Object... arguments)
      throws ReflectiveOperationException {
    Method method =
        Stream.of(Class.forName(className).getMethods())
            .filter(m -> m.getName().equals(name) && m.getParameterCount() == arguments.length)
            .findFirst()
            .orElseThrow(() -> new NoSuchMethodException(className + "." + name));
    return invoke(method, target, arguments);
  }

  private static Object invoke(
      Method method, @Nullable Object target, @Nullable Object... arguments)
      throws ReflectiveOperationException {
    try {
      return method.invoke(target, arguments);
    } catch (InvocationTargetException e) {
      if (e.getCause() instanceof RuntimeException cause) {
        throw cause;
      }
      throw e;
    }
  }
}
