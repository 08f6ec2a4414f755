package ai.seedcore.serve.door;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What the door has done since it was opened. The event loop's alone. */
final class Counts {

  private final Map<String, Map<Integer, Answered>> answered = new LinkedHashMap<>();
  private final Map<String, Long> refused = new LinkedHashMap<>();
  private long held;
  private long replayed;

  private static final class Answered {
    long times;
    long nanos;
  }

  /** A request of an application was answered, after so long; 499: its client left before. */
  void answered(String app, int status, long nanos) {
    Answered sum =
        answered
            .computeIfAbsent(app, name -> new LinkedHashMap<>())
            .computeIfAbsent(status, code -> new Answered());
    sum.times++;
    sum.nanos += nanos;
  }

  /** The door answered a request itself. */
  void refused(String code) {
    refused.merge(code, 1L, Long::sum);
  }

  /** A request had to wait. */
  void held() {
    held++;
  }

  /** A request was sent again. */
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
