package ai.seedcore.serve.daemon.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import org.junit.jupiter.api.Tag;
import tools.jackson.databind.JsonNode;

/** What befalls the driver, the child process with Ray's Java API. */
class DriverFaultsIT extends FaultsOnOneCluster {

  private static final int RESTARTS = 1_000;

  @Fault(value = "driver killed while it waits", expected = "another one gets warm")
  void killedAtRest(Row row) {
    long driver = daemon.warmDriver();
    row.on(daemon).fault(() -> Machine.signal("KILL", driver));
    row.noticedOnce(() -> driverPid() != driver);
    awaitAnother(driver);
    row.serving();
    assertThat(row.failed()).isZero();
    assertThat(row.deploys()).isZero();
    assertThat(daemon.status().path("exits").toString()).contains("\"code\":137");
  }

  @Fault(
      value = "driver hung (SIGSTOP) while it waits",
      expected = "it gives no sign of life, is killed, and another one gets warm")
  void hungAtRest(Row row) {
    long driver = daemon.warmDriver();
    row.on(daemon).fault(() -> Machine.signal("STOP", driver));
    row.noticedOnce(() -> driverPid() != driver);
    awaitAnother(driver);
    row.serving();
    assertThat(row.failed()).isZero();
    assertThat(row.deploys()).isZero();
  }

  @Fault(
      value = "driver hung (SIGSTOP) at work, while the head is restarted",
      expected = "it is killed within seconds, another one does its work")
  @Tag("long")
  void hungAtWork(Row row) {
    row.on(daemon).fault(cluster::kill);
    row.noticed();
    cluster.comeBack();
    row.possible();
    await()
        .atMost(Duration.ofSeconds(30))
        .pollInterval(Duration.ofMillis(5))
        .until(() -> !driver().path("busy_with").isNull() && driverPid() != 0);
    Machine.signal("STOP", driverPid());
    row.serving();
    assertThat(row.deploys()).isBetween(3, 6);
  }

  @Fault(
      value = "driver prints rubbish, and 8 MiB without a line's end, where its replies are read",
      expected = "it is skipped; memory stays flat; the next recovery works")
  void printsRubbish(Row row) throws IOException {
    long driver = daemon.warmDriver();
    row.on(daemon);
    double before = Machine.residentMiB(daemon.pid());
    row.fault(() -> {});
    Path replies = Path.of("/proc", "" + driver, "fd", "3");
    Files.writeString(replies, "rubbish\n{\"reply\":\"done\"}\n[]\n\u0000\n", append());
    byte[] megabyte = new byte[1 << 20];
    for (int i = 0; i < 8; i++) {
      Files.write(replies, megabyte, append());
    }
    Files.writeString(replies, "\n", append());
    cluster.kill();
    headComesBack(row);
    assertThat(row.deploys()).isEqualTo(3);
    assertThat(Machine.residentMiB(daemon.pid())).isLessThan(before + 16);
  }

  private static StandardOpenOption append() {
    return StandardOpenOption.WRITE;
  }

  @Fault(
      value = "driver out of memory (no more of it to be had, by prlimit) when there is work",
      expected = "it ends, another one does the work")
  void outOfMemory(Row row) {
    row.on(daemon);
    Machine.run("prlimit", "--pid", "" + daemon.warmDriver(), "--as=1");
    row.fault(cluster::kill);
    headComesBack(row);
    assertThat(row.deploys()).isEqualTo(3);
    assertThat(daemon.log()).contains("driver gone");
  }

  @Fault(
      value = "1,000 drivers killed, one after the other",
      expected = "memory, threads and descriptors of the daemon stay flat, no zombie is left")
  @Tag("long")
  void aThousandTimes(Row row) {
    row.on(daemon).fault(() -> {});
    Usage early = null;
    for (int i = 0; i < RESTARTS; i++) {
      long driver =
          await()
              .atMost(Duration.ofSeconds(60))
              .pollInterval(Duration.ofMillis(20))
              .until(this::driverPid, pid -> pid != 0);
      Machine.signal("KILL", driver);
      await()
          .atMost(Duration.ofSeconds(60))
          .pollInterval(Duration.ofMillis(20))
          .until(() -> driverPid() != driver);
      if (i == RESTARTS / 10) {
        early = usage();
      }
    }
    Usage late = usage();
    row.note("after 100: %s; after 1,000: %s".formatted(early, late));
    assertThat(late.threads()).isLessThanOrEqualTo(early.threads() + 2);
    assertThat(late.descriptors()).isLessThanOrEqualTo(early.descriptors() + 5);
    assertThat(late.residentMiB()).isLessThan(early.residentMiB() + 10);
    assertThat(late.zombies()).isLessThanOrEqualTo(1);
    assertThat(daemon.ready()).isTrue();
    assertThat(row.failed()).isZero();
    assertThat(row.deploys()).isZero();
  }

  private record Usage(long residentMiB, int threads, int descriptors, long zombies) {}

  private Usage usage() {
    return new Usage(
        Math.round(Machine.residentMiB(daemon.pid())),
        Machine.count(Path.of("/proc", "" + daemon.pid(), "task")),
        Machine.count(Path.of("/proc", "" + daemon.pid(), "fd")),
        Machine.zombies(daemon.pid()));
  }

  private void awaitAnother(long driver) {
    await()
        .atMost(Duration.ofSeconds(30))
        .until(() -> driverPid() != driver && driver().path("phase").asString("").equals("WARM"));
  }

  private JsonNode driver() {
    return daemon.status().path("driver");
  }

  private long driverPid() {
    return driver().path("pid").asLong();
  }
}
