package ai.seedcore.serve.daemon.handover;

import ai.seedcore.serve.base.HostPort;
import ai.seedcore.serve.daemon.host.DaemonThread;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.Writer;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.Channels;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The offer of a running daemon to leave its place to another process of its account. The other one
 * asks on a Unix domain socket, to which only the account can connect.
 *
 * <p>Each side writes lines. The offer is {@code seedcore-serve PID WATCHDOG}, with the interval of
 * systemd's watchdog in microseconds. The other process answers {@value #ASKS}, and one of those
 * that ask gets {@value #ACCEPTED}. The daemon then releases the lease and its status port, and
 * says {@value #LEFT}. It goes on as before unless the other process says {@value #TAKEN}.
 */
public final class Handover implements AutoCloseable {

  static final String NAME = "seedcore-serve ";
  static final String ASKS = "take over";
  static final String ACCEPTED = "accepted";
  static final String LEFT = "left";
  static final String TAKEN = "taken";

  private static final Logger LOG = LoggerFactory.getLogger(Handover.class);

  /** How long the other process takes to listen on the status port. */
  private static final Duration TAKE = Duration.ofSeconds(10);

  private final Path file;
  private final Duration watchdog;
  private final long quietUntil;
  private final Runnable asked;
  private final @Nullable ServerSocketChannel server;
  private @Nullable Successor successor;

  /** The process that has asked. */
  private record Successor(SocketChannel channel, CompletableFuture<Boolean> taken) {}

  /**
   * Makes the offer, if this machine permits.
   *
   * @param file the socket
   * @param watchdog the interval of systemd's watchdog; zero if there is none
   * @param quiet how long those that ask have to wait, because a daemon that this one has replaced
   *     still listens
   * @param asked called when another process asks, on any thread
   */
  public Handover(Path file, Duration watchdog, Duration quiet, Runnable asked) {
    this.file = file;
    this.watchdog = watchdog;
    this.quietUntil = System.nanoTime() + quiet.toNanos();
    this.asked = asked;
    this.server = listen(file);
    if (server != null) {
      DaemonThread.start("handover", () -> accept(server));
    }
  }

  /** Returns the socket of the daemon with a status address, of which there is only one. */
  public static Path socket(Path folder, HostPort status) {
    return folder.resolve(status.toString().replace(':', '_') + ".sock");
  }

  private static @Nullable ServerSocketChannel listen(Path file) {
    try {
      Files.deleteIfExists(file); // Of a daemon that was killed, or that this one replaces.
      ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
      server.bind(UnixDomainSocketAddress.of(file));
      Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-------"));
      return server;
    } catch (IOException | UnsupportedOperationException e) {
      LOG.atWarn()
          .addKeyValue("socket", file)
          .addKeyValue("error", e.getMessage())
          .log("this daemon cannot be replaced without a pause");
      return null;
    }
  }

  private void accept(ServerSocketChannel from) {
    while (from.isOpen()) {
      try {
        SocketChannel channel = from.accept();
        DaemonThread.start("handover", () -> talk(channel));
      } catch (IOException e) {
        LOG.debug("no process can ask any more: {}", e.toString());
        return;
      }
    }
  }

  private void talk(SocketChannel channel) {
    CompletableFuture<Boolean> taken = new CompletableFuture<>();
    try (channel) {
      TimeUnit.NANOSECONDS.sleep(quietUntil - System.nanoTime());
      long micros = TimeUnit.NANOSECONDS.toMicros(watchdog.toNanos());
      write(channel, NAME + ProcessHandle.current().pid() + " " + micros);
      BufferedReader lines = reader(channel);
      if (ASKS.equals(lines.readLine()) && isFirst(new Successor(channel, taken))) {
        write(channel, ACCEPTED);
        asked.run();
        taken.complete(TAKEN.equals(lines.readLine()));
      }
    } catch (IOException e) {
      LOG.debug("a process that asked has ended: {}", e.toString());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      taken.complete(false);
    }
  }

  private synchronized boolean isFirst(Successor asking) {
    if (successor != null) {
      return false;
    }
    successor = asking;
    return true;
  }

  /** Returns whether another process has asked. */
  public synchronized boolean isAsked() {
    return successor != null;
  }

  /**
   * Tells the process that has asked that the place is free, and waits until it has taken it.
   *
   * @return whether it has; otherwise it has ended, and others may ask
   */
  public boolean leave() {
    Successor to;
    synchronized (this) {
      to = successor;
    }
    if (to == null) {
      return false;
    }
    try {
      write(to.channel(), LEFT);
      if (to.taken().get(TAKE.toMillis(), TimeUnit.MILLISECONDS)) {
        return true;
      }
    } catch (IOException | ExecutionException | TimeoutException e) {
      LOG.debug("the process that asked does not answer", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    synchronized (this) {
      successor = null;
    }
    return false;
  }

  /** Withdraws the offer. */
  @Override
  public synchronized void close() {
    try (ServerSocketChannel closed = server) {
      if (closed != null && successor == null) { // The successor's socket has the same name.
        Files.deleteIfExists(file);
      }
    } catch (IOException e) {
      LOG.debug("{} cannot be removed", file, e);
    }
  }

  static void write(SocketChannel to, String line) throws IOException {
    Writer writer = Channels.newWriter(to, StandardCharsets.UTF_8);
    writer.write(line + "\n");
    writer.flush();
  }

  static BufferedReader reader(SocketChannel from) {
    return new BufferedReader(Channels.newReader(from, StandardCharsets.UTF_8));
  }
}
