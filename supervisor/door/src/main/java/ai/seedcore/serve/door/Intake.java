package ai.seedcore.serve.door;

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
 * What comes over one connection, before HTTP is made of it. One request is passed on at a time,
 * and of its body only what is wanted: what comes before that is kept, counted as its client's, and
 * is little, as no more is read then.
 */
final class Intake extends ChannelDuplexHandler implements Pace.Deferred {

  /** How much is read at a time, and about how much is kept. */
  private static final int MOST = 16 << 10;

  /** The same, of TLS: that may be 180 records of one byte. */
  private static final int MOST_TLS = 4 << 10;

  /**
   * How much more may come of what had been read already: some records of TLS, or, of a client that
   * has closed its end, all that the kernel has.
   */
  private static final int BEHIND = 256 << 10;

  /** Where a body's end is not known, no more than this of what is behind it is passed on. */
  private static final int CHUNKED_PART = 1 << 10;

  /** What a field of a head takes beside its bytes: its entry, and the objects of its texts. */
  private static final int FIELD = 160;

  /** So much of a head is passed on at a time: a line that goes on over many is costly. */
  private static final int HEAD_PART = 4 << 10;

  private enum Expected {
    HEAD,
    BODY,
    /** A whole request is here, and not answered. */
    NOTHING,
    /** Whatever comes is of no use. */
    THE_END
  }

  /** Who has to know what becomes of a connection. */
  interface Owner {

    /** The client has said all that it ever will; says whether it is still to be answered. */
    boolean clientEnds();

    /** There is no room for what it sends. */
    void overfull();

    /** It has read what was written. */
    void drained();

    void close();
  }

  private final Client client;
  private final Room room;
  private final Pace pace;
  private final Owner owner;
  private ChannelHandlerContext context;

  private Expected expected = Expected.HEAD;

  /** Of the body; Long.MAX_VALUE: as much as comes. */
  private long left;

  /** What the head that was passed on last takes, with what stands before it. */
  private int headCost;

  /** What is counted for a head that is not whole. */
  private int headCounted;

  /** Whether a line of the head has come with something in it. */
  private boolean headBegun;

  /** Whether nothing has come of the head's present line. */
  private boolean lineEmpty = true;

  private boolean held;
  private @Nullable ByteBuf kept;
  private boolean stopped;
  private boolean clientEnded;
  private @Nullable Object shutdown;
  private boolean passing;

  @SuppressWarnings("NullAway.Init") // Its place in the pipeline is told at once.
  private Intake(Client client, Room room, Pace pace, Owner owner) {
    this.client = client;
    this.room = room;
    this.pace = pace;
    this.owner = owner;
  }

  /** Reads no more of a connection in one turn than is worth keeping, or takes long to decrypt. */
  static void limitReads(Channel channel) {
    int most = channel.pipeline().get(SslHandler.class) == null ? MOST : MOST_TLS;
    channel
        .config()
        .setRecvByteBufAllocator(
            new AdaptiveRecvByteBufAllocator(512, 2048, most).maxMessagesPerRead(2));
  }

  /** Stands before the HTTP of a connection from now on. */
  static Intake of(Channel channel, Client client, Room room, Pace pace, Owner owner) {
    limitReads(channel);
    channel.config().setOption(ChannelOption.ALLOW_HALF_CLOSURE, true);
    Intake intake = new Intake(client, room, pace, owner);
    channel.pipeline().addBefore("httpDecoder", "intake", intake);
    return intake;
  }

  @Override
  public void handlerAdded(ChannelHandlerContext ctx) {
    context = ctx;
  }

  /**
   * A request's head was passed on.
   *
   * @param body how long its body is; Long.MAX_VALUE: it says so itself
   */
  void begins(long body) {
    left = body;
    forgetHead();
    expected = body > 0 ? Expected.BODY : Expected.NOTHING;
    if (!passing) {
      goOnSoon(); // Its head had come with the end of the request before it.
    }
  }

  /** A body that says itself where it ends has ended. */
  void bodyEnds() {
    if (expected == Expected.BODY) {
      expected = Expected.NOTHING;
    }
  }

  /** No more of a body is wanted for now. */
  void hold() {
    held = true;
  }

  /** More of a body is wanted. */
  void release() {
    held = false;
    goOnSoon();
  }

  /** The answer is on its way: the next request may come. */
  void answered() {
    held = false;
    if (expected == Expected.BODY) {
      expected = Expected.THE_END; // Nobody wants the rest of the body.
      forget();
    } else if (expected == Expected.NOTHING) {
      expected = Expected.HEAD;
      headCost = 0;
      goOnSoon();
    }
  }

  /** Nothing that comes is of use any more. */
  void end() {
    expected = Expected.THE_END;
    forgetHead();
    forget();
  }

  /** How many bytes the head of the present request takes, read. */
  int headCost() {
    return headCost;
  }

  boolean hasEnded() {
    return clientEnded;
  }

  private void goOnSoon() {
    if (kept != null || clientEnded) {
      context.executor().execute(this::goOn);
    }
  }

