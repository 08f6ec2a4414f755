package ai.seedcore.serve.door.client;

import ai.seedcore.serve.base.Fatal;
import io.netty.buffer.ByteBuf;
import io.netty.channel.AdaptiveRecvByteBufAllocator;
import io.netty.channel.Channel;
import io.netty.channel.ChannelDuplexHandler;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelOption;
import io.netty.channel.ChannelPromise;
import io.netty.channel.socket.ChannelInputShutdownEvent;
import io.netty.handler.ssl.SslHandler;
import org.jspecify.annotations.Nullable;

/**
 * The bytes that arrive on one connection, before they are decoded as HTTP. Passes on one request
 * at a time, and of its body only what is wanted. Bytes that arrive before they are wanted are kept
 * and charged to the client. They are few, because the channel is not read meanwhile.
 */
public final class Intake extends ChannelDuplexHandler implements Pace.Deferred {

  /** How many bytes are read at a time, and about how many are kept. */
  private static final int MAX_READ = 16 << 10;

  /** The same for TLS, where these bytes may hold 180 records of one byte each. */
  private static final int MAX_TLS_READ = 4 << 10;

  /**
   * How many more bytes may arrive after reading has stopped: some TLS records or, if the client
   * has closed its sending side, all that the kernel holds.
   */
  private static final int MAX_AFTER_STOP = 256 << 10;

  /**
   * How many bytes are passed on at a time if the end of the body is not known. They may belong to
   * the next request.
   */
  private static final int CHUNKED_PART = 1 << 10;

  /**
   * The approximate memory that a header field takes beyond its bytes: its entry and its string
   * objects.
   */
  private static final int FIELD_OVERHEAD = 160;

  /**
   * How many bytes of a head are passed on at a time, because a line that is folded many times is
   * costly to decode.
   */
  private static final int HEAD_PART = 4 << 10;

  /** About how long it takes to read bytes that are discarded, in nanoseconds. */
  private static final long READ_NANOS = 10_000;

  private enum Expected {
    HEAD,
    BODY,
    /** A complete request has arrived, and its response is not complete. */
    NOTHING,
    /** Bytes that are not HTTP. */
    TUNNEL,
    /** Nothing that arrives is used any more. */
    DISCARD
  }

  /** Receives the events of the connection. */
  interface Owner {

    /** Handles the end of the client's input. Returns whether the client still gets a response. */
    boolean inputEnded();

    /** Handles bytes for which the budget does not suffice. */
    void overBudget();

    /** Handles the fact that the client has read what was written. */
    void drained();

    /** Handles bytes of a body that is discarded. */
    void discarded(long now);

    void close();
  }

  private final Client client;
  private final Room budget;
  private final Pace pace;
  private final Owner owner;
  private ChannelHandlerContext context;

  private Expected expected = Expected.HEAD;

  /** How many bytes of the body are missing; Long.MAX_VALUE: unknown. */
  private long remaining;

  /**
   * The memory that the last head takes once it is decoded, with the empty lines before it, in
   * bytes.
   */
  private int headCost;

  /** The bytes that are charged for an incomplete head. */
  private int headCounted;

  /** Whether a line of the head has arrived that is not empty. */
  private boolean headBegun;

  /** Whether the current line of the head is empty so far. */
  private boolean lineEmpty = true;

  private boolean paused;
  private @Nullable ByteBuf buffered;
  private boolean readingStopped;
  private long reads;
  private boolean clientEnded;
  private @Nullable Object shutdown;
  private boolean forwarding;

  @SuppressWarnings("NullAway.Init") // handlerAdded sets the context at once.
  private Intake(Client client, Room budget, Pace pace, Owner owner) {
    this.client = client;
    this.budget = budget;
    this.pace = pace;
    this.owner = owner;
  }

  /**
   * Limits how much of a channel is read in one turn: no more than may be kept, and no more than is
   * decrypted quickly.
   */
  static void limitReads(Channel channel) {
    int most = channel.pipeline().get(SslHandler.class) == null ? MAX_READ : MAX_TLS_READ;
    channel
        .config()
        .setRecvByteBufAllocator(
            new AdaptiveRecvByteBufAllocator(512, 2048, most).maxMessagesPerRead(2));
  }

  /** Adds an intake to a channel's pipeline, before the HTTP decoder. */
  static Intake of(Channel channel, Client client, Room budget, Pace pace, Owner owner) {
    limitReads(channel);
    channel.config().setOption(ChannelOption.ALLOW_HALF_CLOSURE, true);
    Intake intake = new Intake(client, budget, pace, owner);
    channel.pipeline().addBefore("httpDecoder", "intake", intake);
    return intake;
  }

  @Override
  public void handlerAdded(ChannelHandlerContext ctx) {
    context = ctx;
  }

  /**
   * Starts a request whose head has been decoded.
   *
   * @param body the length of its body in bytes; Long.MAX_VALUE: unknown
   */
  void startRequest(long body) {
    remaining = body;
    releaseHead();
    expected = body > 0 ? Expected.BODY : Expected.NOTHING;
    if (!forwarding) {
      proceedSoon(); // The head arrived together with the end of the previous request.
    }
  }

