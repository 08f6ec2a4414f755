package ai.seedcore.serve.daemon.lead;

import java.time.Duration;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * What one daemon knows of the lead, and what follows from it. Pure.
 *
 * <p>The lead is a number, the epoch: a key of the cluster for each, and the highest holds it. Who
 * wants the lead adds the key of the next epoch, which only one of several can; who has it writes a
 * new beat every two seconds. No clock is compared with another machine's: a beat that has not
 * changed for {@link #EXPIRY} of our own time is a dead leader's.
 *
 * @param held the epoch that we hold; 0: none
 * @param until until when we may act on it, unless it is renewed
 * @param other the leader that we see; null: none
 */
record Lease(long held, Instant until, @Nullable Other other) {

  /** How long a leader that says nothing is waited for. */
  static final Duration EXPIRY = Duration.ofSeconds(6);

  static final Lease UNKNOWN = new Lease(0, Instant.MIN, null);

  /**
   * Another daemon that holds the lead.
   *
   * @param text what its holder wrote, as it was read last
   * @param since when that was read first
   */
  record Other(long epoch, String text, Instant since) {}

  /** What a turn found out. */
  sealed interface Found {}

  /** We hold that epoch, renewed by a turn that began at that time. */
  record Held(long epoch, Instant began) implements Found {}

  /** Another daemon holds it. */
  record Taken(long epoch, String text) implements Found {}

  /** Nobody holds it. */
  record Free() implements Found {}

  /** The lease after a turn. */
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

  /** What a holder wrote so long ago that it counts as dead; null: there is none. */
  @Nullable String expired(Instant now) {
    return other != null && !now.isBefore(other.since().plus(EXPIRY)) ? other.text() : null;
  }
}
