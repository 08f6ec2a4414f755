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
 * The few calls of {@code io.ray.serve} that we need, found by name in the cluster's own jar: that
 * package was never published to Maven Central, and it differs between Ray's versions. Nothing else
 * of the product depends on Ray's version, but for the Python source that it runs.
 */
final class ServeApi {

  /** Ray's native library, as {@code System.mapLibraryName} knows it. */
  private static final String LIBRARY = "core_worker_library_java";

  /** The agent's class that holds the declared one in a replica. */
  private static final String HOST = "ai.seedcore.serve.agent.Host";

  private static final String SERVE = "io.ray.serve.api.Serve";

  private final String ensureServe;
  private final String javaSupport;

  private ServeApi(String ensureServe, String javaSupport) {
    this.ensureServe = ensureServe;
    this.javaSupport = javaSupport;
  }

  /**
   * What {@link #ensureServe} found or made.
   *
   * @param started whether this call started it
   * @param hostsJava whether its job lets it create Java replicas
   * @param visible whether its class is exported, without which the dashboard shows no Serve
   * @param completed whether it runs java_support.py
   */
  record Controller(boolean started, boolean hostsJava, boolean visible, boolean completed) {}

  /**
   * Loads Ray's classes and its native library.
   *
   * @param libraryFolder where the library is unpacked, once: Ray itself would unpack its 32 MB
   *     anew, to a folder that nobody removes, in every driver's life
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
      throw new IllegalStateException("this ray_dist.jar is not one that we know: " + e, e);
    }
    // Read now: the jar may be gone by the time that it is needed.
    return new ServeApi(read("ensure_serve.py"), read("java_support.py"));
  }

  /** Starts Serve where none runs; in both cases says what its controller can do. */
  Controller ensureServe(Request.EnsureServe request) {
    String options =
        JsonMapper.shared()
            .writeValueAsString(
                Map.of(
                    "host", request.host(), "port", request.port(), "java_support", javaSupport));
    Object answer = python(ensureServe, options);
    JsonNode json = JsonMapper.shared().readTree(String.valueOf(answer));
    return new Controller(
        json.path("started").asBoolean(),
        json.path("hosts_java").asBoolean(),
        json.path("visible").asBoolean(),
        json.path("completed").asBoolean());
  }

  /**
   * Runs one of our Python sources in a worker of this driver's job.
   *
   * @param options handed to its function {@code run}, as JSON text
   * @return what {@code run} returned
   */
  private static Object python(String text, String options) {
    // A JSON string of ASCII text is a Python string literal too.
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
   * Submits the application; returns once the controller has taken it.
   *
   * @param completed whether Serve runs java_support.py: without it a user config makes the
   *     dashboard's Serve page fail for all applications, and so goes with the constructor's
   *     arguments
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
    // Not blocking: Ray's own wait for RUNNING has no time limit. Newer versions take one boolean
    // more, whose default is false.
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

  /** Takes the application down; returns once the controller has taken the wish. */
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
