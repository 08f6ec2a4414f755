package ai.seedcore.serve.door.client;

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
 * Decrypts what arrives on one connection, within the client's share of the event loop's time. What
 * arrives beyond it stays encrypted until the client has time again; the channel is not read
 * meanwhile.
 *
 * <p>A record may hold thousands of messages that carry no data, such as TLS 1.3's KeyUpdate, each
 * of which costs a new key and an answer. A connection that sends many of them is closed, as
 * BoringSSL does.
 */
final class Decryption extends SslHandler implements Pace.Deferred {

  /** How many reads in a row, and of how many bytes, may complete records without data. */
  private static final int MAX_EMPTY_READS = 32;

  private static final int MAX_EMPTY_BYTES = 2 << 10;

  /** How much may be held. What is read in one turn of the loop is less. */
  private static final int MAX_HELD = 64 << 10;

  private final Handshakes handshakes;
  private final Deque<ByteBuf> held = new ArrayDeque<>();
  private int heldBytes;
  private @Nullable Object shutdown;
  private boolean deferred;
  private int emptyReads;
  private int emptyBytes;

  @SuppressWarnings("NullAway.Init") // handlerAdded sets the context at once.
  private ChannelHandlerContext context;

  @SuppressWarnings("NullAway.Init")
  Decryption(Handshakes handshakes, SSLEngine engine, boolean startTls, Executor executor) {
    super(engine, startTls, executor);
    this.handshakes = handshakes;
  }

  @Override
  public void handlerAdded(ChannelHandlerContext ctx) throws Exception {
    context = ctx;
    super.handlerAdded(ctx);
    // Everything that is read at once stays in memory.
    Intake.limitReads(ctx.channel());
    handshakes.track(ctx);
  }

  @Override
  public void channelRead(ChannelHandlerContext ctx, Object data) throws Exception {
    Connection connection = Connection.of(ctx.channel());
    if (connection == null) { // The handshake is not complete.
      decrypt(data);
    } else if (held.isEmpty() && connection.pace().allows(connection.client(), System.nanoTime())) {
      decrypt(connection, (ByteBuf) data);
    } else {
      hold(connection, (ByteBuf) data);
    }
  }

  private void decrypt(Object data) throws Exception {
    super.channelRead(context, data);
    if (actualReadableBytes() > 0) {
      handshakes.track(context); // An incomplete record.
    } else if (handshakeFuture().isDone()) {
      handshakes.forget(context);
    }
  }

  /**
   * Decrypts data and charges the client. Decrypting small records takes longer than reading their
   * contents.
   */
  private void decrypt(Connection connection, ByteBuf data) throws Exception {
    long charged = connection.client().charged;
    long began = System.nanoTime();
    long reads = connection.intake().reads();
    int complete = actualReadableBytes() + data.readableBytes();
    decrypt(data);
    connection.pace().chargeRest(connection.client(), began, charged);
    complete -= actualReadableBytes();
    if (connection.intake().reads() > reads) {
      emptyReads = 0;
      emptyBytes = 0;
    } else if (complete > 0) {
      emptyReads++;
      emptyBytes += complete;
      if (emptyReads > MAX_EMPTY_READS || emptyBytes > MAX_EMPTY_BYTES) {
        connection.abort();
      }
    }
  }

  private void hold(Connection connection, ByteBuf data) {
    held.add(data);
    heldBytes += data.readableBytes();
    if (heldBytes > MAX_HELD) {
      // Data arrives although reading has stopped, because the client has closed its sending side.
      connection.abort();
      return;
    }
    context.channel().config().setAutoRead(false);
    if (!deferred) {
      deferred = true;
      connection.pace().defer(this, connection.client(), System.nanoTime());
    }
  }

  /** Decrypts what is held, once the client has time on the event loop again. */
  @Override
  public void proceed() {
    deferred = false;
    Connection connection = Connection.of(context.channel());
    if (connection == null || held.isEmpty()) {
      return;
    }
    try {
      while (!held.isEmpty()) {
        long now = System.nanoTime();
        if (!connection.pace().allows(connection.client(), now)) {
          deferred = true;
          connection.pace().defer(this, connection.client(), now);
          break;
        }
        ByteBuf data = held.remove();
        heldBytes -= data.readableBytes();
        decrypt(connection, data);
      }
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
      connection.intake().readOn();
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
    handshakes.forget(ctx);
  }

  private void release() {
    held.forEach(ByteBuf::release);
    held.clear();
    heldBytes = 0;
  }
}
