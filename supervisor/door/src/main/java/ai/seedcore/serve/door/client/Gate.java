package ai.seedcore.serve.door.client;

import ai.seedcore.serve.base.Fatal;
import io.netty.buffer.ByteBuf;
import io.netty.channel.AdaptiveRecvByteBufAllocator;
import io.netty.channel.Channel;
import io.netty.channel.ChannelDuplexHandler;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelPromise;
import io.netty.handler.ssl.SslHandler;
import org.jspecify.annotations.Nullable;

/**
 * The bytes that arrive on one connection, before they are decoded. Bytes that arrive before they
 * are wanted are kept and charged to the client. They are few, because the channel is not read
 * meanwhile.
 */
abstract class Gate extends ChannelDuplexHandler implements Pace.Deferred {

  /** How many bytes are read at a time, and about how many are kept. */
  static final int MAX_READ = 16 << 10;

  /** The same for TLS, where these bytes may hold 180 records of one byte each. */
  private static final int MAX_TLS_READ = 4 << 10;

  /**
   * The approximate memory that a header field takes beyond its bytes: its entry and its string
   * objects.
   */
  static final int FIELD_OVERHEAD = 160;

  final Client client;
  final Room budget;
  final Pace pace;

  @SuppressWarnings("NullAway.Init") // handlerAdded sets it at once.
  ChannelHandlerContext context;

  @Nullable ByteBuf buffered;
  boolean readingStopped;
  private long reads;

  Gate(Client client, Room budget, Pace pace) {
    this.client = client;
    this.budget = budget;
    this.pace = pace;
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

  @Override
  public void handlerAdded(ChannelHandlerContext ctx) {
    context = ctx;
  }

  /** Handles bytes that have arrived; the caller releases them. */
  abstract void arrived(ByteBuf data);

  /** Returns whether the client has closed its sending side. */
  abstract boolean hasEnded();

  @Override
  public void channelRead(ChannelHandlerContext ctx, Object message) {
    ByteBuf data = (ByteBuf) message;
    reads++;
    try {
      arrived(data);
    } finally {
      data.release();
    }
  }

  /** Returns how often bytes have arrived. */
  long reads() {
    return reads;
  }

  void stopReading() {
    readingStopped = true;
    context.channel().config().setAutoRead(false);
  }

  /**
   * Reads on, unless the client has closed its sending side. Then all of it has been read, and
   * Netty would close the connection, with what has not been flushed.
   */
  void startReading() {
    if (readingStopped && !hasEnded()) {
      readingStopped = false;
      read();
    }
  }

  /** Lets the channel be read again, unless this handler has stopped that. */
  void readOn() {
    if (!readingStopped && !hasEnded()) {
      read();
    }
  }

  private void read() {
    context.channel().config().setAutoRead(true);
    // If that was so already, a read may have been swallowed meanwhile.
    context.read();
  }

  /** Keeps bytes. Returns false if the budget does not suffice. */
  boolean keep(ByteBuf data) {
    ByteBuf buffer = buffered;
    if (buffer == null || buffer.writableBytes() < data.readableBytes()) {
      buffer = grow(buffer, data.readableBytes());
      if (buffer == null) {
        return false;
      }
      buffered = buffer;
    }
    buffer.writeBytes(data);
    return true;
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

  void releaseBuffer(ByteBuf what) {
    budget.give(what.capacity(), client.usage().bytes(), null);
    what.release();
  }

  void releaseKept() {
    if (buffered != null) {
      releaseBuffer(buffered);
      buffered = null;
    }
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
}
