package ai.seedcore.serve.daemon.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.time.Duration;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ObjectNode;

/** What one row measures: from the fault, and from when recovery was possible, to serving again. */
final class Row implements AutoCloseable {

  private final Web web = new Web();
  private @Nullable SteadyProbe probe;
  private DaemonProcess daemon;
  private String routes = RayCluster.ROUTES;
  private int deploysBefore;
  private long faultAt;
  private long possibleAt;
  private @Nullable Double noticed;
  private @Nullable Double serving;
  private @Nullable String note;
  private int exits;

  /** Watches that daemon, which serves, and begins the steady probe. */
  Row on(DaemonProcess served) {
    return on(served, RayCluster.ROUTES);
  }

  Row on(DaemonProcess served, String base) {
    daemon = served.awaitReady();
    routes = base;
    deploysBefore = served.deploys();
    probe = new SteadyProbe(base, 20);
    long start = System.nanoTime();
    await()
        .atMost(Duration.ofSeconds(20))
        .until(() -> probe.sentSince(start) > 6 && probe.failedSince(start) == 0);
    return this;
  }

  /** Watches that daemon, which need not serve; there is no steady probe. */
  void watch(DaemonProcess served) {
    daemon = served;
    deploysBefore = 0;
  }

  /** Brings the fault about, now. */
  void fault(Runnable what) {
    faultAt = System.nanoTime();
    possibleAt = faultAt;
    what.run();
  }

  /** The daemon has noticed once that holds. */
  void noticedOnce(Callable<Boolean> sign) {
    noticed = since(faultAt, sign, Duration.ofSeconds(100));
  }

  /** The daemon has noticed once it says that not all is served. */
  void noticed() {
    noticedOnce(() -> web.status("http://" + daemon.statusAddress() + "/readyz") != 200);
  }

  /** From now on recovery is possible. */
  void possible() {
    possibleAt = System.nanoTime();
  }

  /** Waits until the three routes answer and the daemon says so. */
  void serving() {
    serving =
        since(possibleAt, () -> web.allAnswer(routes) && daemon.ready(), Duration.ofSeconds(150));
  }

  /** Nothing came of it, and the routes answered all the time, for so long. */
  void untouchedFor(Duration time) {
    long start = System.nanoTime();
    await()
        .pollInterval(Duration.ofMillis(100))
        .atMost(time.plusSeconds(5))
        .until(() -> System.nanoTime() - start > time.toNanos());
    assertThat(deploys()).as("deploys").isZero();
    assertThat(web.allAnswer(routes)).as("routes answer").isTrue();
  }

  /** The daemon that was watched has been replaced by this one. */
  void replacedBy(DaemonProcess next) {
    exits += 0;
    deploysBefore -= daemon.deploys();
    daemon = next;
  }

  /** Applications submitted since the row began. */
  int deploys() {
    return daemon.deploys() - deploysBefore;
  }

  long failed() {
    return probe == null ? 0 : probe.failedSince(faultAt);
  }

  /** Something worth saying beside the figures. */
  void note(String text) {
    note = text;
  }

  void fill(ObjectNode json) {
    if (noticed != null) {
      json.put("noticed_s", noticed);
    }
    if (serving != null) {
      json.put("serving_s", serving);
    }
    if (probe != null) {
      json.put("failed", failed());
      json.put("sent", probe.sentSince(faultAt));
    }
    if (daemon != null) {
      json.put("deploys", deploys());
      assertThat(daemon.alive()).as("the daemon is alive").isTrue();
    }
    json.put("exits", exits);
    if (note != null) {
      json.put("note", note);
    }
  }

  private static double since(long start, Callable<Boolean> condition, Duration limit) {
    await().atMost(limit).pollInterval(Duration.ofMillis(20)).until(condition);
    return (System.nanoTime() - start) / 1e9;
  }

  @Override
  public void close() {
    if (probe != null) {
      probe.close();
    }
  }
}
