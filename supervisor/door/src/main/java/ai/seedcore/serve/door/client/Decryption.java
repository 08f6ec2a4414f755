package ai.seedcore.serve.door.client;

import ai.seedcore.serve.base.http.Abort;
import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.socket.ChannelInputShutdownEvent;
import io.netty.handler.ssl.SslHandler;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.Executor;
import javax.net.ssl.SSLEngine;
import org.jspecify.annotations.Nullable;

/**
 * Performs the handshake of one connection and decrypts what arrives on it, within the client's
 * share of the event loop's time. What arrives beyond it stays encrypted until the client has time
 * again; the channel is not read meanwhile.
 *
 * <p>A record may hold thousands of messages that carry no data, such as TLS 1.3's KeyUpdate, each
 * of which costs a new key and an answer. A connection that sends many of them is closed, as
 * BoringSSL does. The JDK only returns once it has processed all of them, so the client has to wait
 * for a multiple of that time.
 */
final class Decryption extends SslHandler implements Pace.Deferred {

  /** How many reads in a row, and of how many bytes, may complete records without data. */
  private static final int MAX_EMPTY_READS = 32;

  private static final int MAX_EMPTY_BYTES = 2 << 10;

  /** How many times as long as such records took their client has to wait. */
  private static final int EMPTY_PENALTY = 50;

  /** How much may be held. A client that does not close its sending side sends less in a turn. */
  private static final int MAX_HELD = 64 << 10;

  private final Handshakes handshakes;
  private final Room budget;
  private final Pace pace;
  private final Deque<ByteBuf> held = new ArrayDeque<>();
  private int heldBytes;
  private @Nullable Object shutdown;
  private boolean deferred;
  private int emptyReads;
  private int emptyBytes;

  @SuppressWarnings("NullAway.Init") // handlerAdded sets the context at once.
  private ChannelHandlerContext context;

  @SuppressWarnings("NullAway.Init") // handlerAdded sets the client at once.
  private Client client;

  @SuppressWarnings("NullAway.Init")
  Decryption(
      Handshakes handshakes,
      Room budget,
      Pace pace,
      SSLEngine engine,
      boolean startTls,
      Executor executor) {
    super(engine, startTls, executor);
    this.handshakes = handshakes;
    this.budget = budget;
    this.pace = pace;
  }

  @Override
  public void handlerAdded(ChannelHandlerContext ctx) throws Exception {
    context = ctx;
    client = handshakes.begin(ctx.channel());
    super.handlerAdded(ctx);
    // Everything that is read at once stays in memory.
    Gate.limitReads(ctx.channel());
    handshakes.track(this);
  }

  @Override
  public void channelRead(ChannelHandlerContext ctx, Object data) throws Exception {
    if (held.isEmpty() && pace.allows(client, System.nanoTime())) {
      decrypt((ByteBuf) data);
    } else {
      hold((ByteBuf) data);
    }
  }

  /** Decrypts data and charges the client for the time beyond what reading its contents took. */
  private void decrypt(ByteBuf data) throws Exception {
    Transport connection = Transport.of(context.channel());
    long charged = client.charged;
    long began = System.nanoTime();
    long reads = connection == null ? 0 : connection.gate().reads();
    int complete = actualReadableBytes() + data.readableBytes();
    super.channelRead(context, data);
    complete -= actualReadableBytes();
    pace.chargeRest(client, began, charged);
    if (actualReadableBytes() > 0) {
      handshakes.track(this); // An incomplete record.
    } else if (handshakeFuture().isDone()) {
      handshakes.forget(this);
    }
    if (connection == null) {
      return;
    }
    if (connection.gate().reads() > reads) {
      emptyReads = 0;
      emptyBytes = 0;
    } else if (complete > 0) {
      emptyReads++;
      emptyBytes += complete;
      if (emptyReads > MAX_EMPTY_READS || emptyBytes > MAX_EMPTY_BYTES) {
        pace.penalize(client, EMPTY_PENALTY * (System.nanoTime() - began));
        abort();
      }
    }
  }

  private void hold(ByteBuf data) {
    if (heldBytes + data.readableBytes() > MAX_HELD
        || !budget.take(data.capacity(), client.usage().bytes(), null)) {
      // Data arrives although reading has stopped, if the client has closed its sending side.
      data.release();
      abort();
      return;
    }
    held.add(data);
    heldBytes += data.readableBytes();
    context.channel().config().setAutoRead(false);
    if (!deferred) {
      deferred = true;
      pace.defer(this, client, System.nanoTime());
    }
  }

  /** Returns whether the door has yet to process what has arrived. */
  boolean isDeferred() {
    return deferred;
  }

  /** Returns the client at the other end. */
  Client client() {
    return client;
  }

  /** Closes the connection now. */
  void abort() {
    Abort.now(context.channel());
  }

  /** Decrypts what is held, once the client has time on the event loop again. */
  @Override
  public void proceed() {
    deferred = false;
    if (isWaiting()) {
      return;
    }
    try {
      do {
        ByteBuf data = held.remove();
        heldBytes -= data.readableBytes();
        budget.give(data.capacity(), client.usage().bytes(), null);
        decrypt(data);
      } while (!isWaiting());
      channelReadComplete(context);
    } catch (Exception e) {
      context.fireExceptionCaught(e);
    }
    if (held.isEmpty()) {
      if (shutdown != null) {
        Object event = shutdown;
        shutdown = null;
        context.pipeline().fireUserEventTriggered(event);
      }
      readOn();
    }
  }

  /** Returns whether there is nothing to decrypt now. Defers what the client has no time for. */
  private boolean isWaiting() {
    if (held.isEmpty() || !context.channel().isActive()) {
      return true;
    }
    long now = System.nanoTime();
    boolean waits = !pace.allows(client, now);
    if (waits) {
      deferred = true;
      pace.defer(this, client, now);
    }
    return waits;
  }

  private void readOn() {
    Transport connection = Transport.of(context.channel());
    if (connection == null) {
      context.channel().config().setAutoRead(true);
    } else {
      connection.gate().readOn();
    }
  }

  /** HTTP/2's decoder wants to read on whenever it has decoded something. */
  @Override
  public void read(ChannelHandlerContext ctx) throws Exception {
    if (held.isEmpty()) {
      super.read(ctx);
    }
  }

  @Override
  public void channelReadComplete(ChannelHandlerContext ctx) throws Exception {
    if (held.isEmpty()) {
      super.channelReadComplete(ctx);
    } else {
      // SslHandler would read on.
      ctx.flush();
      ctx.fireChannelReadComplete();
    }
  }

  @Override
  public void userEventTriggered(ChannelHandlerContext ctx, Object event) throws Exception {
    if (event instanceof ChannelInputShutdownEvent && !held.isEmpty()) {
      shutdown = event; // What is held goes first.
    } else {
      super.userEventTriggered(ctx, event);
    }
  }

  @Override
  public void channelInactive(ChannelHandlerContext ctx) throws Exception {
    release();
    super.channelInactive(ctx);
  }

  @Override
  public void handlerRemoved0(ChannelHandlerContext ctx) throws Exception {
    super.handlerRemoved0(ctx);
    release();
    handshakes.forget(this);
    handshakes.end(client);
  }

  private void release() {
    for (ByteBuf data : held) {
      budget.give(data.capacity(), client.usage().bytes(), null);
      data.release();
    }
    held.clear();
    heldBytes = 0;
  }
}
