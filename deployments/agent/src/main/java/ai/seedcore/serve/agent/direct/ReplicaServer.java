package ai.seedcore.serve.agent.direct;

import java.io.IOException;
import java.lang.reflect.Constructor;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.util.Arrays;
import java.util.Comparator;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.Stream;
import org.apache.hc.core5.http.config.CharCodingConfig;
import org.apache.hc.core5.http.config.Http1Config;
import org.apache.hc.core5.http.impl.nio.ServerHttp1IOEventHandlerFactory;
import org.apache.hc.core5.http.impl.nio.ServerHttp1StreamDuplexerFactory;
import org.apache.hc.core5.http.nio.AsyncServerExchangeHandler;
import org.apache.hc.core5.http.nio.HandlerFactory;
import org.apache.hc.core5.http.protocol.DefaultHttpProcessor;
import org.apache.hc.core5.http.protocol.ResponseConnControl;
import org.apache.hc.core5.http.protocol.ResponseContent;
import org.apache.hc.core5.http.protocol.ResponseDate;
import org.apache.hc.core5.io.CloseMode;
import org.apache.hc.core5.reactor.DefaultListeningIOReactor;
import org.apache.hc.core5.reactor.IOReactorConfig;
import org.apache.hc.core5.reactor.ListenerEndpoint;
import org.apache.hc.core5.util.TimeValue;
import org.apache.hc.core5.util.Timeout;

/**
 * The HTTP server of a replica: one I/O thread, and as many worker threads as requests run at a
 * time. It uses Apache HttpCore, which is part of {@code ray_dist.jar}.
 */
final class ReplicaServer implements AutoCloseable {

  private static final int BACKLOG = 1024;

  private static final Timeout LISTEN = Timeout.ofSeconds(5);

  private static final Constructor<?> SHORTEST =
      Stream.of(ServerHttp1StreamDuplexerFactory.class.getConstructors())
          .min(Comparator.comparing(Constructor::getParameterCount))
          .orElseThrow();

  private final ExecutorService workers =
      Executors.newCachedThreadPool(
          work -> {
            Thread thread = new Thread(work, "seedcore-request");
            thread.setDaemon(true);
            return thread;
          });
  private final String host;
  private final InetAddress address;
  private final DefaultListeningIOReactor reactor;
  private volatile boolean draining;
  private volatile String listensOn = "";

  /**
   * Creates a server for a replica. It does not listen yet.
   *
   * @param host the address of its node, as the cluster knows it
   */
  ReplicaServer(Replica replica, String host) throws UnknownHostException {
    this.host = host;
    this.address = InetAddress.getAllByName(host)[0];
    this.reactor =
        new DefaultListeningIOReactor(
            (session, attachment) ->
                new ServerHttp1IOEventHandlerFactory(
                        protocol(
                            (request, context) ->
                                new Exchange(
                                    replica, workers, session, () -> draining, () -> listensOn)),
                        null,
                        null)
                    .createHandler(session, attachment),
            IOReactorConfig.custom()
                .setIoThreadCount(1)
                // A connection is silent for as long as a request runs. Dead ones are found by TCP.
                .setSoTimeout(Timeout.DISABLED)
                .setSoKeepAlive(true)
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

  /**
   * Returns HttpCore's implementation of HTTP/1.1. Its constructors have one optional parameter
   * more in Ray 2.60 than in 2.39. (HttpCore's own composition of a server would reject requests by
   * their host names.)
   */
  private static ServerHttp1StreamDuplexerFactory protocol(
      HandlerFactory<AsyncServerExchangeHandler> exchanges) {
    Object[] arguments = {
      new DefaultHttpProcessor(
          new ResponseDate(), new ResponseContent(), new ResponseConnControl()),
      exchanges,
      Http1Config.DEFAULT,
      CharCodingConfig.DEFAULT
    };
    try {
      return (ServerHttp1StreamDuplexerFactory)
          SHORTEST.newInstance(Arrays.copyOf(arguments, SHORTEST.getParameterCount()));
    } catch (ReflectiveOperationException e) {
      throw new LinkageError("a version of HttpCore that is not known", e);
    }
  }

  private static Thread daemon(Runnable work) {
    Thread thread = new Thread(work, "seedcore-io");
    thread.setDaemon(true);
    return thread;
  }

  /**
   * Listens on a port. Returns it.
   *
   * @throws IOException if it is taken, or if the address is not one of this machine
   */
  int listen(int port) throws IOException, InterruptedException {
    try {
      ListenerEndpoint endpoint =
          reactor
              .listen(new InetSocketAddress(address, port))
              .get(LISTEN.toMilliseconds(), TimeUnit.MILLISECONDS);
      int bound = ((InetSocketAddress) endpoint.getAddress()).getPort();
      listensOn = host + ":" + bound;
      return bound;
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
