package ai.seedcore.serve.daemon.config;

import ai.seedcore.serve.door.Idempotence;
import ai.seedcore.serve.protocol.Application.Autoscaling;
import ai.seedcore.serve.protocol.Application.Lifecycle;
import com.fasterxml.jackson.annotation.JsonProperty;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * One deployment that is to be served.
 *
 * @param name the application's name, and the deployment's
 * @param className the class, found in one of the jars
 * @param route the route prefix; by default {@code /} and the name
 * @param replicas how many; by default 1, null where autoscaling decides
 * @param autoscaling how Serve is to choose the number of replicas; null: it does not
 * @param cpus Ray's CPUs a replica reserves; by default 1
 * @param memory bytes of memory a replica reserves, as a number or with a unit; null: none
 * @param maxOngoingRequests how many requests a replica runs at a time; by default 100, as Serve's
 * @param requestTimeoutS seconds after which a request is given up; null: never
 * @param healthCheckPeriodS seconds from one health check of a replica to the next; by default 5
 * @param healthCheckTimeoutS seconds after which a health check has failed; by default 10
 * @param gracefulShutdownWaitLoopS seconds between two looks whether a replica that ends has
 *     finished its requests; by default 2, as Serve's
 * @param gracefulShutdownTimeoutS seconds after which a replica that ends is killed; by default 20,
 *     as Serve's
 * @param nonFiniteNumbers what becomes of NaN and infinities in a result: {@code null} or {@code
 *     reject}; by default null
 * @param showErrors whether callers are told the message of what the class throws; by default not
 * @param initArgs the arguments of the class's constructor
 * @param userConfig handed to the class's {@code reconfigure}; null: none
 * @param jars the jars that hold the class and what it needs; empty: the built-in one
 * @param jvmOptions options of the replicas' JVM; by default {@link #JVM}
 * @param files files that the class reads, put into the replicas' working folder under their names;
 *     an {@code .onnx} file brings ONNX Runtime along
 * @param probe how to see that it answers
 * @param idempotent which requests the front door may send again that may have been carried out
 *     already; by default those of a safe method
 */
