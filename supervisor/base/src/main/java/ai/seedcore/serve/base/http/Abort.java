package ai.seedcore.serve.base.http;

import io.netty.channel.Channel;
import io.vertx.core.http.HttpConnection;
import io.vertx.core.net.impl.VertxConnection;

/**
 * Closes connections at once. Vert.x's own {@code close} waits for a peer that does not read what
 * was written, and keeps it in memory until then.
 */
public final class Abort {

  private Abort() {}

  /** Closes a connection. Called on its event loop. */
  public static void now(HttpConnection connection) {
    connection.close(); // Whoever holds it learns of the close at once.
    if (connection instanceof VertxConnection own) {
      now(own.channel());
    }
  }

  /** Closes a channel. Called on its event loop. */
  public static void now(Channel channel) {
    channel.unsafe().close(channel.voidPromise());
  }
}
