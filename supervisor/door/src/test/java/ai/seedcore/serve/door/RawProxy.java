package ai.seedcore.serve.door;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;

/** A proxy that sends arbitrary bytes, whether they are HTTP or not. */
final class RawProxy implements AutoCloseable {

  /**
   * A request as it arrived.
   *
   * @param head everything before the empty line, request line included
   */
  record Seen(String head, String body) {

    String target() {
      return head.split(" ", 3)[1];
    }

    List<String> all(String name) {
      return RawClient.values(head, name);
    }
  }

  /** Decides how the proxy responds. */
  interface Behaviour {

    /** Responds to a request, and may close the connection. */
    void answer(Seen request, Socket client) throws IOException;
  }

  private final ServerSocket server = new ServerSocket();
  private final Set<Socket> clients = ConcurrentHashMap.newKeySet();
  private final ExecutorService threads = Executors.newCachedThreadPool();

  volatile Behaviour behaviour = RawProxy::echo;

  /** Whether a body is read before the response. */
  volatile boolean readsBodies = true;

  /** Whether a body is read after the response. */
  volatile boolean readsBodiesAfterwards;

  /** The requests that arrived, approximately in their order. */
  final List<Seen> seen = new CopyOnWriteArrayList<>();

  RawProxy() throws IOException {
    this(0);
  }

  /**
   * Starts a proxy.
   *
   * @param buffer the approximate size of the kernel's receive buffer, in bytes; 0: its default
   */
  RawProxy(int buffer) throws IOException {
    if (buffer > 0) {
      server.setReceiveBufferSize(buffer);
    }
    server.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 500);
    threads.execute(this::accept);
  }

  URI uri() {
    return URI.create("http://127.0.0.1:" + server.getLocalPort());
  }

  private void accept() {
    while (!server.isClosed()) {
      try {
        Socket client = server.accept();
        clients.add(client);
        threads.execute(() -> serve(client));
      } catch (IOException e) {
        return; // The server socket was closed.
      }
    }
  }

  private void serve(Socket client) {
    try (client) {
      client.setTcpNoDelay(true);
      InputStream from = new BufferedInputStream(client.getInputStream());
      while (!client.isClosed()) {
        String head = RawClient.head(from);
        if (head.startsWith("GET /-/routes ")) {
          send(client, ok("{\"/A\":\"A\",\"/B\":\"B\",\"/Other\":\"Other\"}"));
        } else {
          Seen request = new Seen(head, readsBodies ? RawClient.body(from, head) : "");
          seen.add(request);
          behaviour.answer(request, client);
          if (readsBodiesAfterwards) {
            RawClient.body(from, head);
          }
        }
      }
    } catch (IOException e) {
      // Either side closed the connection.
    } finally {
      clients.remove(client);
    }
  }

  static void send(Socket client, String text) throws IOException {
    client.getOutputStream().write(text.getBytes(StandardCharsets.ISO_8859_1));
  }

  /** Returns a valid response. */
  static String ok(String body) {
    return "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s"
        .formatted(body.length(), body);
  }

  /** Responds with the target and the body of the request. */
  static void echo(Seen request, Socket client) throws IOException {
    send(client, ok(request.target() + "|" + request.body()));
  }

  @Override
  public void close() throws Exception {
    server.close();
    threads.shutdownNow();
    while (!threads.awaitTermination(20, TimeUnit.MILLISECONDS)) {
      for (Socket client : clients) {
        client.close();
      }
    }
  }
}
