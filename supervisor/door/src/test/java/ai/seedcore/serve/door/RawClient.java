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

/** A client that says what it likes, from an address of its choice, and sees what comes back. */
final class RawClient implements AutoCloseable {

  /** Who asks for nothing but what is his. */
  static final String GOOD = "127.0.0.1";

  private static final int PATIENCE_MS = 10_000;

  private final Socket socket = new Socket();
  private final InputStream from;

  /**
   * What came back.
   *
   * @param head all before the empty line, its first line included
   * @param body the body, without its chunks' sizes
   */
  record Answer(int status, String head, String body) {

    /** The values of a header, in their order. */
    List<String> all(String name) {
      return values(head, name);
    }

    /** The value of a header; empty where there is none. */
    String header(String name) {
      List<String> all = all(name);
      return all.isEmpty() ? "" : all.get(0);
    }
  }

  RawClient(int port) throws IOException {
    this(GOOD, port);
  }

  RawClient(String address, int port) throws IOException {
    socket.bind(new InetSocketAddress(address, 0));
    socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), PATIENCE_MS);
    socket.setSoTimeout(PATIENCE_MS);
    socket.setTcpNoDelay(true);
    from = new BufferedInputStream(socket.getInputStream());
  }

  /** The values of a header of a head. */
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

  /** How long to wait for what comes. */
  RawClient patience(int millis) throws IOException {
    socket.setSoTimeout(millis);
    return this;
  }

  /** Each character is a byte. */
  RawClient say(String text) throws IOException {
    return say(text.getBytes(StandardCharsets.ISO_8859_1));
  }

  RawClient say(byte[] bytes) throws IOException {
    socket.getOutputStream().write(bytes);
    return this;
  }

  /** The same, where the other end may have gone already. */
  RawClient saySomeOf(String text) {
    try {
      say(text);
    } catch (IOException e) {
      // What it has said before that is read below.
    }
    return this;
  }

  RawClient get(String target) throws IOException {
    return say("GET " + target + " HTTP/1.1\r\nHost: x\r\n\r\n");
  }

  RawClient post(String target, String body) throws IOException {
    return say(
        "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s"
            .formatted(target, body.length(), body));
  }

  /** The next answer. */
  Answer read() throws IOException {
    return read(true);
  }

  /**
   * The next answer.
   *
   * @param body whether one comes, where its head says so: after HEAD none does
   */
  Answer read(boolean body) throws IOException {
    return answer(from, body);
  }

  private static Answer answer(InputStream from, boolean body) throws IOException {
    String head = head(from);
    int status = Integer.parseInt(head.substring(9, 12));
    if (!body || status < 200 || status == 204 || status == 304) {
      return new Answer(status, head, "");
    }
    return new Answer(status, head, body(from, head));
  }

  /** All up to an empty line, without that. */
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

  /** What belongs to a head: of its length, in chunks, or, of an answer, up to the end. */
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
      // A reset is an end, too.
    }
    return rest.toString(StandardCharsets.ISO_8859_1);
  }

  /** All that comes until the connection is closed; fails where it is not. */
  String untilClosed() throws IOException {
    return rest(from);
  }

  /** Says no more, and still listens. */
  RawClient saysNoMore() throws IOException {
    socket.shutdownOutput();
    return this;
  }

  /** Goes, as a process that is killed with its connection does. */
  void resets() throws IOException {
    socket.setSoLinger(true, 0);
    socket.close();
  }

  @Override
  public void close() throws IOException {
    socket.close();
  }
}
