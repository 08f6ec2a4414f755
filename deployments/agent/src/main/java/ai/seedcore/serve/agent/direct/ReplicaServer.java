package ai.seedcore.serve.agent.direct;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.hc.core5.http.config.CharCodingConfig;
import org.apache.hc.core5.http.config.Http1Config;
import org.apache.hc.core5.http.impl.nio.ServerHttp1IOEventHandlerFactory;
import org.apache.hc.core5.http.impl.nio.ServerHttp1StreamDuplexerFactory;
import org.apache.hc.core5.http.protocol.DefaultHttpProcessor;
import org.apache.hc.core5.http.protocol.ResponseConnControl;
import org.apache.hc.core5.http.protocol.ResponseContent;
import org.apache.hc.core5.io.CloseMode;
import org.apache.hc.core5.reactor.DefaultListeningIOReactor;
import org.apache.hc.core5.reactor.IOReactorConfig;
import org.apache.hc.core5.util.TimeValue;
import org.apache.hc.core5.util.Timeout;

/**
 * The HTTP server of a replica: one I/O thread, and as many worker threads as requests run at a
 * time. It uses Apache HttpCore, which is part of {@code ray_dist.jar}.
 */
final class ReplicaServer implements AutoCloseable {

  private static final int BACKLOG = 1024;

  /** How long a connection may be idle. The front door closes its own sooner. */
  private static final Timeout IDLE = Timeout.ofMinutes(5);

  private static final Timeout LISTEN = Timeout.ofSeconds(5);

  private final ExecutorService workers =
      Executors.newCachedThreadPool(
          work -> {
            Thread thread = new Thread(work, "seedcore-request");
            thread.setDaemon(true);
            return thread;
          });
  private final DefaultListeningIOReactor reactor;
  private volatile boolean draining;

  /** Creates a server for a replica. It does not listen yet. */
  ReplicaServer(Replica replica) {
    this.reactor =
        new DefaultListeningIOReactor(
            new ServerHttp1IOEventHandlerFactory(
                new ServerHttp1StreamDuplexerFactory(
                    new DefaultHttpProcessor(new ResponseContent(), new ResponseConnControl()),
                    (request, context) -> new Exchange(replica, workers, () -> draining),
                    Http1Config.DEFAULT,
                    CharCodingConfig.DEFAULT,
                    null),
                null,
                null),
            IOReactorConfig.custom()
                .setIoThreadCount(1)
                .setSoTimeout(IDLE)
                .setSoReuseAddress(true)
                .setTcpNoDelay(true)
                .setBacklogSize(BACKLOG)
                .build(),
            ReplicaServer::daemon,
            ReplicaServer::daemon,
            null,
            null,
            null,
            null);
    reactor.start();
  }

  private static Thread daemon(Runnable work) {
    Thread thread = new Thread(work, "seedcore-io");
    thread.setDaemon(true);
    return thread;
  }

  /**
   * Listens on an address.
   *
   * @throws IOException if it is taken, or is not an address of this machine
   */
  int listen(InetSocketAddress address) throws IOException, InterruptedException {
    try {
      return ((InetSocketAddress)
              reactor
                  .listen(address)
                  .get(LISTEN.toMilliseconds(), TimeUnit.MILLISECONDS)
                  .getAddress())
          .getPort();
    } catch (ExecutionException | TimeoutException e) {
      throw new IOException(String.valueOf(e.getCause()), e);
    }
  }

  /** Refuses requests from now on. Those in progress complete. */
  void drain() {
    draining = true;
  }

  @Override
  public void close() {
    reactor.close(CloseMode.IMMEDIATE);
    workers.shutdownNow();
    try {
      reactor.awaitShutdown(TimeValue.ofSeconds(5));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
