package ai.seedcore.serve.door;

import io.netty.buffer.ByteBufAllocator;
import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.ssl.DelegatingSslContext;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslHandler;
import io.netty.handler.ssl.SslProvider;
import io.vertx.core.net.JdkSSLEngineOptions;
import io.vertx.core.spi.tls.DefaultSslContextFactory;
import io.vertx.core.spi.tls.SslContextFactory;
import java.util.LinkedHashSet;
import java.util.Set;
import java.util.concurrent.Executor;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLException;

/**
 * The TLS handshakes that go on, and the records that are not whole: what stands before HTTP is
 * nobody's, so they are bounded here: as a SYN queue does, the oldest makes room, which an honest
 * client's, a matter of milliseconds, is not.
 */
final class Handshakes extends JdkSSLEngineOptions {

  /** Each may have 32 KiB here. */
  static final int MOST = 1_000;

  /** In the order in which they began; all on the door's event loop. */
  private final Set<ChannelHandlerContext> going = new LinkedHashSet<>();

  @Override
  public JdkSSLEngineOptions copy() {
    return this; // Vert.x copies its options, and there is one door.
  }

  @Override
  public SslContextFactory sslContextFactory() {
    return new DefaultSslContextFactory(SslProvider.JDK, false) {
      @Override
      public SslContext create() throws SSLException {
        return new Counted(super.create());
      }
    };
  }

  @SuppressWarnings("FutureReturnValueIgnored") // Whether it closes is its own affair.
  private void begins(ChannelHandlerContext connection) {
    going.add(connection);
    if (going.size() > MOST) {
      ChannelHandlerContext oldest = going.iterator().next();
      going.remove(oldest);
      oldest.close();
    }
  }

  private final class Counted extends DelegatingSslContext {
    private final SslContext context;

    Counted(SslContext context) {
      super(context);
      this.context = context;
    }

    @Override
    protected SslHandler newHandler(
        ByteBufAllocator allocator, boolean startTls, Executor executor) {
      return counted(context.newEngine(allocator), startTls, executor);
    }

    @Override
    protected SslHandler newHandler(
        ByteBufAllocator allocator, String peer, int port, boolean startTls, Executor executor) {
      return counted(context.newEngine(allocator, peer, port), startTls, executor);
    }

    private SslHandler counted(SSLEngine engine, boolean startTls, Executor executor) {
      return new SslHandler(engine, startTls, executor) {
        @Override
        public void handlerAdded(ChannelHandlerContext connection) throws Exception {
          super.handlerAdded(connection);
          Intake.limitReads(connection.channel()); // All that is read at once is kept at once.
          begins(connection);
        }

        @Override
        public void channelRead(ChannelHandlerContext connection, Object data) throws Exception {
          decrypt(connection, data);
          if (actualReadableBytes() > 0) {
            begins(connection); // A record that is not whole.
          } else if (handshakeFuture().isDone()) {
            going.remove(connection);
          }
        }

        /** To decrypt small records takes longer than to read what is in them. */
        private void decrypt(ChannelHandlerContext context, Object data) throws Exception {
          Connection connection = Connection.of(context.channel());
          long charged = connection == null ? 0 : connection.client().charged;
          long began = System.nanoTime();
          super.channelRead(context, data);
          if (connection != null) {
            connection.pace().rest(connection.client(), began, charged);
          }
        }

        @Override
        public void handlerRemoved0(ChannelHandlerContext connection) throws Exception {
          super.handlerRemoved0(connection);
          going.remove(connection);
        }
      };
    }

    @Override
    protected void initEngine(SSLEngine engine) {
      // As it comes.
    }
  }
}
