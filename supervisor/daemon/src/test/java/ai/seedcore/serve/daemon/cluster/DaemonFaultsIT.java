package ai.seedcore.serve.daemon.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Tag;

/** What befalls the daemon itself, its machine and its files. */
class DaemonFaultsIT extends FaultsOnOneCluster {

  @Fault(
      value = "daemon ended (SIGTERM) in the middle of a deploy, then started again",
      expected = "ends within 10 s; the next one goes on where it was, nothing twice")
  void endedInTheMiddle(Row row) {
    inTheMiddle(row, "TERM", 143);
  }

  @Fault(
      value = "daemon killed (SIGKILL) in the middle of a deploy, then started again",
      expected = "the same")
  void killedInTheMiddle(Row row) {
    inTheMiddle(row, "KILL", 137);
  }

  private void inTheMiddle(Row row, String signal, int code) {
    row.on(daemon);
    cluster.kill();
    cluster.comeBack();
    await()
        .atMost(Duration.ofSeconds(30))
        .pollInterval(Duration.ofMillis(5))
        .until(() -> row.deploys() >= 1);
    int done = row.deploys();
    row.fault(() -> assertThat(daemon.end(signal)).isEqualTo(code));
    daemon = DaemonProcess.onCluster(folder);
    row.replacedBy(daemon);
    row.serving();
    row.note("%d of 3 were submitted before, %d after".formatted(done, daemon.deploys()));
    assertThat(done + daemon.deploys()).isBetween(3, 4);
    assertThat(cluster.replicaPids()).hasSize(3);
    assertThat(Machine.marked("SEEDCORE_DRIVER=1")).hasSizeLessThanOrEqualTo(2);
  }

  @Fault(
      value = "daemon killed while its driver hangs (SIGSTOP), then started again",
      expected = "the orphaned driver, which cannot see that it is alone, is killed")
  void orphanedDriver(Row row) {
    long driver = daemon.warmDriver();
    row.on(daemon);
    Machine.signal("STOP", driver);
    row.fault(() -> daemon.end("KILL"));
    assertThat(ProcessHandle.of(driver)).isPresent();
    daemon = DaemonProcess.onCluster(folder);
    row.replacedBy(daemon);
    row.serving();
    await().atMost(Duration.ofSeconds(5)).until(() -> ProcessHandle.of(driver).isEmpty());
    assertThat(row.deploys()).isZero();
    assertThat(row.failed()).isZero();
  }

  @Fault(
      value = "daemon frozen for two minutes (SIGSTOP), and the head restarted meanwhile",
      expected = "it looks before it acts, and serves the new head")
  @Tag("long")
  void frozen(Row row) {
    row.on(daemon).fault(() -> daemon.signal("STOP"));
    Machine.pass(Duration.ofMinutes(1));
    cluster.kill();
    cluster.comeBack();
    Machine.pass(Duration.ofMinutes(1));
    daemon.signal("CONT");
    row.possible();
    row.serving();
    assertThat(row.deploys()).isEqualTo(3);
  }

  @Fault(
      value = "daemon frozen for two minutes (SIGSTOP), nothing else",
      expected = "it goes on as if nothing had been")
  @Tag("long")
  void frozenAndNothingElse(Row row) {
    row.on(daemon).fault(() -> daemon.signal("STOP"));
    Machine.pass(Duration.ofMinutes(2));
    daemon.signal("CONT");
    row.possible();
    row.serving();
    row.untouchedFor(Duration.ofSeconds(10));
    assertThat(row.failed()).isZero();
  }

  @Fault(
      value = "log disk full (standard output is /dev/full), and the head restarted",
      expected = "lines are lost, nothing else")
  void logDiskFull(Row row) {
    daemon.close();
    daemon =
        DaemonProcess.start(
            folder,
            List.of("/bin/sh", "-c", "exec \"$0\" \"$@\" >/dev/full 2>&1"),
            Map.of(),
            "--address=" + RayCluster.ADDRESS,
            "--dashboard=" + RayCluster.DASHBOARD);
    row.on(daemon).fault(cluster::kill);
    headComesBack(row);
    assertThat(row.deploys()).isEqualTo(3);
    assertThat(daemon.log()).isEmpty();
  }

