package ai.seedcore.serve.door.request;

import ai.seedcore.serve.door.DoorStatus;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The door's counters since it was opened. Used on the event loop only. */
public final class Counts {

  private final Map<String, Map<Integer, Answered>> answered = new LinkedHashMap<>();
  private final Map<String, Long> refused = new LinkedHashMap<>();
  private long held;
  private long replayed;
  private long hedged;

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
