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

/** What was, as far back as a person asks: the last of everything, and how many there were. */
final class History {

  private static final int EVENTS = 200;
  private static final int OUTAGES = 100;

  private final MonotonicClock clock;
  private final Instant started = Instant.now();
  private final Deque<Status.Event> events = new ArrayDeque<>();
  private final Deque<Status.Recovery> recoveries = new ArrayDeque<>();
  private final Deque<Status.Outage> outages = new ArrayDeque<>();
  private final Map<Status.Decided, Long> decisions = new LinkedHashMap<>();
  private int recovered;
  private long laps;

  /** An outage begins with the daemon: until it has looked, nobody knows. */
  private Status.@Nullable Outage outage = new Status.Outage(started, null, "the daemon started");

  private Instant outageBegan;
  private Status.@Nullable Past told;

  History(MonotonicClock clock) {
    this.clock = clock;
    this.outageBegan = clock.instant();
  }

  /** One more lap of the loop, at whose end all declared routes answered, or did not, and why. */
  void lap(boolean ready, String why) {
    laps++;
    if (!ready && outage == null) {
      outage = new Status.Outage(Instant.now(), null, why);
      outageBegan = clock.instant();
      told = null;
    } else if (ready && outage != null) {
      double seconds = seconds(Duration.between(outageBegan, clock.instant()));
      keep(outages, new Status.Outage(outage.from(), seconds, outage.reason()), OUTAGES);
      outage = null;
    }
  }

  /** Something was decided. */
  void decided(String action, String cause) {
    decisions.merge(new Status.Decided(action, cause, 0), 1L, Long::sum);
  }

  /** How often what was decided. */
  List<Status.Decided> decisions() {
    List<Status.Decided> counted = new ArrayList<>();
    decisions.forEach(
        (key, times) -> counted.add(new Status.Decided(key.action(), key.cause(), times)));
    return counted;
  }

  /** All is served again, so long after it could be. */
  void recovered(Duration length) {
    recovered++;
    keep(recoveries, new Status.Recovery(Instant.now(), seconds(length)), OUTAGES);
  }

  /** Seconds of the last recovery; null: none yet. */
  @Nullable Double lastRecovery() {
    Status.Recovery last = recoveries.peekLast();
    return last == null ? null : last.seconds();
  }

  /** A change of phase or reason. */
  void event(Status.Event event) {
    keep(events, event, EVENTS);
  }

  private <T> void keep(Deque<T> past, T next, int most) {
    told = null;
    past.addLast(next);
    while (past.size() > most) {
      past.removeFirst();
    }
  }

  private static double seconds(Duration length) {
    return length.toMillis() / 1000.0;
  }

  /** Laps of the loop. */
  long laps() {
    return laps;
  }

  /** All of it; the same object while nothing has changed. */
  Status.Past past() {
    if (told == null) {
      List<Status.Outage> all = new ArrayList<>(outages);
      if (outage != null) {
        all.add(outage);
      }
      told = new Status.Past(started, recovered, List.copyOf(recoveries), all, List.copyOf(events));
    }
    return told;
  }
}
