package ai.seedcore.serve.docker;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Two daemons beside a cluster of somebody else's; one of them leads. */
class JoinedOverlayIT extends OverlayFixture {

  private static final String POD = "seedcore-head-0";

  @BeforeAll
  static void apply() {
    begin("joined", resource("cluster"), overlay("joined"));
  }

  private static String phase(String pod) {
    Shell.Result told =
        kube.tryExec(
            pod,
            DAEMON,
            "curl -s -m 4 -H \"Authorization: Bearer $(cat /etc/seedcore-status/token)\" localhost:8090/status");
    return told.code() == 0
        ? Manifests.YAML.readTree(told.output()).path("phase").asString("")
        : "";
  }

  /**
   * Waits until one of the two daemons leads and the other one does not, and returns the former.
   */
  private static String leader() {
    await()
        .atMost(Duration.ofMinutes(2))
        .until(
            () ->
                kube.pods(DAEMONS).stream()
                    .map(JoinedOverlayIT::phase)
                    .sorted()
                    .toList()
                    .equals(List.of("SERVING", "STANDBY")));
    return kube.pods(DAEMONS).stream()
        .filter(pod -> phase(pod).equals("SERVING"))
        .findFirst()
        .orElseThrow();
  }

  @Test
  void leaderKilled() throws IOException {
    String leads = leader();
    nothingFails(
        "the daemon that leads killed (SIGKILL), until one leads again",
        () -> {
          kill(leads, DAEMON, "java");
          await().atMost(Duration.ofMinutes(1)).until(() -> !phase(leads).equals("SERVING"));
          leader();
        });
  }

  @Test
  void leaderEvicted() throws IOException {
    String leads = leader();
    List<String> others = kube.pods(DAEMONS).stream().filter(pod -> !pod.equals(leads)).toList();
    nothingFails(
        "the daemon that leads evicted; the disruption budget refuses the other one",
        () -> {
          kube.evict(leads).orFail();
          assertThat(kube.evict(others.get(0)).output()).contains("disruption budget");
          kube.run("wait", "--for=delete", "pod/" + leads, "--timeout=120s");
          leader();
        });
  }

  @Test
  void daemonsRestarted() throws IOException {
    nothingFails(
        "rolling restart of the daemons",
        () -> {
          kube.run("rollout", "restart", "deployment/seedcore-serve");
          kube.run("rollout", "status", "deployment/seedcore-serve", "--timeout=180s");
        });
    leader();
  }

  @Test
  void gcsKilled() throws IOException {
    measure("the head's GCS killed (SIGKILL)", () -> kill(POD, "head", "gcs_server"));
    leader();
  }

  @Test
  void headDeleted() throws IOException {
    measure("the head's pod deleted", () -> kube.run("delete", "pod", POD));
    leader();
  }

  @Test
  void configurationChanged() throws IOException {
    changeConfiguration(POD, "head");
  }

  @Test
  void tokenRotated() {
    rotateToken();
  }
}
