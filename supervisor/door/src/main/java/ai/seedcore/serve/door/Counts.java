package ai.seedcore.serve.door;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The door's counters since it was opened. Used on the event loop only. */
final class Counts {

  private final Map<String, Map<Integer, Answered>> answered = new LinkedHashMap<>();
  private final Map<String, Long> refused = new LinkedHashMap<>();
  private long held;
  private long replayed;

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
  void refused(String code) {
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

  long heldSoFar() {
    return held;
  }

  long replayedSoFar() {
    return replayed;
  }

  Map<String, Long> refusedSoFar() {
    return Map.copyOf(refused);
  }

  List<DoorStatus.Answered> answeredSoFar() {
    List<DoorStatus.Answered> all = new ArrayList<>();
    answered.forEach(
        (app, codes) ->
            codes.forEach(
                (code, sum) ->
                    all.add(new DoorStatus.Answered(app, code, sum.times, sum.nanos / 1e9))));
    return all;
  }
}
