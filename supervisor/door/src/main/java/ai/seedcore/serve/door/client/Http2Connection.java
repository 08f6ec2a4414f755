package ai.seedcore.serve.door.client;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelOption;
import io.netty.handler.codec.http2.Http2CodecUtil;
import io.netty.handler.codec.http2.Http2ConnectionAdapter;
import io.netty.handler.codec.http2.Http2ConnectionHandler;
import io.netty.handler.codec.http2.Http2Error;
import io.netty.handler.codec.http2.Http2Stream;
import io.vertx.core.http.Http2Settings;
import io.vertx.core.http.HttpConnection;
import io.vertx.core.http.HttpServerRequest;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** An HTTP/2 connection, with its streams and its deadline for the next head. */
final class Http2Connection extends Transport implements Frames.Owner {

  /** How many requests a connection may carry at a time, as in Envoy and nginx. */
  private static final int MAX_STREAMS = 128;

  /** How much all streams together may send before it is read: each its own window. */
  static final int WINDOW_BYTES = MAX_STREAMS * Http2CodecUtil.DEFAULT_WINDOW_SIZE;

  /**
   * How long after its first GOAWAY a connection may end, because requests that were sent before
   * its arrival are served; longer than a round trip. See RFC 9113, section 6.8.
   */
  private static final long GOAWAY_NANOS = 1_000_000_000L;

  /** Mostly for the tables with which heads are compressed. */
  private static final int WEIGHT = 3;

  private final Http2ConnectionHandler codec;
  private final Frames frames;
  private final Deadlines deadlines;
  private final Map<Integer, RequestStream> streams = new LinkedHashMap<>();

  /** When the connection ends if it has no stream. */
  private long endsAt = Long.MAX_VALUE;

  /** What is charged for responses whose streams have ended and that the client has not read. */
  private long charged;

  Http2Connection(Connections all, HttpConnection http, Channel channel, Client client) {
    super(all, http, channel, client);
    channel.config().setOption(ChannelOption.ALLOW_HALF_CLOSURE, false); // As there are streams.
    this.deadlines = new Deadlines(System.nanoTime() + all.headerNanos()); // For the preface.
    this.frames = new Frames(client, budget, pace, this);
    Gate.limitReads(channel);
    this.codec = channel.pipeline().get(Http2ConnectionHandler.class);
    channel.pipeline().addBefore(channel.pipeline().context(codec).name(), "frames", frames);
    codec
        .connection()
        .addListener(
            new Http2ConnectionAdapter() {
              @Override
              public void onStreamClosed(Http2Stream stream) {
                ended(stream.id());
              }
            });
  }

  /** Reads what has arrived before the protocol was known. */
  void begin(ByteBuf preface, @Nullable ByteBuf rest) {
    frames.channelRead(frames.context, preface);
    if (rest != null) {
      frames.channelRead(frames.context, rest);
    }
    frames.readOn();
    channel.pipeline().fireChannelReadComplete();
  }

  /** Returns whether it was accepted. */
  boolean isRegistered() {
    return all.has(this);
  }

  /** Returns what the server tells its clients. */
  static Http2Settings settings() {
    return new Http2Settings()
        .setMaxConcurrentStreams(MAX_STREAMS)
        .setMaxHeaderListSize(Connections.HEAD.headBytes() + Connections.HEAD.lineBytes());
  }

  @Override
  Connection carrier(HttpServerRequest request) {
    int id = (int) request.streamId();
    RequestStream carrier =
        streams.computeIfAbsent(
            id, stream -> new RequestStream(this, request, frames.hasBody(stream)));
    if (!frames.isHeadIncomplete()) {
      deadlines.clear(System.nanoTime());
    }
    return carrier;
  }

  private void ended(int id) {
    RequestStream ended = streams.remove(id);
    if (ended != null) {
      ended.closed();
    }
    if (streams.isEmpty()) {
      if (!frames.isHeadIncomplete()) {
        deadlines.set(System.nanoTime() + all.idleNanos());
      }
      all.moveToEnd(this);
    }
    long behind = channel.bytesBeforeWritable();
    boolean closing = behind == Long.MAX_VALUE;
    if (behind > 0 && !closing && charged == 0 && all.has(this)) {
      waitForReader(behind + WATER_MARKS.low());
    }
  }

  private void waitForReader(long pending) {
    deadlines.readStarted(System.nanoTime());
    if (budget.take(pending, client.usage().bytes(), null)) {
      charged = pending;
    } else {
      all.refused();
      abort();
    }
  }

  @Override
  public void drained() {
    deadlines.readEnded(System.nanoTime());
    budget.give(charged, client.usage().bytes(), null);
    charged = 0;
  }

  @Override
  Gate gate() {
    return frames;
  }

  @Override
  int weight() {
    return WEIGHT;
  }

  @Override
  boolean isIdle() {
    return streams.isEmpty();
  }

  @Override
  void endSoon() {
    goAway(Integer.MAX_VALUE);
    endsAt = System.nanoTime() + GOAWAY_NANOS;
  }

  /** Tells the client to send no request after a stream, and that later ones were not handled. */
  private void goAway(int lastStream) {
    ChannelHandlerContext context = channel.pipeline().context(codec);
    var unused =
        codec.goAway(
            context,
            lastStream,
            Http2Error.NO_ERROR.code(),
            Unpooled.EMPTY_BUFFER,
            context.newPromise());
    context.flush();
  }

  @Override
  void sweep(long now) {
    if (deadlines.havePassed(now)) {
      abort();
      return;
    }
    if (endsAt != Long.MAX_VALUE && now - endsAt > 0 && streams.isEmpty()) {
      goAway(codec.connection().remote().lastStreamCreated());
      http.close();
      return;
    }
    for (RequestStream stream : List.copyOf(streams.values())) {
      if (frames.isWaiting()) {
        stream.arrives(now); // The door itself does not read.
      }
      stream.sweep(now);
    }
  }

  @Override
  public void headBegun(long now) {
    deadlines.set(now + all.headerNanos());
  }

  @Override
  public void headEnded() {
    long now = System.nanoTime();
    if (streams.isEmpty()) {
      deadlines.set(now + all.idleNanos());
    } else {
      deadlines.clear(now);
    }
  }

  @Override
  public void bodyArrives(int stream, long now) {
    RequestStream known = streams.get(stream);
    if (known != null) {
      known.arrives(now);
    }
  }

  @Override
  public void bodyPassed(int stream) {
    RequestStream known = streams.get(stream);
    if (known != null) {
      known.passed();
    }
  }

  @Override
  public void overBudget() {
    all.overBudget(this);
  }

  @Override
  void stopCharging() {
    frames.discard();
    drained();
    List.copyOf(streams.values()).forEach(RequestStream::closed);
    streams.clear();
  }
}
