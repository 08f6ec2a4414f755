package ai.seedcore.serve.daemon.lead;

import java.time.Duration;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * One daemon's view of the lease. Immutable, without clock or I/O.
 *
 * <p>The lease is a numbered key in the GCS, the epoch; the highest holds. To claim the lease, a
 * daemon adds the key of the next epoch, which only one of several can. The holder writes a new
 * beat every two seconds. Clocks of different machines are never compared: a lease whose beat has
 * not changed for {@link #EXPIRY}, by the watcher's own clock, has expired.
 *
 * @param held the epoch that this daemon holds; 0 if none
 * @param until until when this daemon may act as leader without a renewal
 * @param other the other holder that was seen; null if none
 */
record Lease(long held, Instant until, @Nullable Other other) {

  /** How long a lease lasts without a renewal. */
  static final Duration EXPIRY = Duration.ofSeconds(6);

  static final Lease UNKNOWN = new Lease(0, Instant.MIN, null);

  /**
   * Another daemon that holds the lease.
   *
   * @param epoch the epoch that it holds
   * @param text the value that its key has now
   * @param since when that value was first read
   */
  record Other(long epoch, String text, Instant since) {}

  /** The result of one turn. */
  sealed interface Found {}

  /** This daemon holds this epoch. The turn that confirmed it began at this time. */
  record Held(long epoch, Instant began) implements Found {}

  /** Another daemon holds the lease. */
  record Taken(long epoch, String text) implements Found {}

  /** Nobody holds the lease. */
  record Free() implements Found {}

  /** Returns the lease after a turn. */
  Lease after(Found found, Instant now) {
    if (found instanceof Held mine) {
      return new Lease(mine.epoch(), mine.began().plus(EXPIRY), null);
    } else if (found instanceof Taken taken) {
      boolean same =
          other != null && other.epoch() == taken.epoch() && other.text().equals(taken.text());
      return same
          ? new Lease(0, Instant.MIN, other)
          : new Lease(0, Instant.MIN, new Other(taken.epoch(), taken.text(), now));
    }
    return UNKNOWN;
  }

  boolean leads(Instant now) {
    return held > 0 && now.isBefore(until);
  }

  /** Returns the value of an expired lease's key; null if no lease has expired. */
  @Nullable String expired(Instant now) {
    return other != null && !now.isBefore(other.since().plus(EXPIRY)) ? other.text() : null;
  }
}
