package ai.seedcore.serve.daemon.config;

import ai.seedcore.serve.door.Idempotence;
import ai.seedcore.serve.protocol.Application.Autoscaling;
import ai.seedcore.serve.protocol.Application.Lifecycle;
import com.fasterxml.jackson.annotation.JsonProperty;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ValueDeserializer;
import tools.jackson.databind.annotation.JsonDeserialize;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * One declared deployment of a Java class, which is an application of its own.
 *
 * @param name the name of the application and of its deployment
 * @param className the class, contained in one of the jars
 * @param route the route prefix; by default {@code /} and the name
 * @param replicas the number of replicas; by default 1, null if autoscaling decides
 * @param autoscaling how Serve chooses the number of replicas; null if the number is fixed
 * @param cpus Ray CPUs that a replica reserves; by default 1
 * @param memory memory that a replica reserves, in bytes or with a unit; null to reserve none
 * @param numGpus GPUs that a replica reserves; by default 0. Fractions share one
 * @param resources custom resources of Ray that a replica reserves, by name
 * @param acceleratorType the kind of accelerator that a replica's node must have, by Ray's name
 *     such as {@code T4}; null for any
 * @param maxOngoingRequests how many requests a replica runs at a time; by default 100, as in Serve
 * @param requestTimeoutS seconds after which a request is aborted; null for no limit
 * @param healthCheckPeriodS seconds between health checks of a replica; by default 5
 * @param healthCheckTimeoutS seconds after which a health check has failed; by default 10
 * @param gracefulShutdownWaitLoopS seconds between two checks whether a stopping replica has
 *     finished its requests; by default 2, as in Serve
 * @param gracefulShutdownTimeoutS seconds after which a stopping replica is killed; by default 20,
 *     as in Serve
 * @param nonFiniteNumbers how NaN and infinities in a result are handled: {@code null} or {@code
 *     reject}; by default null
 * @param showErrors whether clients see the messages of exceptions that the class throws; by
 *     default not
 * @param initArgs the arguments of the class's constructor
 * @param userConfig the argument of the class's {@code reconfigure}; null for none
 * @param env additional environment variables of the replicas' JVM, set before the class is loaded
 * @param jvmOptions options of the replicas' JVM; by default {@link #JVM}
 * @param jars the jars with the class and its dependencies; empty for the built-in jar
 * @param files files that the class reads; they are in the replicas' working directory under their
 *     own names. An {@code .onnx} file adds ONNX Runtime
 * @param probe how to check that the route responds; null if there may be no replica, because a
 *     probe would be a request that starts one
 * @param idempotent which requests the front door may send again although a replica may have
 *     executed them; by default those with a safe method
 * @param upgrade how a new version replaces the old one
 * @param objectives what its clients may expect; by default nothing
 * @param schema what requests and responses look like; null if that is not declared
 */
