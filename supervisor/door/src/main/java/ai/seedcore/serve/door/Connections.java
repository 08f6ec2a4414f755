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
 * Clients' connections. Where there are as many as there may be, one makes room of the client that
 * has the most of them: the one that has been idle the longest, so that nobody is kept out by those
 * who say nothing, nor by one who says a lot.
 */
final class Connections {

  static final HeadLimits HEAD = new HeadLimits(8 << 10, 32 << 10);

  private final int most;
  private final Clients clients;
  private final Room room;
  private final Pace pace;
  private final Counts counts;

  /** Those that have been idle the longest come first. */
  private final Map<HttpConnection, Connection> connections = new LinkedHashMap<>();

  Connections(int most, Clients clients, Room room, Pace pace, Counts counts) {
    this.most = most;
    this.clients = clients;
    this.room = room;
    this.pace = pace;
    this.counts = counts;
  }

  /** One more. */
  void connected(HttpConnection connection) {
    connection.exceptionHandler(Fatal::ifOutOfMemory);
    Client client = clients.at(connection.remoteAddress());
    if (connections.size() >= most && !makeRoom(client)) {
      counts.refused("connections");
      connection.close();
      return;
    }
    clients.enters(client);
    client.connections++;
    Channel channel = OnlyHttp1.guard(connection, HEAD);
    connections.put(connection, new Connection(this, connection, channel, client, room, pace));
    connection.closeHandler(nothing -> gone(connection));
  }

  private void gone(HttpConnection connection) {
    Connection gone = connections.remove(connection);
    if (gone != null) {
      gone.read();
      gone.client().connections--;
      clients.leaves(gone.client());
    }
  }

  /** Whether there is room for one more of that client's now. */
  private boolean makeRoom(Client newcomer) {
    Client busiest = clients.busiest();
    if (busiest == null) {
      return false;
    }
    Connection victim = null;
    for (Connection each : connections.values()) {
      if (each.client() == busiest) {
        victim = each; // The newest, where none is idle.
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

  /** Which one that is; null: it has made room. */
  @Nullable Connection of(HttpConnection connection) {
    return connections.get(connection);
  }

  /** Whether it is counted still. */
  boolean has(Connection connection) {
    return connections.get(connection.http()) == connection;
  }

  /** It rests now, behind all that have rested longer. */
  void restsLast(Connection connection) {
    if (connections.remove(connection.http()) != null) {
      connections.put(connection.http(), connection);
    }
  }

  /** There is no room for what it sends. */
  void overfull(Connection connection) {
    counts.refused(Contract.OVERLOADED);
    connection.close();
  }

  /** Closes those whose time is up. */
  void sweep(long now) {
    for (Connection each : List.copyOf(connections.values())) {
      if (each.isLate(now)) {
        each.abort();
      }
    }
  }

  int size() {
    return connections.size();
  }
}
