package ai.seedcore.serve.daemon.report;

import ai.seedcore.serve.daemon.host.MonotonicClock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The most recent events, recoveries and outages, also of earlier daemons, with counts since this
 * daemon started.
 */
final class History {

  private static final int EVENTS = 200;
  private static final int OUTAGES = 100;

  /** From when on a time without a daemon is an outage. */
  private static final Duration ABSENCE = Duration.ofSeconds(2);

  private final MonotonicClock clock;
  private final Instant started = Instant.now();
  private Instant since = started;
  private final Deque<Status.Event> events = new ArrayDeque<>();
  private final Deque<Status.Recovery> recoveries = new ArrayDeque<>();
  private final Deque<Status.Outage> outages = new ArrayDeque<>();
  private final Map<Status.Decided, Long> decisions = new LinkedHashMap<>();
  private int recovered;
  private long laps;

  /** Each daemon begins with an outage: until its first look, nothing is known to be served. */
  private Status.@Nullable Outage outage = new Status.Outage(started, null, "the daemon started");

  private Instant outageBegan;
  private Status.@Nullable Past cached;

  History(MonotonicClock clock) {
    this.clock = clock;
    this.outageBegan = clock.instant();
  }

  /**
   * Records the end of a lap.
   *
   * @param ready whether all declared routes respond as declared or are busy
   * @param why the reason if they do not
   */
  void lap(boolean ready, String why) {
    laps++;
    if (!ready && outage == null) {
      outage = new Status.Outage(Instant.now(), null, why);
      outageBegan = clock.instant();
      cached = null;
    } else if (ready && outage != null) {
      double seconds = seconds(Duration.between(outageBegan, clock.instant()));
      keep(outages, new Status.Outage(outage.from(), seconds, outage.reason()), OUTAGES);
      outage = null;
    }
  }

  /** Counts a decision. */
  void decided(String action, String cause) {
    decisions.merge(new Status.Decided(action, cause, 0), 1L, Long::sum);
  }

  /** Returns how often each decision was made. */
  List<Status.Decided> decisions() {
    List<Status.Decided> counted = new ArrayList<>();
    decisions.forEach(
        (key, times) -> counted.add(new Status.Decided(key.action(), key.cause(), times)));
    return counted;
  }

  /** Records that everything is served again, this long after the cluster's first sign of life. */
  void recovered(Duration length, List<Status.Step> steps) {
    recovered++;
    keep(recoveries, new Status.Recovery(Instant.now(), seconds(length), steps), OUTAGES);
  }

  /** Adds what earlier daemons have recorded. Called before the first lap. */
  void restore(HistoryFile.Kept kept) {
    Status.Past past = kept.past();
    since = past.since();
    past.recoveries().forEach(one -> keep(recoveries, one, OUTAGES));
    past.events().forEach(one -> keep(events, one, EVENTS));
    // What lasted when the daemon ended lasted that long at least.
    past.outages().stream()
        .map(
            one ->
                one.seconds() != null
                    ? one
                    : new Status.Outage(
                        one.from(), seconds(Duration.between(one.from(), kept.at())), one.reason()))
        .forEach(one -> keep(outages, one, OUTAGES));
    // A daemon that takes over from another one is there at once.
    Duration absent = Duration.between(kept.at(), Instant.now());
    if (absent.compareTo(ABSENCE) > 0) {
      keep(
          outages,
          new Status.Outage(kept.at(), seconds(absent), "the daemon did not run"),
          OUTAGES);
    }
  }

  /** Returns the duration of the last recovery in seconds; null if there was none. */
  @Nullable Double lastRecovery() {
    Status.Recovery last = recoveries.peekLast();
    return last == null ? null : last.seconds();
  }

  /** Records a change of phase or reason. */
  void event(Status.Event event) {
    keep(events, event, EVENTS);
  }

  private <T> void keep(Deque<T> past, T next, int most) {
    cached = null;
    past.addLast(next);
    while (past.size() > most) {
      past.removeFirst();
    }
  }

  private static double seconds(Duration length) {
    return length.toMillis() / 1000.0;
  }

  /** Returns the number of laps. */
  long laps() {
    return laps;
  }

  /** Returns the complete history; the same object while nothing has changed. */
  Status.Past past() {
    if (cached == null) {
      List<Status.Outage> all = new ArrayList<>(outages);
      if (outage != null) {
        all.add(outage);
      }
      cached =
          new Status.Past(
              since, started, recovered, List.copyOf(recoveries), all, List.copyOf(events));
    }
    return cached;
  }
}
