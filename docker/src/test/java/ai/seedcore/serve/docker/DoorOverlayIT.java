package ai.seedcore.serve.docker;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Two front doors before the cluster: no request fails, whatever is replaced. */
class DoorOverlayIT extends OverlayFixture {

  private static final String POD = "seedcore-head-0";

  @BeforeAll
  static void apply() {
    begin("door", overlay("door"));
  }

  @Test
  void gcsKilled() throws IOException {
    nothingFails("the head's GCS killed (SIGKILL)", () -> kill(POD, "head", "gcs_server"));
  }

  @Test
  void podDeleted() throws IOException {
    nothingFails("the head's pod deleted", () -> kube.run("delete", "pod", POD));
  }

  @Test
  void doorDeleted() throws IOException {
    nothingFails(
        "one of the doors deleted", () -> kube.run("delete", "pod", kube.pods(DAEMONS).get(0)));
  }

  @Test
  void doorsRestarted() throws IOException {
    nothingFails(
        "rolling restart of the doors",
        () -> {
          var doors = kube.pods(DAEMONS);
          kube.run("rollout", "restart", "deployment/seedcore-serve");
          kube.run("rollout", "status", "deployment/seedcore-serve", "--timeout=180s");
          doors.forEach(door -> kube.run("wait", "--for=delete", "pod/" + door, "--timeout=120s"));
        });
  }

  @Test
  void headRestarted() throws IOException {
    nothingFails("rolling restart of head and worker", OverlayFixture::restartCluster);
  }

  @Test
  void doorsEvictedOneAtATime() throws IOException {
    nothingFails(
        "a door evicted; the disruption budget refuses a second one",
        () -> {
          var doors = kube.pods(DAEMONS);
          kube.evict(doors.get(0)).orFail();
          assertThat(kube.evict(doors.get(1)).output()).contains("disruption budget");
          kube.run("wait", "--for=delete", "pod/" + doors.get(0), "--timeout=120s");
        });
  }

  @Test
  void configurationChanged() throws IOException {
    changeConfiguration(POD, "head");
  }
}
