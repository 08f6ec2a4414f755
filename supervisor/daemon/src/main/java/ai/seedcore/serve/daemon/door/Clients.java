package ai.seedcore.serve.daemon.door;

import io.vertx.core.http.HttpConnection;
import java.time.Duration;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Clients' connections: by when each has to have said something whole. Where there are as many as
 * there may be, the one that has been idle the longest makes room, so that nobody is kept out by
 * those who say nothing.
 */
final class Clients {

  /** How long a new connection, or one between two requests, may say nothing whole. */
  private static final long IDLE_NANOS = Duration.ofSeconds(75).toNanos();

  /** How long a body may stand still, and how long it may take in all. */
  private static final long PART_NANOS = Duration.ofSeconds(10).toNanos();

  private static final long BODY_NANOS = Duration.ofSeconds(60).toNanos();

  private static final long FOR_EVER = Long.MAX_VALUE / 2;

  private final int most;
  private final Map<HttpConnection, Client> clients = new LinkedHashMap<>();

  private static final class Client {
    boolean idle = true;
    long turn;
    long deadline;
    long last;

    boolean isLate(long now) {
      return now - deadline >= 0;
    }
  }

  Clients(int most) {
    this.most = most;
  }

  /** One more. */
  void connected(HttpConnection connection, long now) {
    connection.exceptionHandler(nothing -> {});
    if (clients.size() >= most && !makeRoom()) {
      connection.close();
      return;
    }
    clients.put(connection, new Client());
    rests(connection, 0, now);
    connection.closeHandler(nothing -> clients.remove(connection));
  }

  private boolean makeRoom() {
    for (Iterator<Map.Entry<HttpConnection, Client>> each = clients.entrySet().iterator();
        each.hasNext(); ) {
      Map.Entry<HttpConnection, Client> client = each.next();
      if (client.getValue().idle) {
        each.remove();
        client.getKey().close();
        return true;
      }
    }
    return false;
  }

  /**
   * Its request's head is here; its body is to follow.
   *
   * @return which of its requests that is
   */
  long speaks(HttpConnection connection, long now) {
    Client client = clients.get(connection);
    if (client == null) {
      return 0;
    }
    client.idle = false;
    client.last = now + BODY_NANOS;
    client.deadline = now + PART_NANOS;
    return ++client.turn;
  }

  /** Its body is passed on as it comes, and may take as long as it goes on. */
  void streams(HttpConnection connection, long now) {
    Client client = clients.get(connection);
    if (client != null) {
      client.last = now + FOR_EVER;
      client.deadline = now + PART_NANOS;
    }
  }

  /** It is to read what there is of its answer. */
  void reads(HttpConnection connection, long now) {
    Client client = clients.get(connection);
    if (client != null) {
      client.deadline = now + BODY_NANOS;
    }
  }

  /** A part of its body is here. */
  void goesOn(HttpConnection connection, long now) {
    Client client = clients.get(connection);
    if (client != null) {
      client.deadline = client.last - now < PART_NANOS ? client.last : now + PART_NANOS;
    }
  }

  /** It has said all, and is waiting for us. */
  void waits(HttpConnection connection, long now) {
    Client client = clients.get(connection);
    if (client != null) {
      client.deadline = now + FOR_EVER;
    }
  }

  /** That one of its requests was answered. (Another may have begun already.) */
  void rests(HttpConnection connection, long turn, long now) {
    Client client = clients.get(connection);
    if (client != null && client.turn == turn) {
      clients.remove(connection);
      client.idle = true;
      client.deadline = now + IDLE_NANOS;
      clients.put(connection, client); // Behind all that have been idle longer.
    }
  }

  /** Closes those whose time is up. */
  void sweep(long now) {
    for (Map.Entry<HttpConnection, Client> each : List.copyOf(clients.entrySet())) {
      if (each.getValue().isLate(now)) {
        each.getKey().close();
      }
    }
  }

  int size() {
    return clients.size();
  }
}
