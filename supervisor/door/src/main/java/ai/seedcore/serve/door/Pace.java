package ai.seedcore.serve.door;

import io.vertx.core.Context;
import io.vertx.core.Vertx;
import java.time.Duration;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Shares the event loop's time among clients. In one turn of the loop, what one client sends is
 * read for 8 ms at most; and while others have something to do, one client has half of the time.
 * What is beyond that waits.
 */
final class Pace {

  private static final Duration SLICE = Duration.ofMillis(10);
  private static final long SLICE_NANOS = SLICE.toNanos();
  private static final long SHARE_NANOS = SLICE_NANOS / 2;

  /** A client that has taken more than its share pays it back, but no more than this. */
  private static final long MAX_DEBT_NANOS = 10 * SHARE_NANOS;

  /** Without this, somebody's first request would wait for all that is there at once. */
  private static final long TURN_NANOS = Duration.ofMillis(8).toNanos();

  private static final long ACTIVE_NANOS = Duration.ofSeconds(1).toNanos();

  /** What waits until its client has time again. */
  interface Deferred {
    void goOn();
  }

  private final Vertx vertx;
  private final Context context;
  private final Set<Deferred> deferred = new LinkedHashSet<>();
  private long turn;
  private boolean turning;

  /** The last two that had something to do. */
  private @Nullable Client latest;

  private long latestAt;
  private @Nullable Client other;
  private long otherAt;

  Pace(Vertx vertx, Context context) {
    this.vertx = vertx;
    this.context = context;
  }

  /** Whether more of what it sends may be read now. */
  boolean allows(Client client, long now) {
    if (!turning) {
      turning = true;
      // Runs once the loop has been through all connections that have something.
      context.runOnContext(nothing -> endTurn());
    }
    if (client.turn != turn) {
      client.turn = turn;
      client.spentInTurn = 0;
    }
    if (client != latest) {
      other = latest;
      otherAt = latestAt;
      latest = client;
    }
    latestAt = now;
    settle(client, now);
    return client.spentInTurn < TURN_NANOS && (!isShared(now) || client.spent < SHARE_NANOS);
  }

  private void endTurn() {
    turning = false;
    if (deferred.isEmpty()) {
      turn++; // Else the loop has not been through all: it does what it has put off first.
    }
  }

  private boolean isShared(long now) {
    return other != null && now - otherAt < ACTIVE_NANOS;
  }

  /** A share is paid back with each slice that has passed. */
  private static void settle(Client client, long now) {
    long slices = (now - client.sliceAt) / SLICE_NANOS;
    if (slices > 0) {
      client.sliceAt += slices * SLICE_NANOS;
      long spent = Math.min(client.spent, MAX_DEBT_NANOS);
      client.spent = slices > spent / SHARE_NANOS ? 0 : spent - slices * SHARE_NANOS;
    }
  }

  /** So long was spent on what it sent, or on what it is sent. */
  void read(Client client, long nanos) {
    client.spent += nanos;
    client.spentInTurn += nanos;
    client.charged += nanos;
  }

  /**
   * The time since then was spent on it, too, but for what it has been charged for meanwhile.
   *
   * @param charged what it had been charged for then
   */
  void rest(Client client, long began, long charged) {
    read(client, System.nanoTime() - began - (client.charged - charged));
  }

  /** So long was spent on it otherwise. */
  void spent(Client client, long nanos) {
    client.spent += nanos;
  }

  /** It waits until its client has time again. */
  void defer(Deferred work, Client client, long now) {
    if (deferred.isEmpty()) {
      long wait = client.spent < SHARE_NANOS ? 0 : client.sliceAt + SLICE_NANOS - now;
      vertx.setTimer(1 + Math.max(0, wait) / 1_000_000, timer -> goOn());
    }
    deferred.add(work);
  }

  /** Goes on with those that wait, each once. */
  private void goOn() {
    turn++;
    List<Deferred> all = List.copyOf(deferred);
    deferred.clear();
    all.forEach(Deferred::goOn);
  }
}
