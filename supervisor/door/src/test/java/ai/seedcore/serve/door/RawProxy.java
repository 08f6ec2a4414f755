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

/** A proxy that says what it is told to, whether that is HTTP or not. */
final class RawProxy implements AutoCloseable {

  /**
   * A request as it came.
   *
   * @param head all before the empty line, its first line included
   */
  record Seen(String head, String body) {

    String target() {
      return head.split(" ", 3)[1];
    }

    List<String> all(String name) {
      return RawClient.values(head, name);
    }
  }

  /** What becomes of a request. */
  interface Behaviour {

    /** Answers, and may close the connection. */
    void answer(Seen request, Socket client) throws IOException;
  }

  private final ServerSocket server = new ServerSocket();
  private final Set<Socket> clients = ConcurrentHashMap.newKeySet();
  private final ExecutorService threads = Executors.newCachedThreadPool();

  volatile Behaviour behaviour = RawProxy::echo;

  /** Whether bodies are read before they are answered. */
  volatile boolean reads = true;

  /** Whether they are read once they have been answered. */
  volatile boolean readsAfterwards;

  /** The requests that came, in about their order. */
  final List<Seen> seen = new CopyOnWriteArrayList<>();

  RawProxy() throws IOException {
    this(0);
  }

  /**
   * A proxy.
   *
   * @param buffer how many bytes the kernel takes before they are read, about; 0: its default
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
        return; // It is closed.
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
          say(client, fine("{\"/A\":\"A\",\"/B\":\"B\",\"/Other\":\"Other\"}"));
        } else {
          Seen request = new Seen(head, reads ? RawClient.body(from, head) : "");
          seen.add(request);
          behaviour.answer(request, client);
          if (readsAfterwards) {
            RawClient.body(from, head);
          }
        }
      }
    } catch (IOException e) {
      // One of both has gone.
    } finally {
      clients.remove(client);
    }
  }

  static void say(Socket client, String text) throws IOException {
    client.getOutputStream().write(text.getBytes(StandardCharsets.ISO_8859_1));
  }

  /** An answer that is in order. */
  static String fine(String body) {
    return "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s"
        .formatted(body.length(), body);
  }

  /** Answers with what it was asked for, and the body. */
  static void echo(Seen request, Socket client) throws IOException {
    say(client, fine(request.target() + "|" + request.body()));
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
