package ai.seedcore.serve.door.request;

import ai.seedcore.serve.door.client.Connection;
import ai.seedcore.serve.door.client.Pace;
import io.netty.channel.Channel;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpClientResponse;
import io.vertx.core.http.HttpServerResponse;
import io.vertx.core.http.HttpVersion;
import io.vertx.core.net.impl.VertxConnection;
import java.util.ArrayDeque;
import java.util.Deque;
import org.jspecify.annotations.Nullable;

/**
 * Streams one response to its client, no faster than the client reads it and the client's share of
 * the event loop's time allows.
 *
 * <p>Meanwhile the upstream connection is not read. Vert.x's own {@code pause} would not do: a
 * connection that has received all of a paused response goes back to the pool, but remains paused,
 * and the next client's response would wait until this client has read.
 */
final class Relay implements Pace.Deferred {

  /** The approximate number of response bytes that stay in memory while a response is paused. */
  private static final int PAUSED_BYTES = 64 << 10;

  /** The approximate time to read as much of a response. */
  private static final long READ_NANOS = 50_000;

  /**
   * The memory outside the heap that a compressor takes, in bytes (zlib's windowBits 15 and
   * memLevel 8).
   */
  private static final int COMPRESSOR_BYTES = 256 << 10;

  /** How many responses to one client may be compressed at a time. */
  private static final int MAX_COMPRESSORS = 64;

  private final Exchange exchange;
  private final Connection connection;
  private final HttpClientResponse upstreamResponse;
  private final HttpServerResponse response;
  private final Pace pace;
  private final Cors cors;
  private final @Nullable Channel upstream;
  private final Deque<Buffer> parts = new ArrayDeque<>();

  private boolean complete;
  private boolean clientBehind;
  private boolean deferred;
  private boolean compresses;
  private int pausedBytes;

  Relay(Exchange exchange, HttpClientResponse upstreamResponse, Services services) {
    this.exchange = exchange;
    this.connection = exchange.connection();
    this.upstreamResponse = upstreamResponse;
    this.response = exchange.request().response();
    this.pace = services.pace();
    this.cors = services.cors();
    this.upstream =
        upstreamResponse.request().connection() instanceof VertxConnection used
            ? used.channel()
            : null;
  }

  /**
   * Starts the response.
   *
   * @param head the part of the body that has been read already
   */
  void begin(Buffer head) {
    Forwarding.responseHeaders(upstreamResponse, response, cors);
    String length = upstreamResponse.getHeader("Content-Length");
    if (length != null) {
      response.putHeader("Content-Length", length);
    } else {
      response.setChunked(true);
    }
    response.setStatusCode(upstreamResponse.statusCode());
    connection.responseStreams();
    if (Forwarding.isUnread(exchange.request())) {
      Replies.announceEnd(exchange.request()); // The rest of the body is discarded.
    }
    boolean declared = exchange.entry().route().declared();
    if (exchange.request().getHeader("Accept-Encoding") != null
        && upstreamResponse.getHeader("Content-Encoding") == null) {
      boolean inParts = declared && length == null && head.length() == 0;
      if (Attempt.isEvents(upstreamResponse) || inParts) {
        leaveUncompressed(); // A compressor would keep parts until it has enough of them.
      } else {
        compress();
      }
    }
    if (head.length() > 0) {
      parts.add(head);
    }
    upstreamResponse.handler(
        part -> {
          parts.add(part);
          write();
        });
    upstreamResponse.exceptionHandler(nothing -> exchange.breakOff());
    upstreamResponse.endHandler(nothing -> upstreamComplete());
    long now = System.nanoTime();
    if (connection.clientHasEnded()) {
      connection.deadlines().clear(now); // It is there: it gets the time that reading takes.
    }
    if (!pace.allows(connection.client(), now)) {
      defer(now);
    }
    write();
  }

  /**
   * Requests compression. A compressor takes memory, so a client gets a limited number of them.
   * Further responses are sent uncompressed.
   */
  private void compress() {
    compresses = exchange.client().beginCompressing(MAX_COMPRESSORS);
    if (compresses && !exchange.charge(COMPRESSOR_BYTES)) {
      endCompressing();
    }
    if (!compresses) {
      leaveUncompressed();
    }
  }

  private void leaveUncompressed() {
    response.putHeader("Content-Encoding", "identity"); // Vert.x understands that.
  }

  private void upstreamComplete() {
    if (exchange.isResponding()) {
      complete = true;
      readUpstream(true);
      exchange.upstreamComplete(upstreamResponse.statusCode());
      write();
    }
  }

  /** Writes the parts that have arrived, until the client is behind or its time is used up. */
  private void write() {
    while (exchange.isResponding() && !clientBehind && !deferred && !parts.isEmpty()) {
      long began = System.nanoTime();
      response.write(parts.remove());
      long now = System.nanoTime();
      pace.charge(connection.client(), now - began);
      if (response.writeQueueFull()) {
        clientBehind = true;
        connection.deadlines().readStarted(now);
        response.drainHandler(nothing -> drained());
      }
      if (!pace.allows(connection.client(), now)) {
        defer(now);
      }
    }
    if (!exchange.isResponding()) {
      return;
    }
    if (clientBehind || deferred) {
      pause();
    } else if (complete) {
      finish();
    } else {
      resume();
    }
  }

  private void finish() {
    exchange.end(upstreamResponse.statusCode());
    response.end();
    if (upstreamResponse.getHeader("Content-Length") == null
        && exchange.request().version() == HttpVersion.HTTP_1_0) {
      // An HTTP/1.0 client recognizes the end of the response only by the end of the connection.
      connection.close();
    }
  }

  private void defer(long now) {
    deferred = true;
    pace.defer(this, connection.client(), now);
  }

  /** Stops reading, and charges what stays in memory. Breaks off if the budget is exhausted. */
  private void pause() {
    if (pausedBytes > 0) {
      return;
    }
    if (exchange.charge(PAUSED_BYTES)) {
      pausedBytes = PAUSED_BYTES;
      if (!complete) {
        readUpstream(false);
      }
    } else {
      exchange.breakOff();
    }
  }

  private void resume() {
    if (pausedBytes > 0) {
      exchange.refund(pausedBytes);
      pausedBytes = 0;
      // The next part is read later in this turn. Without this charge, all paused responses would
      // be resumed before any of them is charged.
      pace.charge(connection.client(), READ_NANOS);
      readUpstream(true);
    }
  }

  private void readUpstream(boolean reads) {
    if (upstream != null && upstream.config().isAutoRead() != reads) {
      upstream.config().setAutoRead(reads);
    }
  }

  /** Continues after the client has read what was written. */
  private void drained() {
    if (exchange.isResponding()) {
      clientBehind = false;
      connection.deadlines().readEnded(System.nanoTime());
      write();
    }
  }

  /** Continues once the client has time on the event loop again. */
  @Override
  public void proceed() {
    long now = System.nanoTime();
    if (exchange.isResponding() && !pace.allows(connection.client(), now)) {
      pace.defer(this, connection.client(), now);
    } else {
      deferred = false;
      write();
    }
  }

  /** Drops what has not been written. */
  void close() {
    parts.clear();
    endCompressing();
  }

  private void endCompressing() {
    if (compresses) {
      compresses = false;
      exchange.client().endCompressing();
    }
  }
}
