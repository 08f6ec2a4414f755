package ai.seedcore.serve.daemon.status;

import static org.assertj.core.api.Assertions.assertThat;

import ai.seedcore.serve.base.HostPort;
import java.io.IOException;
import java.io.InputStream;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * Clients that mean no good: two hundred that never finish what they say, and requests of all wrong
 * kinds.
 */
public final class HostileClients implements AutoCloseable {

  private static final List<String> REQUESTS =
      List.of(
          "BREW /pot HTTP/1.1\r\nHost: x\r\n\r\n",
          "POST /status HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999\r\n\r\nabc",
          "GET / HTTP/1.1\r\nHost: x\r\nX: " + "y".repeat(20_000) + "\r\n\r\n",
          "GET /" + "a".repeat(9_000) + " HTTP/1.1\r\nHost: x\r\n\r\n",
          "GET /../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n",
          "GET /status HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer \u00ff\r\n\r\n",
          "\u0016\u0003\u0001\u0002\u0000\u0001\u0000",
          "GET /%zz HTTP/9.9\r\n\r\n",
          "\r\n\r\n\r\n",
          "GET /healthz HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZZZ\r\n");

  private final HostPort address;
  private final List<Socket> slow = new ArrayList<>();

  /** The slow ones come. */
  public HostileClients(HostPort address) throws IOException {
    this.address = address;
    for (int i = 0; i < 200; i++) {
      Socket socket = socket();
      socket.getOutputStream().write("GET /healthz HTT".getBytes(StandardCharsets.UTF_8));
      slow.add(socket);
    }
  }

  /** The n-th request, from a connection of its own. */
  public void request(int n) {
    try (Socket socket = socket()) {
      socket
          .getOutputStream()
          .write(REQUESTS.get(n % REQUESTS.size()).getBytes(StandardCharsets.ISO_8859_1));
      if (n % 10 == 0) {
        socket.setSoTimeout(100);
        drain(socket);
      }
    } catch (IOException e) {
      assertThat(e).hasMessageContaining("eset"); // The server has had enough of it.
    }
  }

  /** Whether none of the slow ones is connected any more. */
  public boolean gone() {
    return slow.stream().allMatch(HostileClients::closed);
  }

  private static boolean closed(Socket socket) {
    try {
      socket.setSoTimeout(1);
      return socket.getInputStream().read() < 0;
    } catch (SocketTimeoutException e) {
      return false;
    } catch (IOException e) {
      return true;
    }
  }

  private static void drain(Socket socket) {
    try (InputStream in = socket.getInputStream()) {
      in.readNBytes(64);
    } catch (IOException e) {
      assertThat(e).isNotNull(); // Silence, or a reset: either is an answer here.
    }
  }

  private Socket socket() throws IOException {
    return new Socket(address.host(), address.port());
  }

  @Override
  public void close() throws IOException {
    for (Socket socket : slow) {
      socket.close();
    }
  }
}
