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
  private @Nullable Long failed;
  private @Nullable Long sent;

  /** Watches that daemon, which serves, and begins the steady probe. */
  Row on(DaemonProcess served) {
    return on(served, RayCluster.ROUTES);
  }

  Row on(DaemonProcess served, String base) {
    return on(served, base, 20);
  }

  Row on(DaemonProcess served, String base, int perSecond) {
    daemon = served.awaitReady();
    routes = base;
    deploysBefore = served.deploys();
    probe = new SteadyProbe(base, perSecond);
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

  /** Watches that daemon, which serves; whoever calls has clients of his own. */
  void watchServed(DaemonProcess served) {
    daemon = served.awaitReady();
    deploysBefore = served.deploys();
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

  /** The routes are elsewhere now. */
  void moved(String base) {
    routes = base;
    if (probe != null) {
      probe.moveTo(base);
    }
  }

  /** From now on recovery is possible. */
  void possible() {
    possibleAt = System.nanoTime();
  }

  /** Waits until so many applications were submitted: until then what is about to go may answer. */
  void submitted(int applications) {
    await().atMost(Duration.ofSeconds(60)).until(() -> deploys() >= applications);
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

  /** The daemon that was watched is no more, as the row wishes; now it is this one. */
  void replacedBy(DaemonProcess next) {
    deploysBefore = 0;
    daemon = next;
  }

  /** Applications submitted since the row began. */
  int deploys() {
    return daemon.deploys() - deploysBefore;
  }

  long failed() {
    return probe == null ? 0 : probe.failedSince(faultAt);
  }

  /** Serving again is the end of the longest outage of any route, which may have been none. */
  void servingAgain() {
    // The daemon may notice what Serve has mended already.
    await().atMost(Duration.ofSeconds(20)).until(() -> web.allAnswer(routes) && daemon.ready());
    serving = probe.longestOutage(faultAt);
  }

  long failedSince(long nanoTime) {
    return probe.failedSince(nanoTime);
  }

  /** What another client than the row's own has seen. */
  void sent(long failures, long requests) {
    failed = failures;
    sent = requests;
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
    if (failed != null) {
      json.put("failed", failed);
      json.put("sent", sent);
    }
    if (daemon != null) {
      json.put("deploys", deploys());
      assertThat(daemon.alive()).as("the daemon is alive").isTrue();
    }
    json.put("exits", 0); // Asserted above.
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