  /** Ends a body whose length was not known in advance. */
  public void bodyEnds() {
    if (expected == Expected.BODY) {
      expected = Expected.NOTHING;
    }
  }

  /** Passes on everything, as the connection no longer speaks HTTP. */
  void tunnel() {
    expected = Expected.TUNNEL;
    proceedSoon();
  }

  /** Stops passing on the body. */
  public void hold() {
    paused = true;
  }

  /** Resumes passing on the body. */
  public void release() {
    paused = false;
    proceedSoon();
  }

  /**
   * Discards the rest of the current body, if it has not arrived completely. Returns whether that
   * is the case.
   */
  boolean discardBody() {
    if (expected != Expected.BODY) {
      return false;
    }
    discard();
    // Reads on, or closes, once what this event has written is flushed.
    context.executor().execute(this::proceed);
    return true;
  }

  /** Allows the next request, as the response to the current one has been sent. */
  void responseSent() {
    paused = false;
    if (expected == Expected.NOTHING) {
      expected = Expected.HEAD;
      headCost = 0;
      proceedSoon();
    }
  }

  /** Discards everything that is kept, and everything that arrives from now on. */
  public void discard() {
    expected = Expected.DISCARD;
    releaseHead();
    releaseKept();
  }

  /** Returns the memory that the current request's head takes, in bytes. */
  public int headCost() {
    return headCost;
  }

  /** Returns whether the client has closed its sending side. */
  public boolean clientHasEnded() {
    return clientEnded;
  }

  private void proceedSoon() {
    if (buffered != null || clientEnded) {
      context.executor().execute(this::proceed);
    }
  }

  /** Passes on the kept bytes as far as they are wanted now. */
  @Override
  public void proceed() {
    ByteBuf waits = buffered;
    if (waits != null && !forwarding) {
      buffered = null;
      forward(waits);
      int rest = expected == Expected.DISCARD ? 0 : waits.readableBytes();
      if (rest > 0) {
        buffered = waits;
      } else {
        releaseBuffer(waits);
      }
      context.fireChannelReadComplete(); // Flushes what was written.
      if (rest == 0 || (!isWanted() && rest < MAX_READ)) {
        startReading();
      }
    } else if (expected == Expected.DISCARD) {
      startReading();
    }
    if (shutdown != null && buffered == null) {
      Object event = shutdown;
      shutdown = null;
      context.fireUserEventTriggered(event);
    }
    if (clientEnded && buffered == null && (isWanted() || expected == Expected.DISCARD)) {
      owner.close(); // Nothing can arrive any more.
    }
  }

  private void stopReading() {
    readingStopped = true;
    context.channel().config().setAutoRead(false);
  }

  /**
   * Reads on, unless the client has closed its sending side. Then all of it has been read, and
   * Netty would close the connection, with what has not been flushed.
   */
  private void startReading() {
    if (readingStopped && !clientEnded) {
      readingStopped = false;
      context.channel().config().setAutoRead(true);
    }
  }

  /** Returns how often bytes have arrived. */
  long reads() {
    return reads;
  }

  /** Lets the channel be read again, unless this intake has stopped that. */
  void readOn() {
    if (!readingStopped && !clientEnded) {
      context.channel().config().setAutoRead(true);
    }
  }

  @Override
  public void channelRead(ChannelHandlerContext ctx, Object message) {
    ByteBuf data = (ByteBuf) message;
    reads++;
    try {
      if (expected == Expected.DISCARD) {
        discarded();
        return;
      }
      if (readingStopped && buffered != null && buffered.readableBytes() > MAX_AFTER_STOP) {
        // Data arrives although reading has stopped, because the client has closed its sending
        // side.
        discard();
        owner.close();
        return;
      }
      if (buffered == null) {
        forward(data);
      }
      if (data.isReadable() && expected != Expected.DISCARD) {
        keep(data);
      }
    } finally {
      data.release();
    }
  }

  private void discarded() {
    long now = System.nanoTime();
    pace.charge(client, READ_NANOS);
    owner.discarded(now);
    if (!readingStopped && !pace.allows(client, now)) {
      stopReading();
      pace.defer(this, client, now);
    }
  }

  private void keep(ByteBuf data) {
    ByteBuf buffer = buffered;
    if (buffer == null || buffer.writableBytes() < data.readableBytes()) {
      buffer = grow(buffer, data.readableBytes());
      if (buffer == null) {
        discard();
        owner.overBudget();
        return;
      }
      buffered = buffer;
    }
    buffer.writeBytes(data);
    // Bytes that are wanted but kept wait for the client's share of time.
    if (!readingStopped && (isWanted() || buffer.readableBytes() >= MAX_READ)) {
      stopReading();
    }
  }