public record Declaration(
    @JsonProperty(required = true) String name,
    @JsonProperty(value = "class", required = true) String className,
    String route,
    @Nullable Integer replicas,
    @Nullable Scaling autoscaling,
    Double cpus,
    @Nullable String memory,
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
    List<String> jvmOptions,
    List<Path> jars,
    List<Path> files,
    Probe probe,
    Idempotence idempotent) {

  /**
   * A young generation that stays small (left alone it grows to hundreds of MiB before it is first
   * collected), stacks that suit a thousand threads, and Ray's logging without the management
   * beans, which cost it a quarter of a second at the start, and without waking up a hundred times
   * a second, which is half of what a replica at rest costs. Several replicas start at once after a
   * restart, and share the processors: one thread collects, and what runs only at the start is not
   * compiled, which saves a fifth of a second of each; what is called often is, a little later.
   */
  static final List<String> JVM =
      List.of(
          "-XX:+UseSerialGC",
          "-XX:MaxNewSize=32m",
          "-XX:CompileThresholdScaling=4",
          "-Xss512k",
          "-XX:-UsePerfData",
          "-Dlog4j2.disableJmx=true",
          "-DAsyncLoggerConfig.Timeout=1000");

  private static final int MAX_ONGOING_REQUESTS = 100;

  /**
   * Bounds of autoscaling as they are declared; what is not said has Serve's own default.
   *
   * @param minReplicas the least; by default 1
   * @param maxReplicas the most
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
  private static final Pattern NAME = Pattern.compile("[A-Za-z0-9][A-Za-z0-9_.-]{0,62}");
  private static final Pattern ROUTE = Pattern.compile("/|(/[A-Za-z0-9_.~-]+)+");

  /** Segments that mean others (RFC 3986, 3.3). */
  private static final Pattern DOTS = Pattern.compile(".*/\\.\\.?(/.*)?");

  /** What Serve's proxies and the front door answer themselves. */
  private static final Pattern TAKEN = Pattern.compile("/health|/-(/.*)?");

  private static final Pattern FILE = Pattern.compile("[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}");

  /** What the working folder holds already. */
  private static final List<String> RESERVED = List.of("lib", "seedcore-agent.jar");

  private static final Pattern SIZE = Pattern.compile("(\\d{1,15})\\s*(|[KMGT]i?B?|B)");

  /** Fills in what is not said, and checks the rest. */
  @SuppressWarnings("NullAway") // What was not said comes as null, and leaves as its default.
  public Declaration {
    require(name != null, "name", "nothing", "a name");
    require(className != null, "class", "nothing", "the name of a class");
    route = route == null ? "/" + name : route;
    cpus = cpus == null ? 1.0 : cpus;
    initArgs = initArgs == null ? List.of() : List.copyOf(initArgs);
    jvmOptions = jvmOptions == null ? JVM : List.copyOf(jvmOptions);
    jars = jars == null ? List.of() : List.copyOf(jars);
    files = files == null ? List.of() : List.copyOf(files);
    probe = probe == null ? Probe.PLAIN : probe;
    idempotent = idempotent == null ? Idempotence.SAFE : idempotent;
    maxOngoingRequests = maxOngoingRequests == null ? MAX_ONGOING_REQUESTS : maxOngoingRequests;
    // Serve's own 10 s and 30 s, three times over, leave a replica that hangs in place for two
    // minutes.
    healthCheckPeriodS = healthCheckPeriodS == null ? 5.0 : healthCheckPeriodS;
    healthCheckTimeoutS = healthCheckTimeoutS == null ? 10.0 : healthCheckTimeoutS;
    gracefulShutdownWaitLoopS = gracefulShutdownWaitLoopS == null ? 2.0 : gracefulShutdownWaitLoopS;
    gracefulShutdownTimeoutS = gracefulShutdownTimeoutS == null ? 20.0 : gracefulShutdownTimeoutS;
    nonFiniteNumbers = nonFiniteNumbers == null ? "null" : nonFiniteNumbers;
    showErrors = showErrors != null && showErrors;

    require(
        NAME.matcher(name).matches(),
        "name",
        "'" + name + "'",
        "letters, digits, '_', '.', '-', at most 63");
    require(
        ROUTE.matcher(route).matches() && !DOTS.matcher(route).matches() && route.length() <= 500,
        "route",
        "'" + route + "'",
        "a path that begins with '/' and does not end with it, without empty segments, '.' and '..'");
    require(
        !TAKEN.matcher(route).matches(),
        "route",
        "'" + route + "'",
        "another: /health and what begins with /-/ is answered by Serve's proxies or the front door");
    require(replicas == null || replicas >= 1, "replicas", String.valueOf(replicas), "1 or more");
    require(
        replicas == null || autoscaling == null,
        "replicas",
        "both replicas and autoscaling",
        "one of them");
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
        "bytes, or a size such as 512MiB");
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
    for (String option : jvmOptions) {
      require(
          OPTION.matcher(option).matches(),
          "jvm_options",
          "'" + option + "'",
          "an option of the JVM such as -Xmx512m, without spaces and quotes");
    }
    for (Path file : files) {
      String fileName = String.valueOf(file.getFileName());
      require(
          FILE.matcher(fileName).matches() && !RESERVED.contains(fileName),
          "files",
          "'" + fileName + "'",
          "letters, digits, '_', '.', '-', none of " + String.join(", ", RESERVED));
      require(
          files.stream().filter(other -> other.endsWith(fileName)).count() == 1,
          "files",
          "two named '" + fileName + "'",
          "one: they share a folder");
    }
  }

  private static void check(Scaling autoscaling) {
    require(autoscaling.maxReplicas() != null, "autoscaling.max_replicas", "nothing", "a number");
    Autoscaling bounds = autoscaling.complete();
    require(
        bounds.minReplicas() >= 1,
        "autoscaling.min_replicas",
        String.valueOf(bounds.minReplicas()),
        "1 or more");
    require(
        bounds.maxReplicas() >= bounds.minReplicas(),
        "autoscaling.max_replicas",
        String.valueOf(bounds.maxReplicas()),
        "min_replicas or more");
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

  /** How Serve is to choose the number of replicas; null: it does not. */
  public @Nullable Autoscaling scaling() {
    return autoscaling == null ? null : autoscaling.complete();
  }

  /** When a replica counts as ill, and how long it may take to end. */
  public Lifecycle lifecycle() {
    return new Lifecycle(
        healthCheckPeriodS,
        healthCheckTimeoutS,
        gracefulShutdownWaitLoopS,
        gracefulShutdownTimeoutS);
  }

  /** What can change while a replica runs, as a JSON object that the agent reads. */
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
   * How many requests a replica's JVM can run at a time: more than it may today, so that the limit
   * can be raised while it runs, and a few that Serve's proxies use to ask how many there are.
   */
  public int threads() {
    return Math.max(maxOngoingRequests, MAX_ONGOING_REQUESTS) + 8;
  }

  /** Whether ONNX Runtime is to travel with the class. */
  public boolean bringsOnnx() {
    return files.stream().anyMatch(file -> file.toString().endsWith(".onnx"));
  }

  /** The memory that a replica reserves, in bytes; null: none. */
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

  private static void require(boolean holds, String field, String found, String expected) {
    if (!holds) {
      throw new IllegalArgumentException(
          "%s: found %s, expected %s".formatted(field, found, expected));
    }
  }
}
