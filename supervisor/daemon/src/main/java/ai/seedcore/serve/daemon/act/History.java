package ai.seedcore.serve.daemon.act;

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
  private @Nullable Instant outage;

  private String reason = "the daemon started";

  History(MonotonicClock clock) {
    this.clock = clock;
    this.outage = clock.instant();
  }

  /** One more lap of the loop, at whose end all declared routes answered, or did not, and why. */
  void lap(boolean ready, String why) {
    laps++;
    if (!ready && outage == null) {
      outage = clock.instant();
      reason = why;
    } else if (ready && outage != null) {
      Duration length = Duration.between(outage, clock.instant());
      keep(outages, new Status.Outage(clock.wall(outage), seconds(length), reason), OUTAGES);
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

  /** A change of phase or reason. */
  void event(Status.Event event) {
    keep(events, event, EVENTS);
  }

  private static <T> void keep(Deque<T> past, T next, int most) {
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

  /** All of it. */
  Status.Past past() {
    List<Status.Outage> all = new ArrayList<>(outages);
    if (outage != null) {
      all.add(new Status.Outage(clock.wall(outage), null, reason));
    }
    return new Status.Past(started, recovered, List.copyOf(recoveries), all, List.copyOf(events));
  }
}
