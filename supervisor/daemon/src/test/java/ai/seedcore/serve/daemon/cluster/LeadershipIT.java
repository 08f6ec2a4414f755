package ai.seedcore.serve.daemon.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;

/** Two daemons on one cluster, which share nothing but it. */
class LeadershipIT extends FaultsOnOneCluster {

  private static final Duration TAKEOVER = Duration.ofSeconds(10);

  private final Path otherFolder = Machine.temporaryFolder();
  private DaemonProcess other;

  @AfterEach
  void endTheOther() {
    if (other != null && other.alive()) {
      other.end("KILL");
    }
    daemon.end("KILL"); // What the rows leave behind is not alike.
  }

  private DaemonProcess second(String... more) {
    String[] arguments = new String[more.length + 1];
    arguments[0] = "--status=127.0.0.1:28091";
    System.arraycopy(more, 0, arguments, 1, more.length);
    return DaemonProcess.onCluster(otherFolder, arguments);
  }

  private static String role(DaemonProcess process) {
    return process.status().path("role").asString("");
  }

  private void awaitRoles(DaemonProcess leader, DaemonProcess standby) {
    await()
        .atMost(TAKEOVER)
        .pollInterval(Duration.ofMillis(20))
        .until(() -> role(leader).equals("leads") && role(standby).equals("stands by"));
  }

  @Fault(
      value = "two daemons with the same declarations; the one that leads is killed (SIGKILL)",
      expected = "one leads, the other stands by and takes over within 10 s; nothing is touched")
  void leaderKilled(Row row) {
    other = second();
    awaitRoles(daemon, other);
    other.awaitReady(); // All is served, whoever sees to it.
    row.on(daemon).fault(() -> daemon.end("KILL"));
    row.replacedBy(other);
    row.noticedOnce(() -> role(other).equals("leads"));
    row.serving();
    assertThat(row.deploys()).isZero();
    cluster.delete("SalienceScorer");
    row.submitted(1);
    row.serving();
    assertThat(row.deploys()).isEqualTo(1);
    row.note("then one application was deleted: the new leader submitted it");
  }

  @Fault(
      value = "two daemons; the one that leads is ended (SIGTERM)",
      expected = "it gives the lead back: the other takes over at once")
  void leaderEnded(Row row) {
    other = second();
    awaitRoles(daemon, other);
    row.on(daemon).fault(() -> daemon.end("TERM"));
    row.replacedBy(other);
    row.noticedOnce(() -> role(other).equals("leads"));
    row.serving();
    assertThat(row.deploys()).isZero();
  }

  @Fault(
      value = "two daemons; the one that leads is frozen (SIGSTOP) for 20 s, and goes on",
      expected = "the other takes over within 10 s; the first one finds that out and stands by")
  @Tag("long")
  void leaderFrozen(Row row) {
    other = second();
    awaitRoles(daemon, other);
    row.on(daemon).fault(() -> daemon.signal("STOP"));
    row.noticedOnce(() -> role(other).equals("leads"));
    Machine.pass(Duration.ofSeconds(10));
    daemon.signal("CONT");
    awaitRoles(other, daemon);
    row.untouchedFor(Duration.ofSeconds(10));
    assertThat(other.deploys()).isZero();
    assertThat(row.failed()).isZero();
  }

  @Fault(
      value = "two daemons, and the head is restarted",
      expected = "one of them brings all back: three applications submitted, not six")
  void headRestarted(Row row) {
    other = second();
    awaitRoles(daemon, other);
    row.on(daemon).fault(cluster::kill);
    row.noticed();
    headComesBack(row);
    await().atMost(TAKEOVER).until(other::ready);
    assertThat(row.deploys() + other.deploys()).isEqualTo(3);
    row.note("%d by the one, %d by the other".formatted(row.deploys(), other.deploys()));
  }

  @Fault(
      value = "two daemons with different declarations; the one that leads is killed",
      expected = "no fight: the leader's hold until the other takes over, which says so beforehand")
  @Tag("long")
  void differentDeclarations(Row row) throws IOException {
    Path config =
        Files.writeString(
            otherFolder.resolve("other.yaml"),
            "deployments:\n  - {name: SalienceScorer, class:"
                + " ai.seedcore.serve.salience.SalienceScorer, replicas: 2, cpus: 0.1}\n");
    other = second("--config=" + config);
    awaitRoles(daemon, other);
    row.on(daemon).fault(() -> {});
    row.untouchedFor(Duration.ofSeconds(15));
    assertThat(other.deploys()).isZero();
    assertThat(other.reason()).contains("declares other deployments");
    assertThat(cluster.replicaPids()).hasSize(3);
    row.fault(() -> daemon.end("KILL"));
    row.replacedBy(other);
    row.noticedOnce(() -> role(other).equals("leads"));
    await().atMost(Duration.ofSeconds(40)).until(() -> cluster.replicaPids().size() == 4);
    row.serving();
    assertThat(row.deploys()).isEqualTo(1);
  }
}
