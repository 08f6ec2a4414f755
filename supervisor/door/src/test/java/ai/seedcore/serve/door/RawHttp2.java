package ai.seedcore.serve.door;

import io.netty.buffer.Unpooled;
import io.netty.handler.codec.http2.DefaultHttp2HeadersDecoder;
import io.netty.handler.codec.http2.Http2Exception;
import io.netty.handler.codec.http2.Http2Headers;
import io.vertx.core.buffer.Buffer;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/** A client that sends and reads HTTP/2 frames, valid or not, on a connection without TLS. */
final class RawHttp2 implements AutoCloseable {

  static final int DATA = 0;
  static final int HEADERS = 1;
  static final int RESET = 3;
  static final int SETTINGS = 4;
  static final int PING = 6;
  static final int GOAWAY = 7;
  static final int WINDOW = 8;
  static final int CONTINUATION = 9;

  static final int END_STREAM = 1;
  static final int END_HEADERS = 4;
  static final int PRIORITY = 32;
  static final int ACK = 1;

  private static final byte[] PREFACE =
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".getBytes(StandardCharsets.US_ASCII);

  /** A frame that has arrived. */
  record Frame(int type, int flags, int stream, Buffer payload) {

    /** The error code of a RST_STREAM or GOAWAY frame. */
    int code() {
      return payload.getInt(type == GOAWAY ? 4 : 0);
    }
  }

  /**
   * What a stream answered.
   *
   * @param status its status; 0 if the stream was reset, or the connection closed
   */
  record Answer(int status, Http2Headers headers, String body) {}

  private final Socket socket;
  private final DataInputStream in;
  private final DefaultHttp2HeadersDecoder decoder = new DefaultHttp2HeadersDecoder();

  RawHttp2(int port) throws IOException {
    this("127.0.0.1", port, 0);
  }

  /**
   * Connects.
   *
   * @param address the client's own address
   * @param receiveBuffer the size of the kernel's buffer in bytes; 0: its default
   */
  RawHttp2(String address, int port, int receiveBuffer) throws IOException {
    socket = new Socket();
    if (receiveBuffer > 0) {
      socket.setReceiveBufferSize(receiveBuffer);
    }
    socket.bind(new InetSocketAddress(address, 0));
    socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
    socket.setSoTimeout(20_000);
    in = new DataInputStream(socket.getInputStream());
    try {
      // The server has to keep its own table this small, whatever the client permits.
      decoder.configuration().maxHeaderTableSize(1 << 10);
    } catch (Http2Exception e) {
      throw new IOException(e);
    }
    socket.getOutputStream().write(PREFACE);
    send(SETTINGS, 0, 0);
  }

  /** Encodes fields, without compression: names and values by turns. */
  static byte[] fields(String... namesAndValues) {
    ByteArrayOutputStream block = new ByteArrayOutputStream();
    for (int i = 0; i < namesAndValues.length; i += 2) {
      block.write(0); // RFC 7541, 6.2.2: a literal field without indexing, with a new name.
      text(block, namesAndValues[i]);
      text(block, namesAndValues[i + 1]);
    }
    return block.toByteArray();
  }

  private static void text(ByteArrayOutputStream block, String text) {
    byte[] bytes = text.getBytes(StandardCharsets.ISO_8859_1);
    int rest = bytes.length;
    if (rest < 127) {
      block.write(rest);
    } else { // RFC 7541, 5.1.
      block.write(127);
      rest -= 127;
      while (rest >= 128) {
        block.write(rest % 128 + 128);
        rest /= 128;
      }
      block.write(rest);
    }
    block.writeBytes(bytes);
  }

  /** Encodes the head of a request, with more fields. */
  static byte[] head(String method, String path, String... more) {
    ByteArrayOutputStream block = new ByteArrayOutputStream();
    block.writeBytes(
        fields(":method", method, ":scheme", "http", ":path", path, ":authority", "door.test"));
    block.writeBytes(fields(more));
    return block.toByteArray();
  }

