package ai.seedcore.serve.daemon.driver;

import ai.seedcore.serve.daemon.host.Children;
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
 * One driver JVM, from its start to its end. Requests go to its standard input; replies come on a
 * pipe of their own, as native code prints to standard output.
 */
public final class DriverProcess {

  private static final Logger LOG = LoggerFactory.getLogger(DriverProcess.class);

  /**
   * Makes the pipe that Java gives us as standard output the child's descriptor 3, and the child
   * the head of a process group of its own: a Ctrl-C at our terminal is for us, who then end it.
   */
  private static final String REPLIES_ON_3 =
      "command -v setsid >/dev/null && exec setsid \"$0\" \"$@\" 3>&1 1>&2;"
          + " exec \"$0\" \"$@\" 3>&1 1>&2";

  /** In every driver's environment, so that those whose daemon was killed can be found. */
  private static final String MARK = "SEEDCORE_DRIVER";

  private final Process process;
  private final BufferedWriter requests;
  private final CompletableFuture<Void> warm = new CompletableFuture<>();
  private final CompletableFuture<Integer> exit;
  private final Map<Long, CompletableFuture<Reply>> pending = new ConcurrentHashMap<>();
  private volatile String lastWords = "";

  /**
   * Starts one.
   *
   * @param rayJar the cluster's ray_dist.jar
   * @param driverJar our driver
   * @param nativeFolder where Ray's native library is kept unpacked
   * @param wake called when there is news, by threads of this process's own
   */
  public DriverProcess(Path rayJar, Path driverJar, Path nativeFolder, Runnable wake)
      throws IOException {
    List<String> command = new ArrayList<>(List.of("/bin/sh", "-c", REPLIES_ON_3));
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    // Small, quick to start, quiet; the opens are what Ray's serializer wants of a JDK since 16.
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
    builder.environment().remove("JAVA_TOOL_OPTIONS");
    // What is loaded before us need not bear with Ray's native library.
    builder.environment().remove("LD_PRELOAD");
    builder.environment().put(MARK, "1");
    process = builder.start();
    requests =
        new BufferedWriter(
            new OutputStreamWriter(process.getOutputStream(), StandardCharsets.UTF_8));
    daemonThread("driver-replies", () -> readReplies(wake));
    daemonThread("driver-stderr", this::readErrors);
    exit =
        process
            .onExit()
            .thenApply(
                ended -> {
                  IOException death =
                      new IOException("the driver died, exit code " + ended.exitValue());
                  pending.values().forEach(reply -> reply.completeExceptionally(death));
                  wake.run();
                  return ended.exitValue();
                });
  }

  /** Ends the drivers of daemons that are no more: one that hangs does not see that it is alone. */
  public static void endOrphans() {
    for (ProcessHandle driver : MarkedProcesses.processes(MARK + "=1")) {
      String parent =
          driver.parent().map(process -> MarkedProcesses.read(process, "cmdline")).orElse("");
      if (!parent.contains("java")) {
        LOG.atWarn().addKeyValue("pid", driver.pid()).log("an orphaned driver is killed");
        driver.destroyForcibly();
      }
    }
  }

  private static void daemonThread(String name, Runnable body) {
    Thread thread = new Thread(body, name);
    thread.setDaemon(true);
    thread.start();
  }

  private void readReplies(Runnable wake) {
    try {
      Lines.read(process.getInputStream(), line -> receive(line, wake));
    } catch (IOException e) {
      LOG.debug("driver's replies end: {}", e.toString());
    }
  }

  private void receive(String line, Runnable wake) {
    Reply reply;
    try {
      reply = Wire.reply(line);
    } catch (JacksonException e) {
      LOG.debug(
          "driver says what is no reply: {}", line.substring(0, Math.min(200, line.length())));
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
      LOG.debug("driver's errors end: {}", e.toString());
    }
  }

  /** Completes when the driver waits for work. */
  public CompletableFuture<Void> warm() {
    return warm;
  }

  /** The process id. */
  public long pid() {
    return process.pid();
  }

  /** Whether it lives. */
  public boolean alive() {
    return process.isAlive();
  }

  /** The exit code, once it has one. */
  public CompletableFuture<Integer> exit() {
    return exit;
  }

  /** The last line that it printed to standard error. */
  public String lastWords() {
    return lastWords;
  }

  /** Asks; completes with the reply, or exceptionally where the driver dies before it answers. */
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
      reply.completeExceptionally(new IOException("the driver is dead"));
    }
    return reply;
  }

  /**
   * Ends it: by the end of its input, which lets it leave the cluster in good order; where that
   * does not help in time, by force. Does not wait.
   */
  public void end() {
    daemonThread(
        "driver-end",
        () -> {
          try {
            requests.close();
          } catch (IOException e) {
            LOG.debug("driver's input: {}", e.toString());
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

  /** Ends it at once, by KILL: it hangs, or what it belonged to is no more. */
  public void kill() {
    process.destroyForcibly();
  }
}