  @Fault(
      value = "the reader of the log hangs (its pipe is full), and the head restarted",
      expected = "the same: no line is waited for")
  @Tag("long")
  void logReaderHangs(Row row) {
    daemon.close();
    daemon =
        DaemonProcess.start(
            folder,
            List.of("/bin/bash", "-c", "exec \"$0\" \"$@\" > >(exec sleep 600) 2>&1"),
            Map.of(),
            "--address=" + RayCluster.ADDRESS,
            "--dashboard=" + RayCluster.DASHBOARD);
    row.on(daemon).fault(cluster::kill);
    // At level debug a few restarts fill a pipe's 64 KiB.
    for (int i = 0; i < 3; i++) {
      cluster.kill();
      cluster.comeBack();
      row.possible();
      row.serving();
    }
    assertThat(row.deploys()).isEqualTo(9);
  }

  @Fault(
      value = "cache directory that cannot be written",
      expected = "another one is taken, with a warning; serves")
  void cacheUnwritable(Row row) {
    daemon.close();
    row.fault(() -> daemon = DaemonProcess.onCluster(folder, "--cache=/proc/seedcore"));
    row.watch(daemon);
    row.serving();
    assertThat(daemon.log()).contains("the cache cannot be written");
    assertThat(row.deploys()).isZero();
  }

  @Fault(
      value = "/tmp and the cache cleaned under the daemon, then an application deleted",
      expected = "what is missing is made again; the application is submitted again")
  void filesCleaned(Row row) throws IOException {
    daemon.close();
    Path temporary = Files.createDirectories(folder.resolve("tmp"));
    daemon =
        DaemonProcess.start(
            folder,
            List.of(),
            Map.of("JAVA_TOOL_OPTIONS", "-Djava.io.tmpdir=" + temporary, "TMPDIR", "" + temporary),
            "--address=" + RayCluster.ADDRESS,
            "--dashboard=" + RayCluster.DASHBOARD);
    row.on(daemon);
    long driver = daemon.warmDriver();
    Machine.delete(temporary);
    Machine.delete(folder.resolve("cache"));
    cluster.delete("SalienceScorer");
    row.fault(() -> {});
    row.submitted(1);
    row.serving();
    assertThat(row.deploys()).isEqualTo(1);
    long next = daemon.warmDriver();
    assertThat(next).isNotEqualTo(driver);
    Machine.signal("KILL", next); // The one after it needs what was deleted, too.
    await().atMost(Duration.ofSeconds(30)).until(() -> daemon.warmDriver() != next);
  }

  @Fault(
      value = "our status port taken",
      expected = "exit 2 at once, and the message names the port and the flag")
  void statusPortTaken(Row row) throws IOException {
    try (Impostor impostor = new Impostor(28091);
        DaemonProcess second = DaemonProcess.onCluster(folder, "--status=127.0.0.1:28091")) {
      impostor.answer(200, "mine");
      row.on(daemon).fault(() -> {});
      assertThat(second.awaitEnd()).isEqualTo(2);
      row.noticedOnce(() -> true);
      assertThat(second.log()).contains("status: found 127.0.0.1:28091").contains("--status");
    }
    assertThat(row.deploys()).isZero();
  }