  /** Passes on what was kept, as far as it is wanted now. */
  @Override
  public void goOn() {
    ByteBuf waits = kept;
    if (waits != null && !passing) {
      kept = null;
      pass(waits);
      int rest = expected == Expected.THE_END ? 0 : waits.readableBytes();
      if (rest > 0) {
        kept = waits;
      } else {
        drop(waits);
      }
      if (stopped && (rest == 0 || (!isWanted() && rest < MOST))) {
        stopped = false;
        context.channel().config().setAutoRead(true);
      }
      context.fireChannelReadComplete();
    }
    if (shutdown != null && kept == null) {
      Object event = shutdown;
      shutdown = null;
      context.fireUserEventTriggered(event);
    }
    if (clientEnded && kept == null && isWanted()) {
      owner.close(); // What is expected does not come any more.
    }
  }

  @Override
  public void channelRead(ChannelHandlerContext ctx, Object message) {
    ByteBuf data = (ByteBuf) message;
    try {
      if (expected == Expected.THE_END) {
        return;
      }
      if (stopped && kept != null && kept.readableBytes() > BEHIND) {
        end(); // We do not read, and yet it comes: the client has closed its end.
        owner.close();
        return;
      }
      if (kept == null) {
        pass(data);
      }
      if (data.isReadable() && expected != Expected.THE_END) {
        keep(data);
      }
    } finally {
      data.release();
    }
  }

  private void keep(ByteBuf data) {
    ByteBuf buffer = kept;
    if (buffer == null || buffer.writableBytes() < data.readableBytes()) {
      buffer = grown(buffer, data.readableBytes());
      if (buffer == null) {
        end();
        owner.overfull();
        return;
      }
      kept = buffer;
    }
    buffer.writeBytes(data);
    // What is wanted, and kept all the same, waits for its client's share of time.
    if (!stopped && (isWanted() || buffer.readableBytes() >= MOST)) {
      stopped = true;
      context.channel().config().setAutoRead(false);
    }
  }

  /** A buffer with room for so many bytes more, in place of one; null: there is no room for it. */
  private @Nullable ByteBuf grown(@Nullable ByteBuf before, int bytes) {
    int size = bytes + (before == null ? 0 : before.readableBytes());
    int capacity = before == null ? size : size + size / 2;
    int more = capacity - (before == null ? 0 : before.capacity());
    if (more > 0 && !room.take(more, client.usage.bytes, null)) {
      return null;
    }
    room.give(Math.max(0, -more), client.usage.bytes, null);
    // Outside of the heap, which many of them would fill again and again; and of the pool, as
    // Vert.x releases what is of the pool alone.
    ByteBuf buffer = context.alloc().directBuffer(capacity, capacity);
    if (before != null) {
      buffer.writeBytes(before);
      before.release();
    }
    return buffer;
  }

  private void pass(ByteBuf from) {
    passing = true;
    long now = System.nanoTime();
    while (from.isReadable() && isWanted()) {
      if (!pace.allows(client, now)) {
        pace.defer(this, client, now);
        break;
      }
      ByteBuf part = from.readRetainedSlice(nextPart(from));
      if (expected == Expected.BODY && left != Long.MAX_VALUE) {
        left -= part.readableBytes();
        expected = left == 0 ? Expected.NOTHING : expected;
      }
      context.fireChannelRead(part);
      if (expected == Expected.HEAD && !countHead()) {
        end();
        owner.overfull();
      }
      long then = System.nanoTime();
      pace.read(client, then - now);
      now = then;
    }
    passing = false;
  }

  private boolean isWanted() {
    return expected == Expected.HEAD || (expected == Expected.BODY && !held);
  }

  /** How many bytes belong to what is expected, and to nothing behind it. */
  private int nextPart(ByteBuf from) {
    return expected == Expected.HEAD
        ? nextHeadPart(from)
        : (int) Math.min(from.readableBytes(), left == Long.MAX_VALUE ? CHUNKED_PART : left);
  }

  /** Read, a head takes some twice what was sent, and each of its fields an entry. */
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
        headCost += headBegun ? FIELD : 0;
        whole = lineEmpty && headBegun;
        lineEmpty = true;
      }
    }
    headCost += 2 * (at - begin);
    headBegun &= !whole;
    return at - begin;
  }

  /** Says whether there is room for what has come of a head. */
  private boolean countHead() {
    int more = headCost - headCounted;
    if (more > 0 && !room.take(more, client.usage.bytes, null)) {
      return false;
    }
    headCounted += Math.max(0, more);
    return true;
  }

  private void forgetHead() {
    room.give(headCounted, client.usage.bytes, null);
    headCounted = 0;
  }

  private void drop(ByteBuf what) {
    room.give(what.capacity(), client.usage.bytes, null);
    what.release();
  }

  private void forget() {
    if (kept != null) {
      drop(kept);
      kept = null;
    }
  }

  @Override
  public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
    if (event instanceof ChannelInputShutdownEvent) {
      clientEnded = true;
      boolean isPutOff = kept != null && isWanted();
      if (expected == Expected.THE_END || (!isPutOff && !owner.clientEnds())) {
        owner.close();
      } else if (kept != null) {
        shutdown = event; // What came before it goes first: half a head would end with it.
        goOnSoon();
        return;
      } else {
        goOnSoon();
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
      Fatal.ifOutOfMemory(written.cause()); // What is written is copied out of the heap first.
    }
  }

  @Override
  public void exceptionCaught(ChannelHandlerContext ctx, Throwable error) {
    Fatal.ifOutOfMemory(error);
    ctx.fireExceptionCaught(error);
  }

  @Override
  public void channelInactive(ChannelHandlerContext ctx) {
    end();
    ctx.fireChannelInactive();
  }
}
