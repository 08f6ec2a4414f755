package ai.seedcore.serve.daemon.cluster;

import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import org.awaitility.core.ConditionTimeoutException;
import tools.jackson.databind.JsonNode;

/** The daemon as it ships: {@code java -jar seedcore-serve.jar run}. */
final class DaemonProcess implements AutoCloseable {

  static final String STATUS = "127.0.0.1:28090";

  /** Those that were started in the current test, and those that still run. */
  private static final List<DaemonProcess> STARTED = new CopyOnWriteArrayList<>();

  private final Web web;
  private final Process process;
  private final String statusAddress;
  private final Path log;

  private DaemonProcess(Process process, Web web, String statusAddress, Path log) {
    this.web = web;
    this.process = process;
    this.statusAddress = statusAddress;
    this.log = log;
    STARTED.add(this);
  }

  /** The logs of the daemons that were started in the current test or still run. */
  static List<Path> logs() {
    return STARTED.stream().map(daemon -> daemon.log).toList();
  }

  /** Forgets the daemons of earlier tests. */
  static void forgetEnded() {
    STARTED.removeIf(daemon -> !daemon.alive());
  }

  /** Starts one on the tests' cluster. */
  static DaemonProcess onCluster(Path folder, String... more) {
    List<String> arguments =
        new ArrayList<>(
            List.of("--address=" + RayCluster.ADDRESS, "--dashboard=" + RayCluster.DASHBOARD));
    arguments.addAll(List.of(more));
    return start(folder, arguments.toArray(new String[0]));
  }

  /**
   * Starts one.
   *
   * @param folder where it keeps its cache, and its log is written
   */
  static DaemonProcess start(Path folder, String... arguments) {
    return start(folder, List.of(), Map.of(), arguments);
  }

