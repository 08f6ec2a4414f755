package ai.seedcore.serve.door.client;

import io.netty.buffer.ByteBufAllocator;
import io.netty.channel.Channel;
import io.netty.handler.ssl.DelegatingSslContext;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslHandler;
import io.netty.handler.ssl.SslProvider;
import io.vertx.core.http.HttpVersion;
import io.vertx.core.net.JdkSSLEngineOptions;
import io.vertx.core.spi.tls.DefaultSslContextFactory;
import io.vertx.core.spi.tls.SslContextFactory;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Executor;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLException;

/**
 * The TLS handshakes in progress, and the connections with an incomplete record. What has been
 * decrypted of them is not charged yet, so their number is bounded here. As in a SYN queue, the
 * oldest one is dropped: of the client that has the most, and of those that wait for it and not for
 * the door.
 */
public final class Handshakes extends JdkSSLEngineOptions {

  /** How many there may be. Each may take 32 KiB. */
  public static final int MAX_HANDSHAKES = 1_000;

  private static final List<String> PROTOCOLS =
      List.of(HttpVersion.HTTP_2.alpnName(), HttpVersion.HTTP_1_1.alpnName());

  private final Clients clients;
  private final Room budget;
  private final Pace pace;
  private final boolean http2;

  /** By client, in the order in which they began. Used on the door's event loop only. */
  private final Map<Client, Set<Decryption>> inProgress = new LinkedHashMap<>();

  private int total;

  /**
   * Creates an empty list.
   *
   * @param budget the bytes of what waits to be decrypted
   * @param http2 whether clients may negotiate HTTP/2
   */
  public Handshakes(Clients clients, Room budget, Pace pace, boolean http2) {
    this.http2 = http2;
    this.clients = clients;
    this.budget = budget;
    this.pace = pace;
  }

  @Override
  public JdkSSLEngineOptions copy() {
    return this; // Vert.x copies its options, but all copies have to share this state.
  }

  @Override
  public SslContextFactory sslContextFactory() {
    return new DefaultSslContextFactory(SslProvider.JDK, false) {
      @Override
      public SslContext create() throws SSLException {
        if (http2) {
          // Vert.x does not know: for it, the connection begins with HTTP/1 (see Preface).
          useAlpn(true).applicationProtocols(PROTOCOLS);
        }
        return new Counted(super.create());
      }
    };
  }

  /** Returns the client at the other end of a new connection, and counts it. */
  Client begin(Channel channel) {
    Client client = clients.at(channel.remoteAddress());
    clients.retain(client);
    return client;
  }

  /** Ends the count of a connection. */
  void end(Client client) {
    clients.release(client);
  }

  /** Adds a connection whose handshake or last record is incomplete. */
  void track(Decryption connection) {
    if (!inProgress
        .computeIfAbsent(connection.client(), client -> new LinkedHashSet<>())
        .add(connection)) {
      return;
    }
    total++;
    if (total > MAX_HANDSHAKES) {
      Decryption victim = victim();
      forget(victim);
      victim.abort();
    }
  }

  private Decryption victim() {
    Set<Decryption> most = Collections.max(inProgress.values(), Comparator.comparing(Set::size));
    Decryption newest = most.iterator().next();
    for (Decryption each : most) {
      if (!each.isDeferred()) {
        return each;
      }
      newest = each;
    }
    return newest; // All wait for the door.
  }

  /** Removes a connection whose handshake and last record are complete. */
  void forget(Decryption connection) {
    Set<Decryption> own = inProgress.get(connection.client());
    if (own != null && own.remove(connection)) {
      total--;
      if (own.isEmpty()) {
        inProgress.remove(connection.client());
      }
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
      return new Decryption(Handshakes.this, budget, pace, engine, startTls, executor);
    }

    @Override
    protected void initEngine(SSLEngine engine) {
      // The engine needs no settings.
    }
  }
}
