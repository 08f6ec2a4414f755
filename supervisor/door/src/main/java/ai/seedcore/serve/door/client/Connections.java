package ai.seedcore.serve.door.client;

import ai.seedcore.serve.base.ErrorCode;
import ai.seedcore.serve.base.Fatal;
import ai.seedcore.serve.base.http.HeadLimits;
import ai.seedcore.serve.base.http.OnlyHttp1;
import io.netty.channel.Channel;
import io.netty.channel.ChannelPipeline;
import io.vertx.core.http.HttpConnection;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.impl.http2.Http2ServerConnection;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The clients' connections. At the limit, a new connection replaces one of the client with the most
 * connections: the one that has been idle the longest. So neither idle connections nor a client
 * with many of them can lock others out.
 */
public final class Connections {

  /** The longest request line and the longest head, in bytes. */
  public static final HeadLimits HEAD = new HeadLimits(8 << 10, 32 << 10);

  /** The size from which responses are compressed, in bytes. */
  public static final int COMPRESSED_FROM = 1 << 10;

  private final int most;
  private final long idleNanos;
  private final long headerNanos;
  private final Clients clients;
  private final Room budget;
  private final Pace pace;
  private final Consumer<String> refused;
  private @Nullable Consumer<ChannelPipeline> toHttp2;

  /** Ordered by idle time, longest first. */
  private final Map<HttpConnection, Transport> connections = new LinkedHashMap<>();

  /** The sum of their weights. */
  private int weights;

  private boolean ending;

  /**
   * Creates an empty list.
   *
   * @param most how many connections there may be
   * @param idle how long a connection may be without any byte of a request
   * @param header how long the head of a request may take from its first byte on
   * @param refused receives the code of each connection that is refused or closed for its bytes
   */
  public Connections(
      int most,
      Duration idle,
      Duration header,
      Clients clients,
      Room budget,
      Pace pace,
      Consumer<String> refused) {
    this.idleNanos = idle.toNanos();
    this.headerNanos = header.toNanos();
    this.most = most;
    this.clients = clients;
    this.budget = budget;
    this.pace = pace;
    this.refused = refused;
  }

  /**
   * Lets connections begin with HTTP/2.
   *
   * @param toHttp2 replaces a pipeline's last handler by that of a new connection
   */
  public void acceptHttp2(Consumer<ChannelPipeline> toHttp2) {
    this.toHttp2 = toHttp2;
  }

  /** Registers a new connection, or closes it if the limit is reached and none can be evicted. */
  public void connected(HttpConnection connection) {
    connection.exceptionHandler(Fatal::ifOutOfMemory);
    boolean multiplexed = connection instanceof Http2ServerConnection;
    Channel channel =
        multiplexed
            ? ((Http2ServerConnection) connection).channelHandlerContext().channel()
            : OnlyHttp1.guard(connection, HEAD);
    Client client = clients.at(channel.remoteAddress());
    Transport transport =
        multiplexed
            ? new Http2Connection(this, connection, channel, client)
            : http1(connection, channel, client);
    while (weights + transport.weight() > most) {
      if (!evictOne(client)) {
        refused.accept("connections");
        connection.close();
        return;
      }
    }
    clients.retain(client);
    weights += transport.weight();
    client.connections += transport.weight();
    connections.put(connection, transport);
    connection.closeHandler(nothing -> gone(connection));
    if (ending) {
      transport.endSoon();
    }
  }

  /**
   * Makes clients open new connections for further requests. None is closed before its client
   * knows.
   */
  public void endSoon() {
    ending = true;
    List.copyOf(connections.values()).forEach(Transport::endSoon);
  }

  /** Returns whether every response is the last one of its connection. */
  public boolean areEnding() {
    return ending;
  }

  private Http1Connection http1(HttpConnection connection, Channel channel, Client client) {
    Http1Connection created = new Http1Connection(this, connection, channel, client);
    if (toHttp2 != null) {
      channel.pipeline().addAfter("httpDecoder", "preface", new Preface(created, toHttp2));
    }
    return created;
  }

  /** Forgets a connection that has ended. */
  void gone(HttpConnection connection) {
    Transport gone = connections.remove(connection);
    if (gone != null) {
      gone.stopCharging();
      weights -= gone.weight();
      gone.client.connections -= gone.weight();
      clients.release(gone.client);
    }
  }

  /**
   * Evicts a connection for a new one of the given client. Returns false if none can be evicted.
   */
  private boolean evictOne(Client newcomer) {
    Client busiest = clients.busiest();
    if (busiest == null) {
      return false;
    }
    Transport victim = null;
    for (Transport each : connections.values()) {
      if (each.client == busiest) {
        victim = each; // The newest one, if none is idle.
        if (each.isIdle()) {
          break;
        }
      }
    }
    if (victim == null || (busiest == newcomer && !victim.isIdle())) {
      return false;
    }
    gone(victim.http);
    victim.abort();
    return true;
  }

  /** Returns what carries a request; null if its connection was evicted. */
  public @Nullable Connection of(HttpServerRequest request) {
    Transport transport = connections.get(request.connection());
    return transport == null ? null : transport.carrier(request);
  }

  /** Returns the bytes that all clients together may occupy. */
  Room budget() {
    return budget;
  }

  /** Returns what shares the event loop's time among clients. */
  Pace pace() {
    return pace;
  }

  /** Returns how long a connection may be without any byte of a request. */
  long idleNanos() {
    return idleNanos;
  }

  /** Returns how long the head of a request may take from its first byte on. */
  long headerNanos() {
    return headerNanos;
  }

  /** Returns whether the connection is still registered. */
  boolean has(Transport connection) {
    return connections.get(connection.http) == connection;
  }

  /** Moves a connection that has become idle to the end of the order. */
  void moveToEnd(Transport connection) {
    if (connections.remove(connection.http) != null) {
      connections.put(connection.http, connection);
    }
  }

  /** Closes a connection whose bytes exceed the budget. */
  void overBudget(Transport connection) {
    refused();
    connection.http.close();
  }

  /** Counts a request whose bytes exceed the budget. */
  void refused() {
    refused.accept(ErrorCode.OVERLOADED);
  }

  /** Closes the connections whose deadline has passed, and forgets clients that have left. */
  public void sweep(long now) {
    for (Transport each : List.copyOf(connections.values())) {
      each.sweep(now);
    }
    clients.sweep(now);
  }

  /** Returns how many connections there are. */
  public int size() {
    return connections.size();
  }
}
