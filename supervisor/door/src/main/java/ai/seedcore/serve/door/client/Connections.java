package ai.seedcore.serve.door.client;

import ai.seedcore.serve.base.ErrorCode;
import ai.seedcore.serve.base.Fatal;
import ai.seedcore.serve.base.http.HeadLimits;
import ai.seedcore.serve.base.http.OnlyHttp1;
import io.netty.channel.Channel;
import io.vertx.core.http.HttpConnection;
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

  private final int most;
  private final long idleNanos;
  private final Clients clients;
  private final Room budget;
  private final Pace pace;
  private final Consumer<String> refused;

  /** Ordered by idle time, longest first. */
  private final Map<HttpConnection, Connection> connections = new LinkedHashMap<>();

  /**
   * Creates an empty list.
   *
   * @param most how many connections there may be
   * @param idle how long a connection may be without a complete head of a request
   * @param refused receives the code of each connection that is refused or closed for its bytes
   */
  public Connections(
      int most, Duration idle, Clients clients, Room budget, Pace pace, Consumer<String> refused) {
    this.idleNanos = idle.toNanos();
    this.most = most;
    this.clients = clients;
    this.budget = budget;
    this.pace = pace;
    this.refused = refused;
  }

  /** Registers a new connection, or closes it if the limit is reached and none can be evicted. */
  public void connected(HttpConnection connection) {
    connection.exceptionHandler(Fatal::ifOutOfMemory);
    Channel channel = OnlyHttp1.guard(connection, HEAD);
    Client client = clients.at(channel.remoteAddress());
    if (connections.size() >= most && !evictOne(client)) {
      refused.accept("connections");
      connection.close();
      return;
    }
    clients.retain(client);
    client.connections++;
    connections.put(connection, new Connection(this, connection, channel, client, budget, pace));
    connection.closeHandler(nothing -> gone(connection));
  }

  /** Forgets a connection that has ended. */
  void gone(HttpConnection connection) {
    Connection gone = connections.remove(connection);
    if (gone != null) {
      gone.release();
      gone.client().connections--;
      clients.release(gone.client());
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
    Connection victim = null;
    for (Connection each : connections.values()) {
      if (each.client() == busiest) {
        victim = each; // The newest one, if none is idle.
        if (each.isIdle()) {
          break;
        }
      }
    }
    if (victim == null || (busiest == newcomer && !victim.isIdle())) {
      return false;
    }
    gone(victim.http());
    victim.abort();
    return true;
  }

  /** Returns the door's record of a connection; null if it was evicted. */
  public @Nullable Connection of(HttpConnection connection) {
    return connections.get(connection);
  }

  /** Returns how long a connection may be without a complete head of a request. */
  long idleNanos() {
    return idleNanos;
  }

  /** Returns whether the connection is still registered. */
  boolean has(Connection connection) {
    return connections.get(connection.http()) == connection;
  }

  /** Moves a connection that has become idle to the end of the order. */
  void moveToEnd(Connection connection) {
    if (connections.remove(connection.http()) != null) {
      connections.put(connection.http(), connection);
    }
  }

  /** Closes a connection whose bytes exceed the budget. */
  void overBudget(Connection connection) {
    refused.accept(ErrorCode.OVERLOADED);
    connection.close();
  }

  /** Closes the connections whose deadline has passed, and forgets clients that have left. */
  public void sweep(long now) {
    for (Connection each : List.copyOf(connections.values())) {
      if (each.isPastDeadline(now)) {
        each.abort();
      }
    }
    clients.sweep(now);
  }

  /** Returns how many connections there are. */
  public int size() {
    return connections.size();
  }
}
