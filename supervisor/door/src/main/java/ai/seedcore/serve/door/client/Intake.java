package ai.seedcore.serve.door.client;

import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelOption;
import io.netty.channel.socket.ChannelInputShutdownEvent;
import org.jspecify.annotations.Nullable;

/**
 * The bytes that arrive on an HTTP/1 connection. Passes on one request at a time, and of its body
 * only what is wanted.
 */
final class Intake extends Gate {

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

    /** Handles the first bytes of a head that has not arrived completely. */
    void headBegun(long now);

    /** Handles bytes for which the budget does not suffice. */
    void overBudget();

    /** Handles the fact that the client has read what was written. */
    void drained();

    /** Handles bytes of a body that is discarded. */
    void discarded(long now);

    void close();
  }

  private final Owner owner;

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
  private boolean clientEnded;
  private @Nullable Object shutdown;
  private boolean forwarding;

  private Intake(Client client, Room budget, Pace pace, Owner owner) {
    super(client, budget, pace);
    this.owner = owner;
  }

  /** Adds an intake to a channel's pipeline, before the HTTP decoder. */
  static Intake of(Channel channel, Client client, Room budget, Pace pace, Owner owner) {
    limitReads(channel);
    channel.config().setOption(ChannelOption.ALLOW_HALF_CLOSURE, true);
    Intake intake = new Intake(client, budget, pace, owner);
    channel.pipeline().addBefore("httpDecoder", "intake", intake);
    return intake;
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
  void bodyEnds() {
    if (expected == Expected.BODY) {
      expected = Expected.NOTHING;
    }
  }

  /** Passes on nothing until the protocol has changed. */
  void expectNothing() {
    expected = Expected.NOTHING;
    releaseHead();
  }

  /** Returns what is kept, of which the caller becomes the owner; null if there is nothing. */
  @Nullable ByteBuf handOver() {
    ByteBuf kept = buffered;
    buffered = null;
    if (kept != null) {
      budget.give(kept.capacity(), client.usage().bytes(), null);
    }
    return kept;
  }

  /** Passes on everything, as the connection no longer speaks HTTP. */
  void tunnel() {
    expected = Expected.TUNNEL;
    proceedSoon();
  }

  /** Stops passing on the body. */
  void hold() {
    paused = true;
  }

  /** Resumes passing on the body. */
  void release() {
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
  void discard() {
    expected = Expected.DISCARD;
    releaseHead();
    releaseKept();
  }

  /** Returns the memory that the current request's head takes, in bytes. */
  int headCost() {
    return headCost;
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

  @Override
  boolean hasEnded() {
    return clientEnded;
  }

  @Override
  void arrived(ByteBuf data) {
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
      keepRest(data);
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

  private void keepRest(ByteBuf data) {
    if (!keep(data)) {
      discard();
      owner.overBudget();
      return;
    }
    // Bytes that are wanted but kept wait for the client's share of time.
    boolean many = buffered != null && buffered.readableBytes() >= MAX_READ;
    if (!readingStopped && (isWanted() || many)) {
      stopReading();
    }
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
      if (expected == Expected.HEAD) {
        if (headCounted == 0) {
          owner.headBegun(now);
        }
        if (!countHead()) {
          discard();
          owner.overBudget();
        }
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
  public void channelInactive(ChannelHandlerContext ctx) {
    discard();
    ctx.fireChannelInactive();
  }
}
