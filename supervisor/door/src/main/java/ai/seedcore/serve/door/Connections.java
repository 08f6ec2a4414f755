package ai.seedcore.serve.door;

import ai.seedcore.serve.base.Fatal;
import ai.seedcore.serve.base.http.HeadLimits;
import ai.seedcore.serve.base.http.OnlyHttp1;
import io.netty.channel.Channel;
import io.vertx.core.http.HttpConnection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The clients' connections. At the limit, a new connection replaces one of the client with the most
 * connections: the one that has been idle the longest. So neither idle connections nor a client
 * with many of them can lock others out.
 */
final class Connections {

  static final HeadLimits HEAD = new HeadLimits(8 << 10, 32 << 10);

  private final int most;
  private final Clients clients;
  private final Room budget;
  private final Pace pace;
  private final Counts counts;

  /** Ordered by idle time, longest first. */
  private final Map<HttpConnection, Connection> connections = new LinkedHashMap<>();

  Connections(int most, Clients clients, Room budget, Pace pace, Counts counts) {
    this.most = most;
    this.clients = clients;
    this.budget = budget;
    this.pace = pace;
    this.counts = counts;
  }

  /** Registers a new connection, or closes it if the limit is reached and none can be evicted. */
  void connected(HttpConnection connection) {
    connection.exceptionHandler(Fatal::ifOutOfMemory);
    Client client = clients.at(connection.remoteAddress());
    if (connections.size() >= most && !evictOne(client)) {
      counts.refused("connections");
      connection.close();
      return;
    }
    clients.retain(client);
    client.connections++;
    Channel channel = OnlyHttp1.guard(connection, HEAD);
    connections.put(connection, new Connection(this, connection, channel, client, budget, pace));
    connection.closeHandler(nothing -> gone(connection));
  }

  private void gone(HttpConnection connection) {
    Connection gone = connections.remove(connection);
    if (gone != null) {
      gone.releaseUnread();
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
  @Nullable Connection of(HttpConnection connection) {
    return connections.get(connection);
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
    counts.refused(Contract.OVERLOADED);
    connection.close();
  }

  /** Closes the connections whose deadline has passed. */
  void sweep(long now) {
    for (Connection each : List.copyOf(connections.values())) {
      if (each.isPastDeadline(now)) {
        each.abort();
      }
    }
  }

  int size() {
    return connections.size();
  }
}
