package ai.seedcore.serve.daemon.driver;

import ai.seedcore.serve.daemon.host.Children;
import ai.seedcore.serve.daemon.host.DaemonThread;
import ai.seedcore.serve.gcs.Credentials;
import ai.seedcore.serve.protocol.Reply;
import ai.seedcore.serve.protocol.Request;
import ai.seedcore.serve.protocol.Wire;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.OutputStreamWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import tools.jackson.core.JacksonException;

/**
 * One driver JVM, from its start to its end. Requests go to its standard input. Replies arrive on a
 * separate pipe, because native code prints to standard output.
 */
public final class DriverProcess {

  private static final Logger LOG = LoggerFactory.getLogger(DriverProcess.class);

  /**
   * Redirects the pipe that Java provides as standard output to the child's descriptor 3. Also
   * makes the child the leader of its own process group, so that a Ctrl-C on the terminal reaches
   * only the daemon, which then ends the child.
   */
  private static final String REPLIES_ON_3 =
      "command -v setsid >/dev/null && exec setsid \"$0\" \"$@\" 3>&1 1>&2;"
          + " exec \"$0\" \"$@\" 3>&1 1>&2";

  /** In the environment of every driver, so that drivers of a killed daemon can be found. */
  private static final String MARK = "SEEDCORE_DRIVER";

  private final Process process;
  private final BufferedWriter requests;
  private final CompletableFuture<Void> warm = new CompletableFuture<>();
  private final CompletableFuture<Integer> exit;
  private final Map<Long, CompletableFuture<Reply>> pending = new ConcurrentHashMap<>();
  private volatile String lastWords = "";

  /**
   * Starts a driver.
   *
   * @param rayJar the ray_dist.jar of the cluster's version
   * @param driverJar the driver's own jar
   * @param nativeFolder the folder for Ray's unpacked native library
   * @param credentials what the cluster requires
   * @param wake called when there is news, on threads of this process object
   */
  public DriverProcess(
      Path rayJar, Path driverJar, Path nativeFolder, Credentials credentials, Runnable wake)
      throws IOException {
    List<String> command = new ArrayList<>(List.of("/bin/sh", "-c", REPLIES_ON_3));
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    // The options keep the JVM small and its start fast. Ray's serializer needs the opens since JDK
    // 16.
    command.addAll(
        List.of(
            "-Xmx128m",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-XX:-UsePerfData",
            "-XX:+ExitOnOutOfMemoryError",
            "-XX:ErrorFile=" + nativeFolder.resolveSibling("driver-crash.log"),
            "-Djna.tmpdir=" + nativeFolder,
            "--add-opens=java.base/java.lang=ALL-UNNAMED",
            "--add-opens=java.base/java.util=ALL-UNNAMED",
            "-cp",
            rayJar + ":" + driverJar,
            "ai.seedcore.serve.driver.DriverMain",
            nativeFolder.toString()));
    ProcessBuilder builder = new ProcessBuilder(command);
    Children.keepOurs(builder.environment());
    builder.environment().keySet().removeIf(name -> name.startsWith("RAY_"));
    credentials.give(builder.environment());
    builder.environment().remove("JAVA_TOOL_OPTIONS");
    // Preloaded libraries may conflict with Ray's native library.
    builder.environment().remove("LD_PRELOAD");
    builder.environment().put(MARK, "1");
    process = builder.start();
    requests =
        new BufferedWriter(
            new OutputStreamWriter(process.getOutputStream(), StandardCharsets.UTF_8));
    DaemonThread.start("driver-replies", () -> readReplies(wake));
    DaemonThread.start("driver-stderr", this::readErrors);
    exit =
        process
            .onExit()
            .thenApply(
                ended -> {
                  IOException death =
                      new IOException("the driver exited with code " + ended.exitValue());
                  pending.values().forEach(reply -> reply.completeExceptionally(death));
                  wake.run();
                  return ended.exitValue();
                });
  }

  /**
   * Kills the drivers of daemons that have ended. A driver that hangs does not notice that its
   * daemon is gone.
   */
  public static void endOrphans() {
    for (ProcessHandle driver : MarkedProcesses.processes(MARK + "=1")) {
      String parent =
          driver.parent().map(process -> MarkedProcesses.read(process, "cmdline")).orElse("");
      // The init that adopts an orphan may have "java" among its arguments.
      if (!parent.split("\0", 2)[0].endsWith("java")) {
        LOG.atWarn().addKeyValue("pid", driver.pid()).log("killing an orphaned driver");
        driver.destroyForcibly();
      }
    }
  }

  private void readReplies(Runnable wake) {
    try {
      Lines.read(process.getInputStream(), line -> receive(line, wake));
    } catch (IOException e) {
      LOG.debug("the driver's replies ended: {}", e.toString());
    }
  }

  private void receive(String line, Runnable wake) {
    Reply reply;
    try {
      reply = Wire.reply(line);
    } catch (JacksonException e) {
      LOG.debug(
          "the driver sent an invalid reply: {}", line.substring(0, Math.min(200, line.length())));
      return;
    }
    if (reply instanceof Reply.Warm) {
      warm.complete(null);
      wake.run();
    } else {
      CompletableFuture<Reply> asked = pending.remove(reply.id());
      if (asked != null) {
        asked.complete(reply);
      }
    }
  }

  private void readErrors() {
    try {
      Lines.read(
          process.getErrorStream(),
          line -> {
            lastWords =
                line.isBlank() ? lastWords : line.substring(0, Math.min(500, line.length()));
            LOG.debug("driver: {}", lastWords);
          });
    } catch (IOException e) {
      LOG.debug("the driver's standard error ended: {}", e.toString());
    }
  }

  /** Returns a future that completes when the driver is warm. */
  public CompletableFuture<Void> warm() {
    return warm;
  }

  /** Returns the process id. */
  public long pid() {
    return process.pid();
  }

  /** Returns whether the process is alive. */
  public boolean alive() {
    return process.isAlive();
  }

  /** Returns a future of the exit code. */
  public CompletableFuture<Integer> exit() {
    return exit;
  }

  /** Returns the last line that the driver printed to standard error. */
  public String lastWords() {
    return lastWords;
  }

  /**
   * Sends a request. The future completes with the reply, or exceptionally if the driver dies
   * first.
   */
  public CompletableFuture<Reply> send(Request request) {
    CompletableFuture<Reply> reply = new CompletableFuture<>();
    pending.put(request.id(), reply);
    try {
      requests.write(Wire.line((Record) request));
      requests.newLine();
      requests.flush();
    } catch (IOException e) {
      reply.completeExceptionally(e);
    }
    if (!process.isAlive()) {
      reply.completeExceptionally(new IOException("the driver has exited"));
    }
    return reply;
  }

  /**
   * Ends the driver without blocking. Closes its input, so that it leaves the cluster cleanly. If
   * it does not end in time, sends SIGTERM, then SIGKILL.
   */
  public void end() {
    DaemonThread.start(
        "driver-end",
        () -> {
          try {
            requests.close();
          } catch (IOException e) {
            LOG.debug("cannot close the driver's input: {}", e.toString());
          }
          try {
            if (!process.waitFor(2, TimeUnit.SECONDS)) {
              process.destroy();
              if (!process.waitFor(1, TimeUnit.SECONDS)) {
                process.destroyForcibly();
              }
            }
          } catch (InterruptedException e) {
            process.destroyForcibly();
          }
        });
  }

  /** Kills the driver at once, because it hangs or its cluster has ended. */
  public void kill() {
    process.destroyForcibly();
  }
}
