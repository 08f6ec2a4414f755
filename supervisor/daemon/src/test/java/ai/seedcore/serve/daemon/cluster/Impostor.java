package ai.seedcore.serve.daemon.cluster;

import static org.awaitility.Awaitility.await;

import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.BindException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/** Another program on a port: an HTTP server that answers the same to everything. */
final class Impostor implements AutoCloseable {

  private final ExecutorService threads = Executors.newCachedThreadPool();
  private final HttpServer server;
  private volatile int status = 404;
  private volatile String body = "";

  Impostor(int port) throws IOException {
    server = HttpServer.create();
    server.setExecutor(threads);
    server.createContext(
        "/",
        exchange -> {
          byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
          exchange.sendResponseHeaders(status, bytes.length == 0 ? -1 : bytes.length);
          exchange.getResponseBody().write(bytes);
          exchange.close();
        });
    InetSocketAddress address = new InetSocketAddress(InetAddress.getLoopbackAddress(), port);
    await() // Who had the port may still be on the way out.
        .atMost(Duration.ofSeconds(10))
        .pollInterval(Duration.ofMillis(5))
        .ignoreExceptionsInstanceOf(BindException.class)
        .until(
            () -> {
              server.bind(address, 50);
              return true;
            });
    server.start();
  }

  void answer(int code, String text) {
    body = text;
    status = code;
  }

  @Override
  public void close() {
    server.stop(0);
    threads.shutdownNow();
  }
}
