package ai.seedcore.serve.door.request;

import ai.seedcore.serve.door.DoorStatus;
import ai.seedcore.serve.door.Histogram;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The door's counters since it was opened. Used on the event loop only. */
public final class Counts {

  private final Map<String, Map<Integer, Answered>> answered = new LinkedHashMap<>();
  private final Map<String, Timing> timings = new LinkedHashMap<>();
  private final Map<String, Long> refused = new LinkedHashMap<>();
  private long held;
  private long replayed;
  private long hedged;

  /** What was recorded of one application. */
  private static final class Timing {
    final Histogram.Recorder latency = new Histogram.Recorder();
    final Histogram.Recorder hold = new Histogram.Recorder();
    long failed;
    long late;
  }

  private static final class Answered {
    long times;
    long nanos;
  }

  /**
   * Counts a response to an application's request, and its duration. Status 499: the client left
   * before the response.
   */
  void answered(String app, int status, long nanos) {
    Answered sum =
        answered
            .computeIfAbsent(app, name -> new LinkedHashMap<>())
            .computeIfAbsent(status, code -> new Answered());
    sum.times++;
    sum.nanos += nanos;
  }

  /**
   * Records how long a request took that was answered.
   *
   * @param within how long it may take without being late, in nanoseconds; 0 for any time
   */
  void timed(String app, int status, long nanos, long within) {
    Timing timing = timing(app);
    timing.latency.record(nanos);
    if (status >= 500) {
      timing.failed++;
    } else if (within > 0 && nanos > within) {
      timing.late++;
    }
  }

  /** Records how long a request waited before it was sent. */
  void waited(String app, long nanos) {
    timing(app).hold.record(nanos);
  }

  /** Returns what records an application's latency. */
  Histogram.Recorder latency(String app) {
    return timing(app).latency;
  }

  private Timing timing(String app) {
    return timings.computeIfAbsent(app, name -> new Timing());
  }

  /** Returns how long the applications' requests took. */
  public List<DoorStatus.Timing> timingsSoFar() {
    List<DoorStatus.Timing> all = new ArrayList<>();
    timings.forEach(
        (app, timing) ->
            all.add(
                new DoorStatus.Timing(
                    app, timing.failed, timing.late, timing.latency.soFar(), timing.hold.soFar())));
    return all;
  }

  /** Counts a request that the door refused itself. */
  public void refused(String code) {
    refused.merge(code, 1L, Long::sum);
  }

  /** Counts a request that had to wait. */
  void held() {
    held++;
  }

  /** Counts a retry. */
  void replayed() {
    replayed++;
  }

  /** Counts a slow request that was sent to a second replica as well. */
  void hedged() {
    hedged++;
  }

  /** Returns how many slow requests were sent to a second replica as well. */
  public long hedgedSoFar() {
    return hedged;
  }

  /** Returns how many requests had to wait. */
  public long heldSoFar() {
    return held;
  }

  /** Returns how many retries there were. */
  public long replayedSoFar() {
    return replayed;
  }

  /** Returns how many requests the door refused, by error code. */
  public Map<String, Long> refusedSoFar() {
    return Map.copyOf(refused);
  }

  /** Returns the responses by application and status. */
  public List<DoorStatus.Answered> answeredSoFar() {
    List<DoorStatus.Answered> all = new ArrayList<>();
    answered.forEach(
        (app, codes) ->
            codes.forEach(
                (code, sum) ->
                    all.add(new DoorStatus.Answered(app, code, sum.times, sum.nanos / 1e9))));
    return all;
  }
}