@JsonDeserialize(using = ValueDeserializer.None.class)
public record DeclaredJava(
    @JsonProperty(required = true) String name,
    @JsonProperty(value = "class", required = true) String className,
    String route,
    @Nullable Integer replicas,
    @Nullable Scaling autoscaling,
    Double cpus,
    @Nullable String memory,
    Double numGpus,
    Map<String, Double> resources,
    @Nullable String acceleratorType,
    Integer maxOngoingRequests,
    @Nullable Double requestTimeoutS,
    Double healthCheckPeriodS,
    Double healthCheckTimeoutS,
    Double gracefulShutdownWaitLoopS,
    Double gracefulShutdownTimeoutS,
    String nonFiniteNumbers,
    Boolean showErrors,
    List<JsonNode> initArgs,
    @Nullable JsonNode userConfig,
    Map<String, EnvValue> env,
    List<String> jvmOptions,
    List<Path> jars,
    List<Path> files,
    @Nullable Probe probe,
    Idempotence idempotent,
    Upgrade upgrade,
    Objectives objectives,
    @Nullable Schemas schema)
    implements DeclaredApplication {

  /**
   * The default JVM options. MaxNewSize keeps the young generation small: by default it grows to
   * hundreds of MiB before the first collection. So does the old one without InitialHeapSize, which
   * is a share of the machine's memory otherwise. Xss suits many threads. Log4j's JMX beans would
   * cost a quarter of a second at the start, and its default timeout wakes up a hundred times a
   * second, half of the cost of an idle replica. After a restart several replicas start at once and
   * share the processors. So one thread collects garbage, and code that runs only at the start is
   * not compiled, which saves a fifth of a second per replica. Hot code is compiled a little later.
   */
  static final List<String> JVM =
      List.of(
          "-XX:+UseSerialGC",
          "-XX:MaxNewSize=32m",
          "-XX:InitialHeapSize=96m",
          "-XX:CompileThresholdScaling=4",
          "-Xss512k",
          "-XX:-UsePerfData",
          "-Dlog4j2.disableJmx=true",
          "-DAsyncLoggerConfig.Timeout=1000");

  private static final int MAX_ONGOING_REQUESTS = 100;
  private static final int FEW_THREADS = 32;

  /**
   * The declared autoscaling; omitted values have Serve's defaults.
   *
   * @param minReplicas the minimum; by default 1
   * @param maxReplicas the maximum
   */
  public record Scaling(
      @Nullable Integer minReplicas,
      @JsonProperty(required = true) Integer maxReplicas,
      @Nullable Integer targetOngoingRequests,
      @Nullable Double upscaleDelayS,
      @Nullable Double downscaleDelayS,
      @Nullable Double metricsIntervalS,
      @Nullable Double lookBackPeriodS) {

    Autoscaling complete() {
      return new Autoscaling(
          minReplicas == null ? 1 : minReplicas,
          maxReplicas,
          targetOngoingRequests == null ? 1 : targetOngoingRequests,
          upscaleDelayS == null ? 30 : upscaleDelayS,
          downscaleDelayS == null ? 600 : downscaleDelayS,
          metricsIntervalS == null ? 10 : metricsIntervalS,
          lookBackPeriodS == null ? 30 : lookBackPeriodS);
    }
  }

  private static final Pattern OPTION = Pattern.compile("-[^\\s\"']+");
  static final Pattern NAME = Pattern.compile("[A-Za-z0-9][A-Za-z0-9_.-]{0,62}");
  private static final Pattern ROUTE = Pattern.compile("/|(/[A-Za-z0-9_.~-]+)+");

  /** Dot segments refer to other paths (RFC 3986, 3.3). */
  private static final Pattern DOTS = Pattern.compile(".*/\\.\\.?(/.*)?");

  /** Paths that Serve's proxies and the front door serve themselves. */
  private static final Pattern RESERVED_ROUTES = Pattern.compile("/-(/.*)?");

  private static final Pattern FILE = Pattern.compile("[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}");

  /** Names that the working directory already contains. */
  private static final List<String> RESERVED_FILES =
      List.of("lib", "seedcore-agent.jar", "seedcore.env");

  private static final Pattern VARIABLE = Pattern.compile("[A-Za-z_][A-Za-z0-9_]{0,127}");

  /** Variables of Ray's and our own, and those that the JVM or the C library read at the start. */
  private static final Pattern RESERVED_VARIABLES =
      Pattern.compile("(RAY|SEEDCORE|LD|MALLOC)_.*|_?JAVA_(TOOL_)?OPTIONS|JDK_JAVA_OPTIONS");

  /** The least amount of a resource that Ray counts. */
  private static final double LEAST = 0.0001;

  /** Resources that have keys of their own. */
  private static final Map<String, String> OWN_KEYS =
      Map.of("CPU", "cpus", "GPU", "num_gpus", "memory", "memory");

  private static final Pattern SIZE = Pattern.compile("(\\d{1,15})\\s*(|[KMGT]i?B?|B)");

  /** Fills in defaults and validates the rest. */
  @SuppressWarnings("NullAway") // Omitted values are null here and are replaced by their defaults.
  public DeclaredJava {
    require(name != null, "name", "nothing", "a name");
    require(className != null, "class", "nothing", "a class name");
    route = route == null ? "/" + name : route;
    cpus = cpus == null ? 1.0 : cpus;
    numGpus = numGpus == null ? 0.0 : numGpus;
    requireValues("resources", resources, "amounts");
    resources = resources == null ? Map.of() : Map.copyOf(resources);
    initArgs = initArgs == null ? List.of() : List.copyOf(initArgs);
    requireValues("env", env, "values");
    env = env == null ? Map.of() : Map.copyOf(env);
    jvmOptions = jvmOptions == null ? JVM : List.copyOf(jvmOptions);
    jars = jars == null ? List.of() : List.copyOf(jars);
    files = files == null ? List.of() : List.copyOf(files);
    if (scalesToZero(autoscaling)) {
      probe = null;
    } else if (probe == null) {
      probe = Probe.PLAIN;
    }
    idempotent = idempotent == null ? Idempotence.SAFE : idempotent;
    upgrade = upgrade == null ? Upgrade.DEFAULT : upgrade;
    objectives = objectives == null ? Objectives.NONE : objectives;
    maxOngoingRequests = maxOngoingRequests == null ? MAX_ONGOING_REQUESTS : maxOngoingRequests;
    // With Serve's defaults of 10 s and 30 s, and three failed checks, a replica that hangs would
    // stay for two minutes.
    healthCheckPeriodS = healthCheckPeriodS == null ? 5.0 : healthCheckPeriodS;
    healthCheckTimeoutS = healthCheckTimeoutS == null ? 10.0 : healthCheckTimeoutS;
    gracefulShutdownWaitLoopS = gracefulShutdownWaitLoopS == null ? 2.0 : gracefulShutdownWaitLoopS;
    gracefulShutdownTimeoutS = gracefulShutdownTimeoutS == null ? 20.0 : gracefulShutdownTimeoutS;
    nonFiniteNumbers = nonFiniteNumbers == null ? "null" : nonFiniteNumbers;
    showErrors = showErrors != null && showErrors;

    checkName(name);
    checkRoute(route);
    require(
        schema == null || !jars.isEmpty(),
        "schema",
        "one for a class of the built-in jar",
        "none, because these classes describe themselves");
    require(replicas == null || replicas >= 1, "replicas", String.valueOf(replicas), "1 or more");
    require(
        replicas == null || autoscaling == null,
        "replicas",
        "both replicas and autoscaling",
        "only one of them");
    if (autoscaling != null) {
      check(autoscaling);
    }
    if (replicas == null && autoscaling == null) {
      replicas = 1;
    }
    require(
        cpus >= 0 && cpus <= 100_000, "cpus", String.valueOf(cpus), "a number from 0 to 100000");
    require(
        memory == null || SIZE.matcher(memory).matches(),
        "memory",
        "'" + memory + "'",
        "a number of bytes, or a size such as 512MiB");
    require(
        numGpus >= 0 && numGpus <= 1_000 && (numGpus < 1 || numGpus == Math.rint(numGpus)),
        "num_gpus",
        String.valueOf(numGpus),
        "a number from 0 to 1000, whole above 1");
    for (Map.Entry<String, Double> resource : resources.entrySet()) {
      double amount = resource.getValue();
      require(
          !OWN_KEYS.containsKey(resource.getKey()),
          "resources",
          "'" + resource.getKey() + "'",
          "the key " + OWN_KEYS.get(resource.getKey()));
      require(
          amount >= LEAST && amount <= 1e9 && (amount < 1 || amount == Math.rint(amount)),
          "resources." + resource.getKey(),
          String.valueOf(amount),
          "0.0001 or more, whole above 1");
    }
    require(
        acceleratorType == null || NAME.matcher(acceleratorType).matches(),
        "accelerator_type",
        "'" + acceleratorType + "'",
        "a name such as T4");
    require(
        maxOngoingRequests >= 1 && maxOngoingRequests <= 10_000,
        "max_ongoing_requests",
        String.valueOf(maxOngoingRequests),
        "1 to 10000");
    seconds("request_timeout_s", requestTimeoutS, 0.001);
    seconds("health_check_period_s", healthCheckPeriodS, 0.1);
    seconds("health_check_timeout_s", healthCheckTimeoutS, 0.1);
    seconds("graceful_shutdown_wait_loop_s", gracefulShutdownWaitLoopS, 0);
    seconds("graceful_shutdown_timeout_s", gracefulShutdownTimeoutS, 0);
    require(
        Set.of("null", "reject").contains(nonFiniteNumbers),
        "non_finite_numbers",
        "'" + nonFiniteNumbers + "'",
        "null or reject");
    for (String variable : env.keySet()) {
      require(
          VARIABLE.matcher(variable).matches() && !RESERVED_VARIABLES.matcher(variable).matches(),
          "env",
          variable.contains("=") ? "a name with '='" : "'" + variable + "'",
          "a name such as API_KEY, which Ray, the JVM and the C library do not use");
    }
    for (String option : jvmOptions) {
      require(
          OPTION.matcher(option).matches(),
          "jvm_options",
          "'" + option + "'",
          "a JVM option such as -Xmx512m, without spaces or quotes");
    }
    for (Path file : files) {
      String fileName = String.valueOf(file.getFileName());
      require(
          FILE.matcher(fileName).matches() && !RESERVED_FILES.contains(fileName),
          "files",
          "'" + fileName + "'",
          "a name of letters, digits, '_', '.' and '-', except "
              + String.join(", ", RESERVED_FILES));
      require(
          files.stream().filter(other -> other.endsWith(fileName)).count() == 1,
          "files",
          "two files named '" + fileName + "'",
          "different names, because all files share a directory");
    }
  }

  private static void requireValues(String field, @Nullable Map<String, ?> map, String expected) {
    boolean complete = map == null || map.values().stream().allMatch(Objects::nonNull);
    require(complete, field, "nothing", expected);
  }

  static void checkName(String name) {
    require(
        NAME.matcher(name).matches(),
        "name",
        "'" + name + "'",
        "at most 63 letters, digits, '_', '.' and '-'");
  }

  static void checkRoute(String route) {
    require(
        ROUTE.matcher(route).matches() && !DOTS.matcher(route).matches() && route.length() <= 500,
        "route",
        "'" + route + "'",
        "a path that begins but does not end with '/', without empty segments, '.' or '..'");
    require(
        !RESERVED_ROUTES.matcher(route).matches(),
        "route",
        "'" + route + "'",
        "another route: Serve's proxies and the front door use paths below /-/");
  }

  private static void check(Scaling autoscaling) {
    require(autoscaling.maxReplicas() != null, "autoscaling.max_replicas", "nothing", "a number");
    Autoscaling bounds = autoscaling.complete();
    require(
        bounds.minReplicas() >= 0,
        "autoscaling.min_replicas",
        String.valueOf(bounds.minReplicas()),
        "0 or more");
    require(
        bounds.maxReplicas() >= Math.max(1, bounds.minReplicas()),
        "autoscaling.max_replicas",
        String.valueOf(bounds.maxReplicas()),
        "1 or more, and min_replicas or more");
    require(
        bounds.targetOngoingRequests() >= 1,
        "autoscaling.target_ongoing_requests",
        String.valueOf(bounds.targetOngoingRequests()),
        "1 or more");
    seconds("autoscaling.upscale_delay_s", bounds.upscaleDelayS(), 0);
    seconds("autoscaling.downscale_delay_s", bounds.downscaleDelayS(), 0);
    seconds("autoscaling.metrics_interval_s", bounds.metricsIntervalS(), 0.1);
    seconds("autoscaling.look_back_period_s", bounds.lookBackPeriodS(), 0.1);
  }

  private static void seconds(String field, @Nullable Double found, double least) {
    require(
        found == null || (found >= least && found <= 86_400),
        field,
        String.valueOf(found),
        least == 0 ? "seconds from 0 to 86400" : "seconds from %s to 86400".formatted(least));
  }

  @Override
  public List<Path> sources() {
    Stream<Path> secrets = env.values().stream().map(EnvValue::fromFile).filter(Objects::nonNull);
    return Stream.of(jars.stream(), files.stream(), secrets).flatMap(each -> each).toList();
  }

  @Override
  public String code() {
    return className;
  }

  /** Returns how Serve chooses the number of replicas; null if the number is fixed. */
  public @Nullable Autoscaling scaling() {
    return autoscaling == null ? null : autoscaling.complete();
  }

  /** Returns whether there may be no replica while there are no requests. */
  public boolean scalesToZero() {
    return scalesToZero(autoscaling);
  }

  private static boolean scalesToZero(@Nullable Scaling autoscaling) {
    return autoscaling != null
        && autoscaling.minReplicas() != null
        && autoscaling.minReplicas() == 0;
  }

  /** Returns when a replica counts as unhealthy, and how long it may take to stop. */
  public Lifecycle lifecycle() {
    return new Lifecycle(
        healthCheckPeriodS,
        healthCheckTimeoutS,
        gracefulShutdownWaitLoopS,
        gracefulShutdownTimeoutS);
  }

  @Override
  public @Nullable String example() {
    return upgrade.examples().isEmpty()
        ? DeclaredApplication.super.example()
        : Probe.text(upgrade.examples().get(0));
  }

  @Override
  public Duration requestTimeout() {
    return requestTimeoutS == null
        ? Duration.ZERO
        : Duration.ofMillis(Math.round(requestTimeoutS * 1_000));
  }

  /**
   * Returns everything that can change while a replica runs, as a JSON object that the agent reads.
   */
  public String settings() {
    ObjectNode settings = JsonMapper.shared().createObjectNode();
    if (userConfig != null) {
      settings.set("user_config", userConfig);
    }
    if (requestTimeoutS != null) {
      settings.put("request_timeout_s", requestTimeoutS);
    }
    settings.put("non_finite_numbers", nonFiniteNumbers);
    settings.put("show_errors", showErrors);
    return settings.toString();
  }

  /**
   * Returns how many threads a replica's JVM has for requests, all of which Ray starts with it.
   * This is often more than the current limit, so that the limit can be changed while it runs, plus
   * a few threads for the proxies' queries of the queue length.
   */
  public int threads() {
    int most = maxOngoingRequests;
    return (most <= FEW_THREADS ? FEW_THREADS : Math.max(most, MAX_ONGOING_REQUESTS)) + 8;
  }

  /**
   * Returns the additional environment variables.
   *
   * @param environment the daemon's environment
   * @throws ai.seedcore.serve.base.ConfigException if a variable or a file is missing
   */
  public Map<String, String> environment(Map<String, String> environment) {
    Map<String, String> values = new TreeMap<>();
    env.forEach(
        (variable, value) ->
            values.put(
                variable,
                value.resolve("deployment %s: env.%s".formatted(name, variable), environment)));
    return values;
  }

  /** Returns whether the package must contain ONNX Runtime. */
  public boolean bringsOnnx() {
    return files.stream().anyMatch(file -> file.toString().endsWith(".onnx"));
  }

  /** Returns the memory that a replica reserves, in bytes; null if none. */
  public @Nullable Long memoryBytes() {
    if (memory == null) {
      return null;
    }
    Matcher size = SIZE.matcher(memory);
    if (!size.matches()) {
      throw new IllegalStateException(memory);
    }
    String unit = size.group(2);
    int power = unit.isEmpty() ? 0 : Math.max(0, "BKMGT".indexOf(unit.charAt(0)));
    double base = unit.contains("i") || unit.length() == 1 ? 1024 : 1000;
    return (long) (Long.parseLong(size.group(1)) * Math.pow(base, power));
  }

  static void require(boolean holds, String field, String found, String expected) {
    if (!holds) {
      throw new IllegalArgumentException(
          "%s: found %s, expected %s".formatted(field, found, expected));
    }
  }
}
