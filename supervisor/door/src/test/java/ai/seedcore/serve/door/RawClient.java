package ai.seedcore.serve.door;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** A client that sends arbitrary bytes from an address of its choice, and reads what comes back. */
final class RawClient implements AutoCloseable {

  /** The address of the honest client. */
  static final String GOOD = "127.0.0.1";

  private static final int TIMEOUT_MS = 10_000;

  private final Socket socket = new Socket();
  private final InputStream from;

  /**
   * A response.
   *
   * @param head everything before the empty line, status line included
   * @param body the body, without chunk sizes
   */
  record Response(int status, String head, String body) {

    /** Returns the values of a header field, in their order. */
    List<String> all(String name) {
      return values(head, name);
    }

    /** Returns the first value of a header field; empty if there is none. */
    String header(String name) {
      List<String> all = all(name);
      return all.isEmpty() ? "" : all.get(0);
    }
  }

  RawClient(int port) throws IOException {
    this(GOOD, port);
  }

  RawClient(String address, int port) throws IOException {
    this(address, port, 0);
  }

  /** Connects a client whose kernel receives only so many bytes before it reads; 0: as usual. */
  RawClient(String address, int port, int receiveBuffer) throws IOException {
    if (receiveBuffer > 0) {
      socket.setReceiveBufferSize(receiveBuffer);
    }
    socket.bind(new InetSocketAddress(address, 0));
    socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), TIMEOUT_MS);
    socket.setSoTimeout(TIMEOUT_MS);
    socket.setTcpNoDelay(true);
    from = new BufferedInputStream(socket.getInputStream());
  }

  /** Returns the values of a header field of a head. */
  static List<String> values(String head, String name) {
    List<String> values = new ArrayList<>();
    for (String line : head.split("\r\n", -1)) {
      int colon = line.indexOf(':');
      if (colon > 0 && line.substring(0, colon).equalsIgnoreCase(name)) {
        values.add(line.substring(colon + 1).strip());
      }
    }
    return values;
  }

  /** Sets the read timeout. */
  RawClient readTimeout(int millis) throws IOException {
    socket.setSoTimeout(millis);
    return this;
  }

  /** Sends a text, each character as one byte. */
  RawClient send(String text) throws IOException {
    return send(text.getBytes(StandardCharsets.ISO_8859_1));
  }

  RawClient send(byte[] bytes) throws IOException {
    socket.getOutputStream().write(bytes);
    return this;
  }

  /** Sends a text to a server that may have closed the connection already. */
  RawClient trySend(String text) {
    try {
      send(text);
    } catch (IOException e) {
      // The test reads what the server has sent before.
    }
    return this;
  }

  RawClient get(String target) throws IOException {
    return send("GET " + target + " HTTP/1.1\r\nHost: x\r\n\r\n");
  }

  RawClient post(String target, String body) throws IOException {
    return send(
        "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s"
            .formatted(target, body.length(), body));
  }

  /** Reads the next response. */
  Response read() throws IOException {
    return read(true);
  }

  /**
   * Reads the next response.
   *
   * @param body whether its announced body follows; false after HEAD
   */
  Response read(boolean body) throws IOException {
    return readResponse(from, body);
  }

  private static Response readResponse(InputStream from, boolean body) throws IOException {
    String head = head(from);
    int status = Integer.parseInt(head.substring(9, 12));
    if (!body || status < 200 || status == 204 || status == 304) {
      return new Response(status, head, "");
    }
    return new Response(status, head, body(from, head));
  }

  /** Reads a head, without its empty line. */
  static String head(InputStream from) throws IOException {
    StringBuilder head = new StringBuilder();
    while (head.length() < 4 || head.indexOf("\r\n\r\n", head.length() - 4) < 0) {
      int next = from.read();
      if (next < 0) {
        throw new EOFException("closed within a head: '" + head + "'");
      }
      head.append((char) next);
    }
    return head.substring(0, head.length() - 4);
  }

  /** Reads the body of a head: by its length, in chunks, or up to the end of a response. */
  static String body(InputStream from, String head) throws IOException {
    if (!values(head, "Transfer-Encoding").isEmpty()) {
      StringBuilder body = new StringBuilder();
      while (true) {
        int size = Integer.parseInt(line(from), 16);
        body.append(exactly(from, size));
        if (!line(from).isEmpty()) {
          throw new IOException("a chunk that does not end where it says");
        }
        if (size == 0) {
          return body.toString();
        }
      }
    }
    List<String> length = values(head, "Content-Length");
    if (!length.isEmpty()) {
      return exactly(from, (int) Math.min(1 << 20, Long.parseLong(length.get(0))));
    }
    return head.startsWith("HTTP/") ? rest(from) : "";
  }

  private static String line(InputStream from) throws IOException {
    StringBuilder line = new StringBuilder();
    while (line.length() < 2 || line.indexOf("\r\n", line.length() - 2) < 0) {
      int next = from.read();
      if (next < 0) {
        throw new EOFException("closed within a line: '" + line + "'");
      }
      line.append((char) next);
    }
    return line.substring(0, line.length() - 2);
  }

  private static String exactly(InputStream from, int bytes) throws IOException {
    byte[] all = from.readNBytes(bytes);
    if (all.length < bytes) {
      throw new EOFException("closed after %d bytes of %d".formatted(all.length, bytes));
    }
    return new String(all, StandardCharsets.ISO_8859_1);
  }

  private static String rest(InputStream from) throws IOException {
    ByteArrayOutputStream rest = new ByteArrayOutputStream();
    try {
      from.transferTo(rest);
    } catch (SocketException e) {
      // A reset ends the connection, too.
    }
    return rest.toString(StandardCharsets.ISO_8859_1);
  }

  /** Reads everything until the connection is closed. Fails if it is not closed. */
  String readUntilClosed() throws IOException {
    return rest(from);
  }

  /** Closes the sending side. Responses can still be read. */
  RawClient shutdownSending() throws IOException {
    socket.shutdownOutput();
    return this;
  }

  /** Resets the connection, as the kernel does if the process is killed. */
  void reset() throws IOException {
    socket.setSoLinger(true, 0);
    socket.close();
  }

  @Override
  public void close() throws IOException {
    socket.close();
  }
}
