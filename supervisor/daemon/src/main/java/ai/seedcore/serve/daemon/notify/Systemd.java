package ai.seedcore.serve.daemon.notify;

import ai.seedcore.serve.daemon.report.Status;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells systemd that the control loop turns, and its current state. Runs the program {@code
 * systemd-notify}, because Java has no Unix datagram sockets. The program may hang, so it runs on a
 * separate thread. See {@code sd_notify(3)}.
 */
public final class Systemd {

  private static final Logger LOG = LoggerFactory.getLogger(Systemd.class);
  private static final Duration PATIENCE = Duration.ofSeconds(5);

  private final String socket;
  private volatile Duration watchdog;
  private final ThreadPoolExecutor executor;
  private volatile boolean ready;
  private String lastStatus = "";
  private long lastSent;

  private Systemd(String socket, Duration watchdog) {
    this.socket = socket;
    this.watchdog = watchdog;
    this.executor =
        new ThreadPoolExecutor(
            0,
            1,
            5,
            TimeUnit.SECONDS,
            new SynchronousQueue<>(),
            work -> {
              Thread thread = new Thread(work, "systemd");
              thread.setDaemon(true);
              return thread;
            },
            new ThreadPoolExecutor.DiscardPolicy());
  }

  /**
   * Returns a client if systemd started this process and expects notifications; otherwise empty.
   *
   * @param environment the process's environment: {@code NOTIFY_SOCKET}, {@code WATCHDOG_USEC} and
   *     {@code WATCHDOG_PID}
   */
  public static Optional<Systemd> find(Map<String, String> environment) {
    String socket = environment.getOrDefault("NOTIFY_SOCKET", "");
    if (socket.isEmpty()) {
      return Optional.empty();
    }
    String self = String.valueOf(ProcessHandle.current().pid());
    String usec = environment.getOrDefault("WATCHDOG_USEC", "");
    boolean watched =
        usec.matches("[0-9]{1,18}") && environment.getOrDefault("WATCHDOG_PID", self).equals(self);
    return Optional.of(
        new Systemd(
            socket, watched ? Duration.ofNanos(Long.parseLong(usec) * 1000) : Duration.ZERO));
  }

  /**
   * Receives the status of one lap. A loop that hangs sends nothing, so systemd's watchdog acts.
   */
  public void publish(Status now) {
    // One line, because systemd reads each line of a message as a separate assignment.
    String status = "%s: %s".formatted(now.phase(), now.reason()).replaceAll("\\s+", " ");
    long time = System.nanoTime();
    boolean keepAlive = !watchdog.isZero() && time - lastSent >= watchdog.toNanos() / 3;
    boolean unconfirmed = !ready && time - lastSent >= PATIENCE.toNanos();
    boolean due = keepAlive || unconfirmed;
    if (!due && status.equals(lastStatus)) {
      return;
    }
    List<String> arguments = new ArrayList<>(List.of("--status=" + status));
    if (!ready) {
      arguments.add("--ready");
    }
    if (!watchdog.isZero()) {
      arguments.add("WATCHDOG=1");
    }
    if (executor.getActiveCount() == 0) { // Otherwise the next lap sends it.
      executor.execute(() -> report(arguments));
      lastStatus = status;
      lastSent = time;
    }
  }

  /** Returns the interval at which systemd expects to hear of the process; zero if it does not. */
  public Duration watchdog() {
    return watchdog;
  }

  /**
   * Makes this process the service's main process, before the one that it replaces ends.
   *
   * @param watched the interval at which systemd expects to hear of the main process; it tells only
   *     those that it has started as such
   * @return whether systemd was told
   */
  public boolean takeOver(Duration watched) {
    watchdog = watched;
    return send(List.of("--pid=" + ProcessHandle.current().pid()));
  }

  private void report(List<String> arguments) {
    ready |= send(arguments);
  }

  private boolean send(List<String> arguments) {
    List<String> command = new ArrayList<>(List.of("systemd-notify"));
    command.addAll(arguments);
    try {
      ProcessBuilder builder =
          new ProcessBuilder(command)
              .redirectErrorStream(true)
              .redirectOutput(ProcessBuilder.Redirect.DISCARD);
      builder.environment().put("NOTIFY_SOCKET", socket);
      Process process = builder.start();
      if (!process.waitFor(PATIENCE.toMillis(), TimeUnit.MILLISECONDS)) {
        process.destroyForcibly();
        LOG.warn("systemd-notify timed out and was killed");
      } else if (process.exitValue() != 0) {
        LOG.atWarn().addKeyValue("exit", process.exitValue()).log("systemd-notify failed");
      } else {
        return true;
      }
    } catch (IOException e) {
      LOG.atWarn().addKeyValue("error", e.getMessage()).log("systemd cannot be notified");
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    return false;
  }

  /**
   * Tells systemd that the daemon is stopping.
   *
   * @param within how long that may take
   */
  public void stopping(Duration within) {
    executor.shutdown();
    send(List.of("STOPPING=1", "EXTEND_TIMEOUT_USEC=" + within.toNanos() / 1000));
  }
}
