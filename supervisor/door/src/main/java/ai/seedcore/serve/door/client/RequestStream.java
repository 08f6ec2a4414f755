package ai.seedcore.serve.door.client;

import io.netty.handler.codec.http2.Http2CodecUtil;
import io.netty.handler.codec.http2.Http2Error;
import io.vertx.core.MultiMap;
import io.vertx.core.http.HttpServerRequest;
import java.util.List;
import java.util.Map;

/** A stream of an HTTP/2 connection: one request, with its deadlines. */
final class RequestStream implements Connection {

  /** The approximate memory of a stream, beside what an HTTP/1 request takes. */
  private static final int STREAM_BYTES = 4 << 10;

  /** The most that a client may send of a body that is not read. */
  private static final int WINDOW_BYTES = Http2CodecUtil.DEFAULT_WINDOW_SIZE;

  /** The approximate memory of a frame that is kept, beyond its bytes. */
  private static final int FRAME_BYTES = 192;

  /** The most that is kept of a response that is written in parts. */
  private static final int STREAMED_BYTES = 64 << 10;

  private final Http2Connection transport;
  private final HttpServerRequest request;
  private final boolean hasBody;
  private final Deadlines deadlines = new Deadlines(Long.MAX_VALUE / 2);
  private final int headCost;

  /** How much of a body that is held the client may have sent. */
  private long window;

  private boolean held;
  private boolean streams;
  private boolean written;
  private boolean closed;

  /** What is charged for a body that is held, or for a response that is not read. */
  private long charged;

  RequestStream(Http2Connection transport, HttpServerRequest request, boolean hasBody) {
    this.transport = transport;
    this.request = request;
    this.hasBody = hasBody;
    describe(request.headers());
    int bytes = STREAM_BYTES;
    for (Map.Entry<String, String> field : request.headers()) {
      bytes += 2 * (field.getKey().length() + field.getValue().length()) + Gate.FIELD_OVERHEAD;
    }
    this.headCost = bytes + (request.uri() == null ? 0 : 2 * request.uri().length());
  }

  /**
   * Adds what an HTTP/1 request says in its header fields, and HTTP/2 elsewhere: its host (RFC
   * 9113, section 8.3.1), and that it has a body of unknown length. Several cookies are one field
   * (section 8.2.3).
   */
  private void describe(MultiMap headers) {
    if (request.authority() != null) {
      headers.set("host", request.authority().toString());
    }
    if (hasBody && !headers.contains("content-length")) {
      headers.set("transfer-encoding", "chunked");
    }
    List<String> cookies = headers.getAll("cookie");
    if (cookies.size() > 1) {
      headers.set("cookie", String.join("; ", cookies));
    }
  }

  @Override
  public Client client() {
    return transport.client;
  }

  @Override
  public long requestStarted(long body, boolean isLast, long now) {
    window = Math.min(WINDOW_BYTES, body);
    deadlines.bodyStarted(now);
    return 1;
  }

  @Override
  public void setCurrent(Current next) {
    // The end of a stream's input is the end of its request.
  }

  @Override
  public int headCost() {
    return headCost;
  }

  @Override
  public void hold() {
    if (hasBody && !held) {
      held = true;
      request.pause();
      charge(window);
    }
  }

  @Override
  public void resume() {
    if (held) {
      held = false;
      stopCharging();
      request.resume();
    }
  }

  private void charge(long bytes) {
    if (closed) {
      return;
    }
    if (transport.budget.take(bytes, client().usage().bytes(), null)) {
      charged += bytes;
    } else {
      transport.all.refused();
      close();
    }
  }

  private void stopCharging() {
    transport.budget.give(charged, client().usage().bytes(), null);
    charged = 0;
  }

  @Override
  public void bodyEnds() {
    // The frame with the end says so.
  }

  @Override
  public boolean clientHasEnded() {
    return false;
  }

  @Override
  public Deadlines deadlines() {
    return deadlines;
  }

  @Override
  public void responseStreams() {
    streams = true;
  }

  /** Handles a part of the body that was passed on, and is kept while the body is held. */
  void passed() {
    if (held) {
      charge(FRAME_BYTES);
    }
  }

  /** Handles the arrival of a part of the body. */
  void arrives(long now) {
    if (written) {
      deadlines.discarded(now);
    } else if (!held) {
      deadlines.bodyProgressed(now);
    }
  }

  /**
   * Starts the deadline for the client to read what was written, and discards what it may still
   * send.
   */
  @Override
  public void responseWritten(long which, long now) {
    if (written || closed) {
      return; // It has read everything already.
    }
    written = true;
    resume();
    if (request.isEnded()) {
      deadlines.clear(now);
    } else {
      request.handler(part -> deadlines.discarded(System.nanoTime()));
      deadlines.lingerStarted(now);
    }
    deadlines.readStarted(now);
    charge(streams ? STREAMED_BYTES : request.response().bytesWritten());
  }

  /** Stops charging anything, because the stream has ended. */
  void closed() {
    closed = true;
    stopCharging();
    deadlines.clear(System.nanoTime());
    deadlines.readEnded(System.nanoTime());
  }

  void sweep(long now) {
    if (deadlines.havePassed(now)) {
      close();
    }
  }

  @Override
  public void discardInput() {
    close();
  }

  @Override
  public void closeAfterResponse() {
    // A stream ends with its response.
  }

  @Override
  public void tunnel(Runnable ended) {
    throw new IllegalStateException("an HTTP/2 stream cannot be another protocol's");
  }

  @Override
  public void close() {
    // After a complete response, the client shall keep it, and stop sending (RFC 9113, 8.1).
    boolean unread = written && !request.isEnded();
    request.response().reset((unread ? Http2Error.NO_ERROR : Http2Error.INTERNAL_ERROR).code());
  }
}
