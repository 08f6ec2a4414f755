package ai.seedcore.serve.daemon.handover;

import ai.seedcore.serve.base.ConfigException;
import ai.seedcore.serve.daemon.host.DaemonThread;
import java.io.BufferedReader;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The running daemon whose place this process is to take. */
public final class Predecessor {

  private static final Logger LOG = LoggerFactory.getLogger(Predecessor.class);

  private static final Pattern OFFER =
      Pattern.compile(Pattern.quote(Handover.NAME) + "(\\d{1,18}) (\\d{1,15})");

  /** A daemon that is stopped does not answer; one that has just taken over waits. */
  private static final Duration ANSWER = Duration.ofSeconds(8);

  /** How long a daemon takes to end its lap, to release its lease, and to close its port. */
  private static final Duration LEAVE = Duration.ofSeconds(20);

  /** What is read from a process that has ended. */
  private static final String ENDED = "ended";

  private final SocketChannel channel;
  private final BufferedReader lines;
  private final long pid;
  private final Duration watchdog;

  private Predecessor(SocketChannel channel, BufferedReader lines, long pid, Duration watchdog) {
    this.channel = channel;
    this.lines = lines;
    this.pid = pid;
    this.watchdog = watchdog;
  }

  /**
   * Looks for a daemon that offers its place.
   *
   * @param socket where it makes its offer
   * @throws ConfigException if there is one that does not answer
   */
  public static Optional<Predecessor> find(Path socket) {
    SocketChannel channel;
    try {
      channel = SocketChannel.open(UnixDomainSocketAddress.of(socket));
    } catch (IOException | UnsupportedOperationException e) {
      LOG.debug("nothing to take over at {}: {}", socket, e.toString());
      return Optional.empty();
    }
    BufferedReader lines = Handover.reader(channel);
    Matcher offer = OFFER.matcher(read(lines, ANSWER));
    if (!offer.matches()) {
      throw new ConfigException(
          "take_over: found a daemon that does not answer at %s, expected one that runs: end it"
              .formatted(socket));
    }
    Duration watchdog = Duration.ofNanos(Long.parseLong(offer.group(2)) * 1_000);
    return Optional.of(new Predecessor(channel, lines, Long.parseLong(offer.group(1)), watchdog));
  }

  /** Returns its process id. */
  public long pid() {
    return pid;
  }

  /** Returns the interval at which systemd expects to hear of it; zero if it does not. */
  public Duration watchdog() {
    return watchdog;
  }

  /**
   * Asks for its place.
   *
   * @throws ConfigException if another process gets it
   */
  public void ask() {
    try {
      Handover.write(channel, Handover.ASKS);
    } catch (IOException e) {
      LOG.debug("the daemon that is to be replaced has ended", e);
    }
    if (!read(lines, ANSWER).equals(Handover.ACCEPTED)) {
      throw new ConfigException(
          "take_over: found process %d, which another process replaces now, or which has ended; expected a daemon that serves: try again"
              .formatted(pid));
    }
  }

  /**
   * Waits until it has released the lease and its status port, or has ended.
   *
   * @return false if it is stuck; it goes on once this process has ended
   */
  public boolean awaitLeft() {
    String answer = read(lines, LEAVE);
    return answer.equals(Handover.LEFT) || answer.equals(ENDED);
  }

  /** Tells it that it can end. */
  public void taken() {
    try (channel) {
      Handover.write(channel, Handover.TAKEN);
    } catch (IOException e) {
      LOG.debug("the daemon that was replaced has ended", e);
    }
  }

  /** Reads a line; empty if there is none in time. */
  private static String read(BufferedReader from, Duration limit) {
    CompletableFuture<String> line =
        CompletableFuture.supplyAsync(
            () -> {
              try {
                String read = from.readLine();
                return read == null ? ENDED : read;
              } catch (IOException e) {
                return ENDED;
              }
            },
            body -> DaemonThread.start("take-over", body));
    try {
      return line.get(limit.toMillis(), TimeUnit.MILLISECONDS);
    } catch (ExecutionException | TimeoutException e) {
      return "";
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return "";
    }
  }
}
