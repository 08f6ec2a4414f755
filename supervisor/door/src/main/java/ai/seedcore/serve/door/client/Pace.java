package ai.seedcore.serve.door.client;

import io.vertx.core.Context;
import io.vertx.core.Vertx;
import java.time.Duration;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Shares the event loop's time among clients. In one turn of the loop, at most 8 ms are spent on
 * reading from one client. While others are active, one client gets half of the time. The rest of
 * its work is deferred.
 */
public final class Pace {

  private static final Duration SLICE = Duration.ofMillis(10);
  private static final long SLICE_NANOS = SLICE.toNanos();
  private static final long SHARE_NANOS = SLICE_NANOS / 2;

  /** The most that a client that exceeded its share can owe. */
  private static final long MAX_DEBT_NANOS = 10 * SHARE_NANOS;

  /**
   * The limit for one turn. Without it, a client's first request would wait for everything that has
   * arrived from another.
   */
  private static final long TURN_NANOS = Duration.ofMillis(8).toNanos();

  private static final long MAX_PENALTY_NANOS = Duration.ofSeconds(5).toNanos();

  private static final long ACTIVE_NANOS = Duration.ofSeconds(1).toNanos();

  /** Work that is deferred until its client has time again. */
  public interface Deferred {
    void proceed();
  }

  private final Vertx vertx;
  private final Context context;
  private final Set<Deferred> deferred = new LinkedHashSet<>();
  private long turn;
  private boolean turnScheduled;

  /** The two clients that were active last. */
  private @Nullable Client latest;

  private long latestAt;
  private @Nullable Client other;
  private long otherAt;

  /** Shares the time of the event loop to which this context belongs. */
  public Pace(Vertx vertx, Context context) {
    this.vertx = vertx;
    this.context = context;
  }

  /** Returns whether more data of a client may be read now. */
  public boolean allows(Client client, long now) {
    if (isBlocked(client, now)) {
      return false; // Nor is it active, so that the others have all of the time.
    }
    if (!turnScheduled) {
      turnScheduled = true;
      // Runs once the loop has visited all connections that have data.
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
    turnScheduled = false;
    if (deferred.isEmpty()) {
      // Otherwise the loop has not visited all connections, because deferred work runs first.
      turn++;
    }
  }

  private boolean isShared(long now) {
    return other != null && now - otherAt < ACTIVE_NANOS;
  }

  /** Reduces a client's debt by one share for each slice that has passed. */
  private static void settle(Client client, long now) {
    long slices = (now - client.sliceAt) / SLICE_NANOS;
    if (slices > 0) {
      client.sliceAt += slices * SLICE_NANOS;
      long spent = Math.min(client.spent, MAX_DEBT_NANOS);
      client.spent = slices > spent / SHARE_NANOS ? 0 : spent - slices * SHARE_NANOS;
    }
  }

  /** Returns whether a client has used time that is not settled. */
  static boolean owes(Client client, long now) {
    settle(client, now);
    return client.spent > 0 || isBlocked(client, now);
  }

  private static boolean isBlocked(Client client, long now) {
    return now - client.blockedUntil < 0;
  }

  /** Defers all reading from a client, and the rest of its responses, for some time. */
  void penalize(Client client, long nanos) {
    client.blockedUntil = System.nanoTime() + Math.min(nanos, MAX_PENALTY_NANOS);
  }

  /** Charges a client for time spent on reading from it or writing to it. */
  public void charge(Client client, long nanos) {
    client.spent += nanos;
    client.spentInTurn += nanos;
    client.charged += nanos;
  }

  /**
   * Charges a client for the time since a moment, except for what it has been charged meanwhile.
   *
   * @param charged the value of {@link Client#charged()} at that moment
   */
  public void chargeRest(Client client, long began, long charged) {
    charge(client, System.nanoTime() - began - (client.charged - charged));
  }

  /** Charges a client for other time spent on it. */
  public void chargeOther(Client client, long nanos) {
    client.spent += nanos;
  }

  /** Defers work until its client has time again. */
  public void defer(Deferred work, Client client, long now) {
    if (isBlocked(client, now)) {
      if (client.blocked.isEmpty()) {
        vertx.setTimer(1 + (client.blockedUntil - now) / 1_000_000, timer -> unblock(client));
      }
      client.blocked.add(work);
      return;
    }
    if (deferred.isEmpty()) {
      long wait = client.spent < SHARE_NANOS ? 0 : client.sliceAt + SLICE_NANOS - now;
      vertx.setTimer(1 + Math.max(0, wait) / 1_000_000, timer -> proceed());
    }
    deferred.add(work);
  }

  private void unblock(Client client) {
    List<Deferred> all = List.copyOf(client.blocked);
    client.blocked.clear();
    long now = System.nanoTime();
    all.forEach(work -> defer(work, client, now));
  }

  /** Runs all deferred work once. */
  private void proceed() {
    turn++;
    List<Deferred> all = List.copyOf(deferred);
    deferred.clear();
    all.forEach(Deferred::proceed);
  }
}
