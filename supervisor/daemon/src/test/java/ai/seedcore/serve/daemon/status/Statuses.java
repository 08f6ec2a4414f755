package ai.seedcore.serve.daemon.status;

import ai.seedcore.serve.daemon.decide.Action;
import ai.seedcore.serve.daemon.report.Status;
import ai.seedcore.serve.door.DoorStatus;
import ai.seedcore.serve.door.Histogram;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Statuses as the loop would publish them. */
public final class Statuses {

  private static final Instant NOON = Instant.parse("2026-01-01T12:00:00Z");

  private static final Histogram HISTOGRAM = histogram();

  private Statuses() {}

  /** All is served, after one recovery of 6.5 s. */
  public static Status serving() {
    return status("SERVING", "ALL_WELL", true, new Action.Rest(), List.of(app("A", "RUNNING")));
  }

  /** All is served, by a cluster of those nodes. */
  public static Status servedBy(String... nodes) {
    return status(
        "SERVING",
        "ALL_WELL",
        true,
        new Action.Rest(),
        List.of(app("A", "RUNNING")),
        Set.of(nodes));
  }

  /** One application of two is deployed again. */
  public static Status recovering() {
    return status(
        "RECOVERING",
        "APP_DIFFERS",
        false,
        new Action.Deploy("B"),
        List.of(app("A", "RUNNING"), app("B", "MISSING")));
  }

  private static Status status(
      String phase, String cause, boolean ready, Action action, List<Status.AppStatus> apps) {
    return status(phase, cause, ready, action, apps, Set.of("10.0.0.1"));
  }

  private static Status status(
      String phase,
      String cause,
      boolean ready,
      Action action,
      List<Status.AppStatus> apps,
      Set<String> nodes) {
    return new Status(
        Status.SCHEMA,
        "0.1.0",
        phase,
        cause,
        "because",
        "Nothing.",
        NOON,
        ready,
        NOON,
        7,
        action.toString(),
        1000,
        null,
        6.5,
        3,
        "leads",
        new Status.HeadStatus(
            "head:6380", "http://head:8265", true, null, "s1", "n1", "2.39.0", nodes),
        "running",
        "running",
        apps,
        List.of(
            new Status.OrphanStatus(
                "SERVE_REPLICA::A#A#x", "A", 4711, "10.0.0.1", Map.of("CPU", 2.0), 12.5)),
        ready ? null : new Status.UploadStatus("_ray_pkg_1.zip", 5, 9),
        new Status.DriverStatus("WARM", 42, null, null, 1),
        new Status.NodeStatus("NONE", null, false),
        new DoorStatus(
            "0.0.0.0:8000",
            3,
            2,
            512,
            7,
            11,
            5,
            6,
            Map.of("not_served", 1L),
            List.of(new DoorStatus.Answered("A", 200, 40, 0.5)),
            List.of(new DoorStatus.Timing("A", 2, 3, HISTOGRAM, HISTOGRAM)),
            Map.of("A", 4),
            List.of(new DoorStatus.ProxyStatus("http://head:8001", true)),
            List.of(new DoorStatus.ReplicaStatus("A", "10.0.0.1:20002", "ready", "v1", 2)),
            Map.of(
                "A",
                new DoorStatus.Comparison("v2", 9, 8, 1, 1.5, 2.5, "answers with status 500"))),
        new Status.ConfigStatus(null, null),
        List.of(),
        List.of(new Status.Decided(action.getClass().getSimpleName(), cause, 3)),
        new Status.Past(
            NOON.minusSeconds(60),
            NOON,
            1,
            List.of(
                new Status.Recovery(
                    NOON, 6.5, List.of(new Status.Step("Serve starts", 0.5, 3.25)))),
            List.of(new Status.Outage(NOON, ready ? 9.0 : null, "the daemon started")),
            List.of(new Status.Event(NOON, phase, cause, "because", action.toString()))));
  }

  /** 40 requests of 4 ms, one of them traced. */
  private static Histogram histogram() {
    Histogram.Recorder recorder = new Histogram.Recorder();
    for (int i = 0; i < 40; i++) {
      recorder.record(4_000_000);
    }
    recorder.remember("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", 4_000_000);
    return recorder.soFar();
  }

  private static Status.AppStatus app(String name, String state) {
    boolean runs = state.equals("RUNNING");
    return new Status.AppStatus(
        name,
        "http://head:8000/" + name,
        "v1",
        runs ? "v1" : null,
        state,
        "",
        runs ? 1 : 0,
        1,
        runs,
        null,
        runs ? 4L : null,
        runs ? NOON : null,
        0,
        1,
        null,
        new Status.Outcomes(1, 0, 0),
        List.of(
            new Status.ObjectiveStatus("availability", 0.99, null, 1_000, 4, 0.6, NOON),
            new Status.ObjectiveStatus("latency", 0.9, 0.25, 996, 0, 1, NOON)),
        "{\"a\":1}",
        runs ? null : new Status.TrialStatus("v1", "v0", "", "is too slow"));
  }
}