  @Fault(
      value = "the cluster's Ray and ours are of different versions",
      expected = "what runs is left alone; what is to be done is blocked, both versions named")
  void versionSkew(Row row) throws IOException {
    daemon.close();
    Path other = otherRay("2.40.0");
    daemon = DaemonProcess.onCluster(folder, "--ray=" + other);
    row.on(daemon);
    cluster.delete("ScalingPredictor");
    row.fault(() -> {});
    daemon.awaitReason("BLOCKED", "2.40.0");
    row.noticedOnce(() -> true);
    assertThat(daemon.reason()).contains("2.40.0").contains("--ray");
    assertThat(row.deploys()).isZero();
    daemon.close();
    daemon = DaemonProcess.onCluster(folder);
    row.replacedBy(daemon);
    row.possible();
    row.serving();
    assertThat(row.deploys()).isEqualTo(1);
  }

  /** An installation like ours, of which only the version is another. */
  private Path otherRay(String version) throws IOException {
    Path ours = Path.of(RayCluster.ray("ray")).getParent().getParent();
    Path other = Files.createDirectories(folder.resolve("other"));
    Path bin = Files.createDirectories(other.resolve("bin"));
    Path ray = Files.createDirectories(other.resolve("lib/python3.11/site-packages/ray/jars"));
    try (var found = Files.walk(ours.resolve("lib"))) {
      Path jar = found.filter(file -> file.endsWith("ray_dist.jar")).findFirst().orElseThrow();
      Files.createSymbolicLink(ray.resolve("ray_dist.jar"), jar);
    }
    Files.writeString(ray.resolveSibling("_version.py"), "version = \"%s\"\n".formatted(version));
    Files.copy(ours.resolve("bin/ray"), bin.resolve("ray"));
    return bin.resolve("ray");
  }

  @Fault(
      value = "wrong configuration at the start",
      expected = "exit 2 at once, and the message names the field")
  void wrongConfigurationAtTheStart(Row row) throws IOException {
    Path config = Files.writeString(folder.resolve("wrong.yaml"), "cpus: many\n");
    row.on(daemon).fault(() -> {});
    try (DaemonProcess second =
        DaemonProcess.start(folder, "--status=127.0.0.1:28091", "--config=" + config)) {
      assertThat(second.awaitEnd()).isEqualTo(2);
      row.noticedOnce(() -> true);
      assertThat(second.log()).contains("cpus").contains("many");
    }
    assertThat(row.deploys()).isZero();
  }

  @Fault(
      value = "wrong configuration while the daemon runs, then a right one",
      expected =
          "the last good one holds, the error is shown; the right one is taken without a restart")
  void wrongConfigurationOnReload(Row row) throws IOException {
    daemon.close();
    Path config = Files.writeString(folder.resolve("live.yaml"), "log_level: debug\n");
    daemon = DaemonProcess.onCluster(folder, "--config=" + config);
    row.on(daemon);
    row.fault(() -> Machine.write(config, "deployments:\n  - name: One\n    replicas: none\n"));
    row.noticedOnce(() -> configError().contains("deployments[3]"));
    row.untouchedFor(Duration.ofSeconds(5));
    assertThat(daemon.ready()).isTrue();
    row.note("the message: " + configError().replace(folder + "/", ""));

    Machine.write(config, one("ScalingPredictor", 2)); // Changes a built-in one.
    row.possible();
    await().atMost(Duration.ofSeconds(30)).until(() -> cluster.replicaPids().size() == 4);
    row.serving();
    assertThat(configError()).isEmpty();
    assertThat(row.deploys()).isEqualTo(1);

    Machine.write(
        config, "builtin: false\n" + one("SalienceScorer", 1)); // And now drops two of them.
    await().atMost(Duration.ofSeconds(40)).until(() -> cluster.replicaPids().size() == 1);
    assertThat(row.failed()).isPositive();
  }

  private static String one(String name, int replicas) {
    String folder = name.equals("SalienceScorer") ? "salience" : "scaling";
    return """
        deployments:
          - name: %s
            class: ai.seedcore.serve.%s.%1$s
            replicas: %d
            cpus: 0.1
        """
        .formatted(name, folder, replicas);
  }

  private String configError() {
    return daemon.status().path("config").path("error").asString("");
  }
}
