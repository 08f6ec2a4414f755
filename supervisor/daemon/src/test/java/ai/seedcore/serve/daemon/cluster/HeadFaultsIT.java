package ai.seedcore.serve.daemon.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.time.Duration;
import org.junit.jupiter.api.Tag;

/** What befalls the head. */
class HeadFaultsIT extends FaultsOnOneCluster {

  @Fault(
      value = "head killed (SIGKILL), a new one started at once",
      expected = "the new session is noticed, Serve started, three applications submitted")
  void killedAndBack(Row row) {
    row.on(daemon).fault(cluster::kill);
    row.noticed();
    headComesBack(row);
    assertThat(row.deploys()).isEqualTo(3);
  }

  @Fault(
      value = "head restarted faster than a look (the daemon is stopped meanwhile)",
      expected = "no outage is seen, but another session: three applications submitted")
  void restartedBetweenTwoLooks(Row row) {
    row.on(daemon).fault(() -> daemon.signal("STOP"));
    cluster.kill();
    cluster.comeBack();
    daemon.signal("CONT");
    row.possible();
    row.serving();
    assertThat(row.deploys()).isEqualTo(3);
  }

  @Fault(
      value = "head killed and away for 70 s",
      expected = "waits with the reason and a warm driver; then as above")
  @Tag("long")
  void awayForSeventySeconds(Row row) {
    row.on(daemon).fault(cluster::kill);
    row.noticed();
    Machine.pass(Duration.ofSeconds(70));
    assertThat(daemon.phase()).isEqualTo("WAITING");
    assertThat(daemon.reason()).contains("refuses the connection");
    headComesBack(row);
    assertThat(row.deploys()).isEqualTo(3);
  }

  @Fault(
      value = "head restarted ten times in a row, every 15 s",
      expected = "no storm: at most three submissions a head; serves after the last one")
  @Tag("long")
  void restartedTenTimes(Row row) {
    row.on(daemon).fault(() -> {});
    for (int i = 0; i < 10; i++) {
      long start = System.nanoTime();
      cluster.kill();
      cluster.comeBack();
      row.possible();
      Machine.pass(Duration.ofSeconds(15).minusNanos(System.nanoTime() - start));
    }
    row.serving();
    assertThat(row.deploys()).isBetween(3, 30);
  }

  @Fault(
      value = "GCS killed, head restarted within 60 s",
      expected = "noticed at once, though HTTP goes on for a while; the next head is served")
  void gcsKilledBackWithinAMinute(Row row) {
    row.on(daemon).fault(() -> cluster.process("gcs_server").destroyForcibly());
    row.noticed();
    cluster.kill();
    headComesBack(row);
    assertThat(row.deploys()).isEqualTo(3);
  }

  @Fault(
      value = "GCS killed, head restarted after 70 s, when all of its processes have ended",
      expected = "the same")
  @Tag("long")
  void gcsKilledBackAfterAMinute(Row row) {
    row.on(daemon).fault(() -> cluster.process("gcs_server").destroyForcibly());
    row.noticed();
    Machine.pass(Duration.ofSeconds(70));
    cluster.kill();
    headComesBack(row);
    assertThat(row.deploys()).isEqualTo(3);
  }

  @Fault(
      value = "dashboard killed",
      expected = "what is served is served: nothing is done, and the daemon stays ready")
  void dashboardKilled(Row row) {
    row.on(daemon).fault(() -> cluster.process("dashboard/dashboard.py").destroyForcibly());
    row.untouchedFor(Duration.ofSeconds(20));
    assertThat(daemon.ready()).isTrue();
    assertThat(row.failed()).isZero();
    anAppIsMissedWithoutADashboard(row);
    end();
  }

  /** The dashboard is gone, and now an application, too: the proxy's word is all there is. */
  private void anAppIsMissedWithoutADashboard(Row row) {
    cluster.delete("ScalingPredictor");
    row.possible();
    row.submitted(1);
    row.serving();
    assertThat(row.deploys()).isEqualTo(1);
    row.note("then one application was deleted: submitted again on the proxy's word alone");
  }

  @Fault(
      value = "dashboard frozen (SIGSTOP): it accepts and never answers",
      expected = "the same: nothing is done")
  @Tag("long")
  void dashboardFrozen(Row row) {
    long pid = cluster.process("dashboard/dashboard.py").pid();
    row.on(daemon).fault(() -> Machine.signal("STOP", pid));
    row.untouchedFor(Duration.ofSeconds(20));
    assertThat(daemon.ready()).isTrue();
    awaitServeSaid("does not answer in time");
    assertThat(row.failed()).isZero();
    Machine.signal("CONT", pid);
  }

  @Fault(
      value =
          "another program on the dashboard's port: status 500, then rubbish, then its own pages",
      expected = "the same: nothing is done, and the daemon says what it found there")
  @Tag("long")
  void anotherProgramInTheDashboardsPlace(Row row) throws Exception {
    row.on(daemon).fault(() -> cluster.process("dashboard/dashboard.py").destroyForcibly());
    try (Impostor impostor = new Impostor(28265)) {
      impostor.answer(500, "Internal Server Error");
      row.untouchedFor(Duration.ofSeconds(8));
      awaitServeSaid("answers with status 500");
      impostor.answer(200, "\u0000\u0001{[rubbish");
      row.untouchedFor(Duration.ofSeconds(8));
      impostor.answer(200, "<html>It works!</html>");
      row.untouchedFor(Duration.ofSeconds(8));
      awaitServeSaid("another program");
    }
    assertThat(daemon.ready()).isTrue();
    assertThat(row.failed()).isZero();
    end();
  }

  /** What the dashboard shows is asked seldom, and may take it long: it is said in the end. */
  private void awaitServeSaid(String part) {
    await()
        .atMost(Duration.ofSeconds(20))
        .untilAsserted(() -> assertThat(daemon.status().path("serve").asString()).contains(part));
  }

  /** The next row needs another cluster. */
  private void end() {
    cluster.kill();
  }
}
