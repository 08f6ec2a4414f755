package ai.seedcore.serve.daemon.report;

import ai.seedcore.serve.daemon.config.DeclaredApplication;
import ai.seedcore.serve.daemon.config.Objectives;
import ai.seedcore.serve.door.DoorStatus;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Counts, by the hour and for 30 days, how many requests met the declared objectives, and says how
 * much of the error budget is left: of the requests that may miss an objective, the share that has
 * not.
 */
final class Budgets {

  /** The window of the objectives, in hours. */
  static final int WINDOW_HOURS = 30 * 24;

  private static final Duration HOUR = Duration.ofHours(1);

  private static final String AVAILABILITY = "availability";
  private static final String LATENCY = "latency";

  /** The counts of each objective, the oldest hour first. */
  private final Map<String, Deque<Hour>> counts = new LinkedHashMap<>();

  /** What the door had counted at the last lap, by application. */
  private final Map<String, DoorStatus.Timing> seen = new HashMap<>();

  /**
   * The requests of one hour.
   *
   * @param hour hours since 1970
   * @param requests those that the objective concerns
   * @param missed those that did not meet it
   */
  record Hour(long hour, long requests, long missed) {}

  /** Adds what the door has counted since the last lap. */
  void count(List<DeclaredApplication> declared, @Nullable DoorStatus door, Instant now) {
    if (door == null) {
      return;
    }
    for (DeclaredApplication application : declared) {
      door.timing(application.name())
          .ifPresent(timing -> count(application.name(), application.objectives(), timing, now));
    }
  }

  private void count(String app, Objectives objectives, DoorStatus.Timing timing, Instant now) {
    DoorStatus.Timing before = seen.put(app, timing);
    long times = timing.latency().times() - (before == null ? 0 : before.latency().times());
    long failed = timing.failed() - (before == null ? 0 : before.failed());
    long late = timing.late() - (before == null ? 0 : before.late());
    if (times <= 0) {
      return;
    }
    if (objectives.availability() != null) {
      add(key(app, AVAILABILITY), now, times, failed);
    }
    Objectives.Latency latency = objectives.latency();
    if (latency != null) {
      add(key(app, latency), now, times - failed, late);
    }
  }

  private void add(String key, Instant now, long requests, long missed) {
    Deque<Hour> hours = counts.computeIfAbsent(key, name -> new ArrayDeque<>());
    long hour = hour(now);
    Hour last = hours.peekLast();
    if (last != null && last.hour() == hour) {
      hours.removeLast();
      hours.addLast(new Hour(hour, last.requests() + requests, last.missed() + missed));
    } else {
      hours.addLast(new Hour(hour, requests, missed));
    }
    while (hours.getFirst().hour() <= hour - WINDOW_HOURS) {
      hours.removeFirst();
    }
  }

  private static long hour(Instant now) {
    return now.getEpochSecond() / HOUR.toSeconds();
  }

  private static String key(String app, String objective) {
    return app + " " + objective;
  }

  /** Requests that were late by another limit say nothing about this one. */
  private static String key(String app, Objectives.Latency latency) {
    return key(app, LATENCY + " " + latency.withinS());
  }

  /** Returns the budgets of an application's objectives. */
  List<Status.ObjectiveStatus> of(String app, Objectives objectives, Instant now) {
    List<Status.ObjectiveStatus> all = new ArrayList<>();
    if (objectives.availability() != null) {
      all.add(status(AVAILABILITY, key(app, AVAILABILITY), objectives.availability(), null, now));
    }
    Objectives.Latency latency = objectives.latency();
    if (latency != null) {
      all.add(status(LATENCY, key(app, latency), latency.share(), latency.withinS(), now));
    }
    return all;
  }

  private Status.ObjectiveStatus status(
      String name, String key, double target, @Nullable Double withinS, Instant now) {
    long oldest = hour(now) - WINDOW_HOURS;
    List<Hour> hours =
        counts.getOrDefault(key, new ArrayDeque<>()).stream()
            .filter(hour -> hour.hour() > oldest)
            .toList();
    long requests = hours.stream().mapToLong(Hour::requests).sum();
    long missed = hours.stream().mapToLong(Hour::missed).sum();
    double allowed = requests * (1 - target);
    return new Status.ObjectiveStatus(
        name,
        target,
        withinS,
        requests,
        missed,
        missed == 0 ? 1 : 1 - missed / allowed,
        hours.isEmpty() ? null : Instant.ofEpochSecond(hours.get(0).hour() * HOUR.toSeconds()));
  }

  /** Returns all counts of the last 30 days, to be kept. */
  Map<String, List<Hour>> kept(Instant now) {
    long oldest = hour(now) - WINDOW_HOURS;
    counts.values().forEach(hours -> hours.removeIf(hour -> hour.hour() <= oldest));
    counts.values().removeIf(Deque::isEmpty);
    Map<String, List<Hour>> kept = new LinkedHashMap<>();
    counts.forEach((key, hours) -> kept.put(key, List.copyOf(hours)));
    return kept;
  }

  /** Adds counts that were kept. Called before the first lap. */
  void restore(Map<String, List<Hour>> kept) {
    kept.forEach((key, hours) -> counts.put(key, new ArrayDeque<>(hours)));
  }
}