  /**
   * Starts one.
   *
   * @param before what its command is an argument of, such as 'ip netns exec NAME'
   * @param variables of its environment
   */
  static DaemonProcess start(
      Path folder, List<String> before, Map<String, String> variables, String... arguments) {
    try {
      // Kept beside the test's report: a row that failed is explained there.
      Path logs = Files.createDirectories(Path.of("target", "daemon-logs").toAbsolutePath());
      Path log =
          Files.createTempFile(
              logs, "%tT.%<tL-".formatted(Instant.now().atOffset(ZoneOffset.UTC)), ".log");
      List<String> command = new ArrayList<>(before);
      command.addAll(command("run"));
      String all = String.join(" ", arguments);
      if (all.contains("--front-door") || all.contains("--local")) {
        command.add(
            command.indexOf("-jar"), "@" + Path.of("door.options").toAbsolutePath().toString());
      }
      command.addAll(List.of("--serve-port=" + RayCluster.SERVE_PORT, "--log-level=debug"));
      // A later one of the same name would be refused.
      String given = String.join(" ", arguments);
      if (!given.contains("--ray=")) {
        command.add("--ray=" + RayCluster.ray("ray"));
      }
      if (!given.contains("--cache=")) {
        command.add("--cache=" + folder.resolve("cache"));
      }
      String status = STATUS;
      if (given.contains("--status=")) {
        status = given.replaceAll(".*--status=(\\S+).*", "$1");
      } else {
        command.add("--status=" + STATUS);
      }
      command.addAll(List.of(arguments));
      ProcessBuilder builder = new ProcessBuilder(command);
      builder.environment().keySet().removeIf(name -> name.startsWith("SEEDCORE_"));
      builder.environment().remove("RAY_ADDRESS");
      builder.environment().put("MALLOC_ARENA_MAX", "2");
      builder.environment().putIfAbsent("RAY_AUTH_MODE", "disabled"); // Whatever ~/.ray holds.
      builder.environment().putAll(variables);
      return new DaemonProcess(
          builder.redirectErrorStream(true).redirectOutput(log.toFile()).start(),
          new Web(variables.getOrDefault("SEEDCORE_STATUS_TOKEN", "")),
          status,
          log);
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  /**
   * The command line of one of the program's commands, with the JVM flags that the script gives.
   */
  static List<String> command(String... arguments) {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.add("@" + Path.of("jvm.options").toAbsolutePath());
    command.addAll(List.of("-jar", System.getProperty("seedcore.jar")));
    command.addAll(List.of(arguments));
    return command;
  }

  /** What it knows now; empty where it does not answer. */
  JsonNode status() {
    return web.getOr("http://" + statusAddress + "/status", "{}");
  }

  /** Waits until it says that all declared routes answer. */
  DaemonProcess awaitReady() {
    try {
      await("ready; the log is " + log)
          .atMost(Duration.ofMinutes(3)) // Other tests may use the machine as well.
          .pollInterval(Duration.ofMillis(50))
          .until(() -> web.status("http://" + statusAddress + "/readyz") == 200);
      return this;
    } catch (ConditionTimeoutException e) {
      close(); // Its test may not have got hold of it yet.
      throw e;
    }
  }

  /** Waits until it says that not all declared routes answer. */
  void awaitNotReady() {
    await("not ready; the log is " + log)
        .atMost(Duration.ofSeconds(90))
        .pollInterval(Duration.ofMillis(20))
        .until(() -> web.status("http://" + statusAddress + "/readyz") == 503);
  }

  String statusAddress() {
    return statusAddress;
  }

  /** Whether it says that all declared routes answer. */
  boolean ready() {
    return web.status("http://" + statusAddress + "/readyz") == 200;
  }

  /** Whether it is at rest, and Serve calls the first application running. */
  boolean settled() {
    return phase().equals("SERVING")
        && !status().path("cause").asString("").equals("VERSION_ON_TRIAL")
        && ready()
        && status().path("apps").path(0).path("status").asString("").equals("RUNNING");
  }

  /** How often it has taken a changed configuration, and one. */
  int changes() {
    return log().split("the configuration has changed", -1).length;
  }

  /**
   * Waits until it has taken another changed configuration, and has looked at the cluster since.
   * Until then, its status is about the configuration before.
   *
   * @param before what {@link #changes} returned before the change
   */
  void awaitChange(int before) {
    await("a changed configuration; the log is " + log)
        .atMost(Duration.ofSeconds(20))
        .until(() -> changes() > before);
    long laps = status().path("laps").asLong();
    await("another lap; the log is " + log)
        .atMost(Duration.ofSeconds(20))
        .until(() -> status().path("laps").asLong() > laps);
  }

  /** Its phase, as it says; empty where it does not answer. */
  String phase() {
    return status().path("phase").asString("");
  }

  /** Why, as it says. */
  String reason() {
    return status().path("reason").asString("");
  }

  /** Waits until it says that reason, in that phase. */
  void awaitReason(String inPhase, String part) {
    await("%s because of '%s'; the log is %s".formatted(inPhase, part, log))
        .atMost(Duration.ofSeconds(60))
        .pollInterval(Duration.ofMillis(50))
        .until(() -> phase().equals(inPhase) && reason().contains(part));
  }

  /** The process id of its driver, once that waits for work. */
  long warmDriver() {
    return await()
        .atMost(Duration.ofSeconds(30))
        .until(
            () -> {
              JsonNode driver = status().path("driver");
              return driver.path("phase").asString("").equals("WARM")
                  ? driver.path("pid").asLong()
                  : 0;
            },
            pid -> pid != 0);
  }

  /** How many applications it has submitted. */
  int deploys() {
    return status().path("deploys").asInt();
  }

  boolean alive() {
    return process.isAlive();
  }

  /** All that it started, and what that started. */
  List<ProcessHandle> descendants() {
    return process.descendants().toList();
  }

  /** The JVM's, which may be a child of what its command is an argument of. */
  long pid() {
    return process
        .descendants()
        .filter(child -> Machine.commandLine(child).contains("seedcore-serve.jar run"))
        .map(ProcessHandle::pid)
        .findFirst()
        .orElse(process.pid());
  }

  String log() {
    try {
      return Files.readString(log);
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Sends a signal by name. */
  void signal(String signal) {
    Machine.signal(signal, pid());
  }

  /** Sends a signal by name and waits; returns the exit code. */
  int end(String signal) {
    if (process.isAlive()) {
      signal(signal);
    }
    return awaitEnd();
  }

  /** Waits for its end; returns the exit code. */
  int awaitEnd() {
    try {
      if (!process.waitFor(15, TimeUnit.SECONDS)) {
        throw new AssertionError("still alive after 15 s; the log is\n" + log());
      }
      return process.exitValue();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  @Override
  public void close() {
    if (process.isAlive()) {
      end("TERM");
    }
  }
}
