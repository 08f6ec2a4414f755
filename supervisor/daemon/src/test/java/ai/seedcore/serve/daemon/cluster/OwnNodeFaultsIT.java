package ai.seedcore.serve.daemon.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;

/** What befalls a head that the daemon started itself, and the processes that it leaves behind. */
@Tag("cluster")
class OwnNodeFaultsIT {

  private static final String MARK = "SEEDCORE_NODE=HEAD:" + RayCluster.ADDRESS;

  private final Path folder = Machine.temporaryFolder();
  private DaemonProcess daemon;

  @AfterEach
  void end() {
    if (daemon != null) {
      List<ProcessHandle> all = daemon.descendants();
      daemon.end("TERM");
      all.forEach(ProcessHandle::destroyForcibly);
    }
    Machine.marked(MARK).forEach(ProcessHandle::destroyForcibly);
    Machine.delete(folder);
  }

  @Fault(
      value = "a head of the daemon's own loses its GCS, three times; the daemon has an init",
      expected = "the head is started again and served; no zombie is left")
  @Tag("long")
  void withAnInit(Row row) {
    threeHeads(row, List.of());
  }

  @Fault(
      value = "the same; the daemon is process 1 of its container, and there is no init",
      expected = "the same: a small keeper reaps what the node leaves behind")
  @Tag("long")
  void asProcessOne(Row row) {
    Tools.needNamespaces();
    threeHeads(row, List.of("unshare", "--pid", "--fork", "--mount-proc", "--kill-child"));
  }

  private void threeHeads(Row row, List<String> before) {
    daemon =
        DaemonProcess.start(
            folder,
            before,
            Map.of(),
            "--local",
            "--cpus=4",
            "--address=" + RayCluster.ADDRESS,
            "--dashboard=" + RayCluster.DASHBOARD);
    row.on(daemon);
    for (int i = 0; i < 3; i++) {
      row.fault(
          () ->
              Machine.marked(MARK).stream()
                  .filter(process -> Machine.commandLine(process).contains("gcs_server"))
                  .forEach(ProcessHandle::destroyForcibly));
      row.noticed();
      row.serving();
    }
    assertThat(row.deploys()).isEqualTo(9);
    await()
        .atMost(Duration.ofSeconds(20))
        .until(
            () ->
                daemon.descendants().stream().mapToLong(p -> Machine.zombies(p.pid())).sum()
                        + Machine.zombies(daemon.pid())
                    == 0);
  }
}
