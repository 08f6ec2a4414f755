package ai.seedcore.serve.door.client;

import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.codec.http2.Http2CodecUtil;
import io.netty.handler.codec.http2.Http2Flags;
import io.netty.handler.codec.http2.Http2FrameTypes;

/**
 * The bytes that arrive on an HTTP/2 connection. Passes on one frame at a time (RFC 9113, section
 * 4.1), once it has arrived completely and its client has time on the event loop.
 */
final class Frames extends Gate {

  private static final int HEADER_BYTES = Http2CodecUtil.FRAME_HEADER_LENGTH;

  private static final int LENGTH_BYTES = 3;

  /** The size of one setting. */
  private static final int SETTING_BYTES = 6;

  /** The size of the table with which heads of responses are compressed. */
  static final int MAX_TABLE_BYTES = 1 << 10;

  private static final int PREFACE_BYTES = Http2CodecUtil.connectionPrefaceBuf().readableBytes();

  /** Receives the events of the connection. */
  interface Owner {

    /** Handles the first bytes of a head that has not arrived completely. */
    void headBegun(long now);

    /** Handles the end of a head. */
    void headEnded();

    /** Handles bytes of a body, of which a part may not be passed on yet. */
    void bodyArrives(int stream, long now);

    /** Handles a frame of a body that was passed on. */
    void bodyPassed(int stream);

    /** Handles bytes for which the budget does not suffice. */
    void overBudget();

    /** Handles the fact that the client has read what was written. */
    void drained();
  }

  private final Owner owner;
  private int preface = PREFACE_BYTES;
  private boolean deferred;

  /** Whether the client has to read what was written before more of it is read. */
  private boolean blocked;

  private boolean forwarding;
  private boolean discards;

  /** The bytes of a head of which more frames are to follow. They are charged to the client. */
  private int headBytes;

  /** Whether more frames of a head are to follow. */
  private boolean headOpen;

  /** Whether a head, or what may become one, has arrived in part; at first, the preface. */
  private boolean headBegun = true;

  /** The stream whose head arrived last, and whether it has a body. */
  private int lastStream;

  private boolean lastHasBody;

  Frames(Client client, Room budget, Pace pace, Owner owner) {
    super(client, budget, pace);
    this.owner = owner;
  }

  /** Returns whether a request has a body. Called while its head is passed on. */
  boolean hasBody(int stream) {
    return stream != lastStream || lastHasBody;
  }

  /** Discards everything that is kept, and everything that arrives from now on. */
  void discard() {
    discards = true;
    giveHead();
    releaseKept();
  }

  @Override
  boolean hasEnded() {
    return false; // The end of the input ends the connection.
  }

  @Override
  void arrived(ByteBuf data) {
    if (discards) {
      return;
    }
    if (buffered == null) {
      forward(data);
    }
    if (data.isReadable() && !discards) {
      if (!keep(data)) {
        discard();
        owner.overBudget();
      } else if (deferred || blocked) {
        stopReading();
      } else if (buffered != null && !forwarding) {
        proceed();
      }
    }
  }

  /** Passes on the kept frames, as far as they have arrived and the client has time for them. */
  @Override
  public void proceed() {
    deferred = false;
    ByteBuf kept = buffered;
    if (kept == null || forwarding) {
      readUnlessBlocked();
      return;
    }
    buffered = null;
    forward(kept);
    if (kept.isReadable() && !discards) {
      kept.discardReadBytes(); // What follows has to fit behind it.
      buffered = kept;
    } else {
      releaseBuffer(kept);
    }
    readUnlessBlocked();
    context.fireChannelReadComplete(); // Flushes what was written.
  }

  private void readUnlessBlocked() {
    if (!deferred && !blocked) {
      startReading();
    }
  }

  /** Netty's decoder wants to read on whenever it has decoded something. */
  @Override
  public void read(ChannelHandlerContext ctx) {
    if (!readingStopped) {
      ctx.read();
    }
  }

  @Override
  public void channelWritabilityChanged(ChannelHandlerContext ctx) {
    if (ctx.channel().isWritable()) {
      owner.drained();
      if (blocked) {
        blocked = false;
        proceed(); // Before the streams fill the channel again.
      }
    } else {
      // Vert.x writes a large head without flushing it, and then waits until there is room.
      ctx.executor().execute(ctx::flush);
    }
    ctx.fireChannelWritabilityChanged();
  }

