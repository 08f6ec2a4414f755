package ai.seedcore.serve.base.http;

import ai.seedcore.serve.base.Fatal;
import ai.seedcore.serve.base.HostPort;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.VertxOptions;
import io.vertx.core.file.FileSystemOptions;
import io.vertx.core.http.HttpServer;
import io.vertx.core.transport.Transport;
import java.io.IOException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Creates the event loops for HTTP servers and clients. They are separate from the control thread.
 */
public final class EventLoop {

  private static final Logger LOG = LoggerFactory.getLogger(EventLoop.class);

  private EventLoop() {}

  /**
   * Starts an event loop with one thread. Only the name resolver may block, on a worker thread.
   * Servers and clients have separate loops.
   */
  public static Vertx start() {
    return start(Transport.NIO);
  }

  /**
   * Starts an event loop for much traffic. It uses the native transport, if there is one for this
   * machine, which takes additional memory.
   *
   * @param ports the transport, and the ports that it opens
   */
  public static Vertx startBusy(SharedPorts ports) {
    return start(ports.available() ? ports : Transport.NIO);
  }

  private static Vertx start(Transport transport) {
    // Unlike Vert.x's resolver, the system's always follows the hosts file and search domains.
    System.setProperty("vertx.disableDnsResolver", "true");
    Vertx vertx =
        Vertx.builder()
            .withTransport(transport)
            .with(
                new VertxOptions()
                    .setEventLoopPoolSize(1)
                    .setWorkerPoolSize(4) // Some of these threads may wait for the resolver.
                    .setInternalBlockingPoolSize(1)
                    // No files are served, and Vert.x must not create a cache directory in /tmp.
                    .setFileSystemOptions(
                        new FileSystemOptions()
                            .setFileCachingEnabled(false)
                            .setClassPathResolvingEnabled(false)))
            .build();
    vertx.exceptionHandler(
        error -> {
          Fatal.ifOutOfMemory(error);
          LOG.error("internal error", error);
        });
    return vertx;
  }

  /**
   * Starts a server, and waits until it listens.
   *
   * @throws IOException if it cannot listen on the address; the message is the cause's
   */
  public static void listen(HttpServer server, HostPort address) throws IOException {
    await(server.listen(address.port(), address.host()));
  }

  /** Closes a server with its connections, and waits until its port is free. */
  public static void close(HttpServer server) {
    try {
      await(server.close());
    } catch (IOException e) {
      LOG.debug("a server did not close: {}", e.toString());
    }
  }

  private static void await(Future<?> done) throws IOException {
    try {
      done.toCompletionStage().toCompletableFuture().get(10, TimeUnit.SECONDS);
    } catch (ExecutionException | TimeoutException | InterruptedException e) {
      Throwable cause = e.getCause() == null ? e : e.getCause();
      throw new IOException(cause.getMessage(), cause);
    }
  }
}
