package ai.seedcore.serve.daemon.cluster;

import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import tools.jackson.databind.JsonNode;

/** The daemon as it ships: {@code java -jar seedcore-serve.jar run}. */
final class DaemonProcess implements AutoCloseable {

  static final String STATUS = "127.0.0.1:28090";

  private final Web web = new Web();
  private final Process process;
  private final Path log;

  private DaemonProcess(Process process, Path log) {
    this.process = process;
    this.log = log;
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
    try {
      Path log = Files.createTempFile(folder, "daemon", ".log");
      List<String> command = command("run");
      command.addAll(
          List.of(
              "--status=" + STATUS,
              "--serve-port=" + RayCluster.SERVE_PORT,
              "--ray=" + RayCluster.ray("ray"),
              "--cache=" + folder.resolve("cache")));
      command.addAll(List.of(arguments));
      ProcessBuilder builder = new ProcessBuilder(command);
      builder.environment().keySet().removeIf(name -> name.startsWith("SEEDCORE_"));
      builder.environment().remove("RAY_ADDRESS");
      return new DaemonProcess(
          builder.redirectErrorStream(true).redirectOutput(log.toFile()).start(), log);
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  /**
   * The command line of one of the program's commands, with the JVM flags that the script gives.
   */
  static List<String> command(String... arguments) {
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:+UseSerialGC",
                "-Xmx48m",
                "-Xmn4m",
                "-Xss512k",
                "-XX:TieredStopAtLevel=1",
                "-jar",
                System.getProperty("seedcore.jar")));
    command.addAll(List.of(arguments));
    return command;
  }

  /** What it knows now; empty where it does not answer. */
  JsonNode status() {
    return web.getOr("http://" + STATUS + "/status", "{}");
  }

  /** Waits until it says that all declared routes answer. */
  DaemonProcess awaitReady() {
    await("ready; the log is " + log)
        .atMost(Duration.ofSeconds(90))
        .pollInterval(Duration.ofMillis(50))
        .until(() -> web.status("http://" + STATUS + "/readyz") == 200);
    return this;
  }

  /** Waits until it says that not all declared routes answer. */
  void awaitNotReady() {
    await("not ready; the log is " + log)
        .atMost(Duration.ofSeconds(90))
        .pollInterval(Duration.ofMillis(20))
        .until(() -> web.status("http://" + STATUS + "/readyz") == 503);
  }

  /** How many applications it has submitted. */
  int deploys() {
    return status().path("deploys").asInt();
  }

  boolean alive() {
    return process.isAlive();
  }

  long pid() {
    return process.pid();
  }

  String log() {
    try {
      return Files.readString(log);
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Sends a signal by name and waits; returns the exit code. */
  int end(String signal) {
    try {
      new ProcessBuilder("/bin/kill", "-" + signal, Long.toString(process.pid())).start().waitFor();
      if (!process.waitFor(15, TimeUnit.SECONDS)) {
        throw new AssertionError("still alive 15 s after " + signal + "; the log is\n" + log());
      }
      return process.exitValue();
    } catch (IOException | InterruptedException e) {
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