  private void forward(ByteBuf from) {
    forwarding = true;
    long now = System.nanoTime();
    while (!discards) {
      int part = nextPart(from, now);
      if (part == 0) {
        break;
      }
      if (!context.channel().isWritable()) {
        blocked = true;
        suspendHead();
        break;
      }
      if (!pace.allows(client, now)) {
        deferred = true;
        suspendHead();
        pace.defer(this, client, now);
        break;
      }
      pass(from, part);
      long then = System.nanoTime();
      pace.charge(client, then - now);
      now = then;
    }
    forwarding = false;
  }

  /** Returns the length of the next part that may be passed on; 0 if it is incomplete. */
  private int nextPart(ByteBuf from, long now) {
    int readable = from.readableBytes();
    if (preface > 0) {
      return Math.min(readable, preface);
    }
    if (readable < HEADER_BYTES) {
      if (readable > 0) {
        beginHead(now); // It may be one.
      }
      return 0;
    }
    int at = from.readerIndex();
    int length = from.getUnsignedMedium(at);
    if (length > Http2CodecUtil.DEFAULT_MAX_FRAME_SIZE) {
      return readable; // The decoder refuses such a frame by its length.
    }
    if (readable >= HEADER_BYTES + length) {
      return HEADER_BYTES + length;
    }
    if (type(from, at) == Http2FrameTypes.DATA) {
      endHead();
      owner.bodyArrives(stream(from, at), now);
    } else {
      beginHead(now);
    }
    return 0;
  }

  private static byte type(ByteBuf frame, int at) {
    return frame.getByte(at + LENGTH_BYTES);
  }

  private static int stream(ByteBuf frame, int at) {
    return frame.getInt(at + LENGTH_BYTES + 2) & Integer.MAX_VALUE;
  }

  private void pass(ByteBuf from, int part) {
    int at = from.readerIndex();
    if (preface > 0) {
      preface -= part;
      context.fireChannelRead(from.readRetainedSlice(part));
      return;
    }
    byte type = type(from, at);
    int stream = stream(from, at);
    if (type == Http2FrameTypes.HEADERS || type == Http2FrameTypes.CONTINUATION) {
      Http2Flags flags = new Http2Flags(from.getUnsignedByte(at + LENGTH_BYTES + 1));
      if (type == Http2FrameTypes.HEADERS) {
        lastStream = stream;
        lastHasBody = !flags.endOfStream();
      }
      headOpen = !flags.endOfHeaders();
      if (headOpen && !budget.take(part, client.usage().bytes(), null)) {
        discard();
        owner.overBudget();
        return;
      }
      headBytes += headOpen ? part : 0;
    }
    if (type == Http2FrameTypes.SETTINGS) {
      limitTable(from, at + HEADER_BYTES, at + part);
    }
    context.fireChannelRead(from.readRetainedSlice(part));
    if (headOpen) {
      beginHead(System.nanoTime());
    } else {
      endHead();
    }
    if (type == Http2FrameTypes.DATA) {
      owner.bodyPassed(stream);
    }
  }

  /**
   * Lowers the size that a client permits for the table with which heads to it are compressed.
   * Otherwise the encoder would use all of it.
   */
  private static void limitTable(ByteBuf settings, int from, int to) {
    for (int at = from; at + SETTING_BYTES <= to; at += SETTING_BYTES) {
      boolean table = settings.getUnsignedShort(at) == Http2CodecUtil.SETTINGS_HEADER_TABLE_SIZE;
      if (table && settings.getUnsignedInt(at + 2) > MAX_TABLE_BYTES) {
        settings.setInt(at + 2, MAX_TABLE_BYTES);
      }
    }
  }

  /** Returns whether a head, or what may become one, has arrived in part. */
  boolean isHeadIncomplete() {
    return headBegun;
  }

  /** Returns whether bytes wait for the door and not for the client. */
  boolean isWaiting() {
    return blocked || deferred;
  }

  /** Stops the time of a head while the door itself does not read. */
  private void suspendHead() {
    if (headBegun) {
      headBegun = false;
      owner.headEnded();
    }
  }

  private void beginHead(long now) {
    if (!headBegun) {
      headBegun = true;
      owner.headBegun(now);
    }
  }

  private void endHead() {
    giveHead();
    suspendHead();
  }

  private void giveHead() {
    budget.give(headBytes, client.usage().bytes(), null);
    headBytes = 0;
  }

  @Override
  public void channelInactive(ChannelHandlerContext ctx) {
    discard();
    ctx.fireChannelInactive();
  }
}