  RawHttp2 send(int type, int flags, int stream, byte... payload) throws IOException {
    ByteBuffer frame = ByteBuffer.allocate(9 + payload.length);
    frame.put((byte) (payload.length >> 16)).putShort((short) payload.length);
    frame.put((byte) type).put((byte) flags).putInt(stream).put(payload);
    return bytes(frame.array());
  }

  RawHttp2 bytes(byte[] bytes) throws IOException {
    socket.getOutputStream().write(bytes);
    socket.getOutputStream().flush();
    return this;
  }

  /** Sends a request without a body. */
  RawHttp2 get(int stream, String path, String... more) throws IOException {
    return send(HEADERS, END_HEADERS | END_STREAM, stream, head("GET", path, more));
  }

  /** Sends a request with a body in one frame. */
  RawHttp2 post(int stream, String path, String body, String... more) throws IOException {
    send(HEADERS, END_HEADERS, stream, head("POST", path, more));
    return send(DATA, END_STREAM, stream, body.getBytes(StandardCharsets.UTF_8));
  }

  /** Reads a frame. Acknowledges settings, and gives the server all windows back. */
  Frame read() throws IOException {
    byte[] header = new byte[9];
    in.readFully(header);
    ByteBuffer parsed = ByteBuffer.wrap(header);
    int length = (header[0] & 0xff) << 16 | (header[1] & 0xff) << 8 | (header[2] & 0xff);
    byte[] payload = new byte[length];
    in.readFully(payload);
    Frame frame = new Frame(header[3], header[4], parsed.getInt(5), Buffer.buffer(payload));
    if (frame.type() == SETTINGS && frame.flags() == 0) {
      send(SETTINGS, ACK, 0);
    } else if (frame.type() == DATA && length > 0) {
      byte[] increment = ByteBuffer.allocate(4).putInt(length).array();
      send(WINDOW, 0, 0, increment);
      if ((frame.flags() & END_STREAM) == 0) {
        send(WINDOW, 0, frame.stream(), increment);
      }
    }
    return frame;
  }

  /** Reads until a stream has ended. What arrives for others is dropped. */
  Answer answer(int stream) throws IOException {
    Http2Headers headers = null;
    ByteArrayOutputStream body = new ByteArrayOutputStream();
    while (true) {
      Frame frame;
      try {
        frame = read();
      } catch (EOFException | SocketException e) {
        return new Answer(0, headers, "closed");
      }
      if (frame.type() == GOAWAY && frame.code() != 0) {
        return new Answer(0, headers, "GOAWAY " + frame.code());
      }
      if (frame.type() == HEADERS) {
        headers = decode(frame, frame.stream() == stream ? headers : null);
      }
      if (frame.stream() != stream) {
        continue;
      }
      if (frame.type() == RESET) {
        return new Answer(0, headers, "RST_STREAM " + frame.code());
      }
      if (frame.type() == DATA) {
        body.writeBytes(frame.payload().getBytes());
      }
      boolean ends = frame.type() == DATA || frame.type() == HEADERS;
      if (ends && (frame.flags() & END_STREAM) != 0) {
        return new Answer(
            Integer.parseInt(headers.status().toString()),
            headers,
            body.toString(StandardCharsets.UTF_8));
      }
    }
  }

  private Http2Headers decode(Frame frame, Http2Headers before) throws IOException {
    try {
      byte[] payload = frame.payload().getBytes();
      int skipped = (frame.flags() & PRIORITY) == 0 ? 0 : 5;
      Http2Headers decoded =
          decoder.decodeHeaders(frame.stream(), Unpooled.wrappedBuffer(payload).skipBytes(skipped));
      return before == null ? decoded : before;
    } catch (Http2Exception e) {
      throw new IOException(e);
    }
  }

  /** Returns whether the server closes the connection. */
  boolean isClosed() throws IOException {
    try {
      while (true) {
        read();
      }
    } catch (EOFException | SocketException e) {
      return true;
    }
  }

  @Override
  public void close() throws IOException {
    socket.close();
  }
}
