package ai.seedcore.serve.base.fuzz;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;

/**
 * Sends an input to a server, and then another client's request, which the server has to answer.
 * Both are read on one loop, so that the input has been read by then.
 */
public final class Talk {

  private static final String PREFACE = "PRI * HTTP/2.0";

  /** The type of the first frame of an HTTP/2 server. */
  private static final char SETTINGS = 4;

  private final int port;
  private final byte[] good;
  private Socket other;

  /**
   * Creates a client for a server on this machine.
   *
   * @param good the other client's request
   */
  public Talk(int port, String good) {
    this.port = port;
    this.good = good.getBytes(StandardCharsets.US_ASCII);
  }

  /** Sends the input. Fails if the other client gets no response. */
  public void say(byte[] input) {
    try (Socket socket = connect("127.0.0.2")) {
      try {
        socket.getOutputStream().write(input);
      } catch (IOException e) {
        // The server closed the connection before the input was sent completely.
      }
      ask();
      int come = Math.min(socket.getInputStream().available(), 200);
      String answer =
          new String(socket.getInputStream().readNBytes(come), StandardCharsets.ISO_8859_1);
      boolean http2 = new String(input, StandardCharsets.ISO_8859_1).contains(PREFACE);
      boolean settings = http2 && come > 4 && answer.charAt(3) == SETTINGS;
      if (come > 4 && !settings && !answer.startsWith("HTTP/1.")) {
        throw new AssertionError("an answer that is none: " + answer);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private Socket connect(String from) throws IOException {
    Socket socket = new Socket();
    socket.bind(new InetSocketAddress(InetAddress.getByName(from), 0));
    socket.setSoTimeout(10_000);
    socket.setTcpNoDelay(true);
    socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 10_000);
    return socket;
  }

  private void ask() throws IOException {
    for (int tries = 0; ; tries++) {
      try {
        if (other == null) {
          other = connect("127.0.0.1");
        }
        other.getOutputStream().write(good);
        readAnswer(other.getInputStream());
        return;
      } catch (IOException e) {
        if (tries == 2) {
          throw new AssertionError("the other client is not answered", e);
        }
        if (other != null) {
          other.close();
        }
        other = null; // The connection was idle for too long.
      }
    }
  }

  private static void readAnswer(InputStream in) throws IOException {
    StringBuilder head = new StringBuilder();
    while (head.indexOf("\r\n\r\n") < 0) {
      int next = in.read();
      if (next < 0) {
        throw new IOException("the connection ends");
      }
      head.append((char) next);
    }
    String lower = head.toString().toLowerCase(java.util.Locale.ROOT);
    int at = lower.indexOf("content-length: ");
    int length = Integer.parseInt(lower.substring(at + 16, lower.indexOf("\r\n", at)));
    String body = new String(in.readNBytes(length), StandardCharsets.ISO_8859_1);
    if (!head.toString().startsWith("HTTP/1.1 200")) {
      throw new AssertionError("the other client is answered " + head + body);
    }
  }
}
