package ai.seedcore.serve.door.client;

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
 * The TLS handshakes in progress, and the connections with an incomplete record. They belong to no
 * client yet, so their number is bounded here. As in a SYN queue, the oldest one is dropped. An
 * honest client's handshake takes milliseconds and is never the oldest.
 */
public final class Handshakes extends JdkSSLEngineOptions {

  /** How many there may be. Each may take 32 KiB. */
  public static final int MAX_HANDSHAKES = 1_000;

  /** In the order in which they began. Used on the door's event loop only. */
  private final Set<ChannelHandlerContext> inProgress = new LinkedHashSet<>();

  @Override
  public JdkSSLEngineOptions copy() {
    return this; // Vert.x copies its options, but all copies have to share this state.
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

  /** Adds a connection whose handshake or last record is incomplete. */
  @SuppressWarnings("FutureReturnValueIgnored") // The outcome of the close does not matter.
  void track(ChannelHandlerContext connection) {
    inProgress.add(connection);
    if (inProgress.size() > MAX_HANDSHAKES) {
      ChannelHandlerContext oldest = inProgress.iterator().next();
      inProgress.remove(oldest);
      oldest.close();
    }
  }

  /** Removes a connection whose handshake and last record are complete. */
  void forget(ChannelHandlerContext connection) {
    inProgress.remove(connection);
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
      return new Decryption(Handshakes.this, engine, startTls, executor);
    }

    @Override
    protected void initEngine(SSLEngine engine) {
      // The engine needs no settings.
    }
  }
}