  /**
   * Returns a buffer with space for more bytes and the contents of the given one; null if the
   * budget does not suffice.
   */
  private @Nullable ByteBuf grow(@Nullable ByteBuf before, int bytes) {
    int size = bytes + (before == null ? 0 : before.readableBytes());
    int capacity = before == null ? size : size + size / 2;
    int more = capacity - (before == null ? 0 : before.capacity());
    if (more > 0 && !budget.take(more, client.usage().bytes(), null)) {
      return null;
    }
    budget.give(Math.max(0, -more), client.usage().bytes(), null);
    // Many of these buffers would fill the heap repeatedly, so they are direct. They come
    // from the pool, because Vert.x releases only pooled buffers.
    ByteBuf buffer = context.alloc().directBuffer(capacity, capacity);
    if (before != null) {
      buffer.writeBytes(before);
      before.release();
    }
    return buffer;
  }

  private void forward(ByteBuf from) {
    forwarding = true;
    long now = System.nanoTime();
    while (from.isReadable() && isWanted()) {
      if (!pace.allows(client, now)) {
        pace.defer(this, client, now);
        break;
      }
      ByteBuf part = from.readRetainedSlice(nextPart(from));
      if (expected == Expected.BODY && remaining != Long.MAX_VALUE) {
        remaining -= part.readableBytes();
        expected = remaining == 0 ? Expected.NOTHING : expected;
      }
      context.fireChannelRead(part);
      if (expected == Expected.HEAD && !countHead()) {
        discard();
        owner.overBudget();
      }
      long then = System.nanoTime();
      pace.charge(client, then - now);
      now = then;
    }
    forwarding = false;
  }

  private boolean isWanted() {
    return expected == Expected.HEAD
        || ((expected == Expected.BODY || expected == Expected.TUNNEL) && !paused);
  }

  /** Returns how many bytes belong to what is expected, and to nothing after it. */
  private int nextPart(ByteBuf from) {
    if (expected == Expected.TUNNEL) {
      return from.readableBytes();
    }
    return expected == Expected.HEAD
        ? nextHeadPart(from)
        : (int)
            Math.min(from.readableBytes(), remaining == Long.MAX_VALUE ? CHUNKED_PART : remaining);
  }

  /**
   * Returns the length of the next part of a head, and adds its cost: a decoded head takes about
   * twice its bytes, and an entry for each field.
   */
  private int nextHeadPart(ByteBuf from) {
    int begin = from.readerIndex();
    int end = Math.min(from.writerIndex(), begin + HEAD_PART);
    int at = begin;
    boolean whole = false;
    while (at < end && !whole) {
      int feed = from.indexOf(at, end, (byte) '\n');
      int stop = feed < 0 ? end : feed;
      boolean empty = stop == at || (stop == at + 1 && from.getByte(at) == '\r');
      lineEmpty &= empty;
      headBegun |= !empty;
      at = stop;
      if (feed >= 0) {
        at++;
        headCost += headBegun ? FIELD_OVERHEAD : 0;
        whole = lineEmpty && headBegun;
        lineEmpty = true;
      }
    }
    headCost += 2 * (at - begin);
    headBegun &= !whole;
    return at - begin;
  }

  /** Charges the head so far to the client. Returns false if the budget does not suffice. */
  private boolean countHead() {
    int more = headCost - headCounted;
    if (more > 0 && !budget.take(more, client.usage().bytes(), null)) {
      return false;
    }
    headCounted += Math.max(0, more);
    return true;
  }

  private void releaseHead() {
    budget.give(headCounted, client.usage().bytes(), null);
    headCounted = 0;
  }

  private void releaseBuffer(ByteBuf what) {
    budget.give(what.capacity(), client.usage().bytes(), null);
    what.release();
  }

  private void releaseKept() {
    if (buffered != null) {
      releaseBuffer(buffered);
      buffered = null;
    }
  }

  @Override
  public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
    if (event instanceof ChannelInputShutdownEvent) {
      clientEnded = true;
      boolean isDeferred = buffered != null && isWanted();
      if (expected == Expected.DISCARD || (!isDeferred && !owner.inputEnded())) {
        owner.close();
      } else if (buffered != null) {
        // The kept bytes go first, because the event would end an incomplete head.
        shutdown = event;
        proceedSoon();
        return;
      } else {
        proceedSoon();
      }
    }
    ctx.fireUserEventTriggered(event);
  }

  @Override
  public void channelWritabilityChanged(ChannelHandlerContext ctx) {
    if (ctx.channel().isWritable()) {
      owner.drained();
    }
    ctx.fireChannelWritabilityChanged();
  }

  @Override
  public void write(ChannelHandlerContext ctx, Object message, ChannelPromise promise) {
    ChannelFuture written = ctx.write(message, promise);
    if (written.isDone() && written.cause() != null) {
      // Written data is copied out of the heap first, which can fail.
      Fatal.ifOutOfMemory(written.cause());
    }
  }

  @Override
  public void exceptionCaught(ChannelHandlerContext ctx, Throwable error) {
    Fatal.ifOutOfMemory(error);
    ctx.fireExceptionCaught(error);
  }

  @Override
  public void channelInactive(ChannelHandlerContext ctx) {
    discard();
    ctx.fireChannelInactive();
  }
}
