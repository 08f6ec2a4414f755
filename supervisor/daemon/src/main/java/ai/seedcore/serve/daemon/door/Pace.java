package ai.seedcore.serve.daemon.door;

import io.vertx.core.Vertx;
import java.time.Duration;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The event loop's time. Where others have something to do, what one client sends is read for half
 * of it: the rest of that waits for the next slice.
 */
final class Pace {

  private static final Duration SLICE = Duration.ofMillis(10);
  private static final long SLICE_NANOS = SLICE.toNanos();
  private static final long SHARE_NANOS = SLICE_NANOS / 2;
  private static final long ACTIVE_NANOS = Duration.ofSeconds(1).toNanos();

  private final Vertx vertx;
  private final Set<Intake> deferred = new LinkedHashSet<>();
  private long slice;
  private long sliceAt = System.nanoTime();

  /** The last two that had something to do. */
  private @Nullable Client latest;

  private long latestAt;
  private @Nullable Client other;
  private long otherAt;

  Pace(Vertx vertx) {
    this.vertx = vertx;
  }

  /** Whether more of what it sends may be read now. */
  boolean allows(Client client, long now) {
    if (now - sliceAt >= SLICE_NANOS) {
      sliceAt = now;
      slice++;
    }
    if (client.slice != slice) {
      client.slice = slice;
      client.spent = 0;
    }
    if (client != latest) {
      other = latest;
      otherAt = latestAt;
      latest = client;
    }
    latestAt = now;
    boolean shared = other != null && now - otherAt < ACTIVE_NANOS;
    return !shared || client.spent < SHARE_NANOS;
  }

  /** So long was spent on it. */
  void spent(Client client, long nanos) {
    client.spent += nanos;
  }

  /** It waits for the next slice. */
  void defer(Intake intake) {
    if (deferred.isEmpty()) {
      vertx.setTimer(SLICE.toMillis(), timer -> goOn());
    }
    deferred.add(intake);
  }

  /** Goes on with those that wait, each once. */
  private void goOn() {
    List<Intake> all = List.copyOf(deferred);
    deferred.clear();
    all.forEach(Intake::goOn);
  }
}
