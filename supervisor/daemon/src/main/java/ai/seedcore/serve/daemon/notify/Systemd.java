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
 * Tells systemd that the loop turns, and what it does. By the program {@code systemd-notify}, as
 * Java has no datagram sockets of Unix; on a thread of its own, as that may hang. See {@code
 * sd_notify(3)}.
 */
public final class Systemd implements AutoCloseable {

  private static final Logger LOG = LoggerFactory.getLogger(Systemd.class);
  private static final Duration PATIENCE = Duration.ofSeconds(5);

  private final String socket;
  private final Duration watchdog;
  private final ThreadPoolExecutor teller;
  private volatile boolean ready;
  private String told = "";
  private long toldAt;

  private Systemd(String socket, Duration watchdog) {
    this.socket = socket;
    this.watchdog = watchdog;
    this.teller =
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
   * Where systemd started us and wants to be told; else nothing.
   *
   * @param environment this process's: {@code NOTIFY_SOCKET}, {@code WATCHDOG_USEC} and {@code
   *     WATCHDOG_PID}
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

  /** Takes in one lap of the loop: a loop that hangs says nothing, and its watchdog bites. */
  public void publish(Status now) {
    // One line: each line of a message is a word of its own to systemd.
    String status = "%s: %s".formatted(now.phase(), now.reason()).replaceAll("\\s+", " ");
    long time = System.nanoTime();
    boolean bark = !watchdog.isZero() && time - toldAt >= watchdog.toNanos() / 3;
    boolean unheard = !ready && time - toldAt >= PATIENCE.toNanos();
    boolean due = bark || unheard;
    if (!due && status.equals(told)) {
      return;
    }
    List<String> words = new ArrayList<>(List.of("--status=" + status));
    if (!ready) {
      words.add("--ready");
    }
    if (!watchdog.isZero()) {
      words.add("WATCHDOG=1");
    }
    if (teller.getActiveCount() == 0) { // Else it is said in the next lap.
      teller.execute(() -> tell(words));
      told = status;
      toldAt = time;
    }
  }

  private void tell(List<String> words) {
    List<String> command = new ArrayList<>(List.of("systemd-notify"));
    command.addAll(words);
    try {
      ProcessBuilder builder =
          new ProcessBuilder(command)
              .redirectErrorStream(true)
              .redirectOutput(ProcessBuilder.Redirect.DISCARD);
      builder.environment().put("NOTIFY_SOCKET", socket);
      Process process = builder.start();
      if (!process.waitFor(PATIENCE.toMillis(), TimeUnit.MILLISECONDS)) {
        process.destroyForcibly();
        LOG.warn("systemd-notify does not come to an end");
      } else if (process.exitValue() != 0) {
        LOG.atWarn().addKeyValue("exit", process.exitValue()).log("systemd-notify failed");
      } else {
        ready = true;
      }
    } catch (IOException e) {
      LOG.atWarn().addKeyValue("error", e.getMessage()).log("systemd cannot be told");
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Says that we end. */
  @Override
  public void close() {
    teller.shutdown();
    tell(List.of("STOPPING=1"));
  }
}
