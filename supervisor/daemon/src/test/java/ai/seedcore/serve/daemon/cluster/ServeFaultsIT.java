package ai.seedcore.serve.daemon.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Tag;

/** What befalls Serve, its controller, proxy, replicas and applications. */
class ServeFaultsIT extends FaultsOnOneCluster {

  @Fault(
      value = "Serve controller killed",
      expected = "Ray restarts it, and it finds its replicas again: nothing is done")
  void controllerKilled(Row row) {
    List<Long> replicas = cluster.replicaPids();
    row.on(daemon).fault(() -> cluster.worker("ray::ServeController").destroyForcibly());
    Machine.pass(Duration.ofSeconds(20));
    row.servingAgain();
    assertThat(row.deploys()).isZero();
    assertThat(cluster.replicaPids()).isEqualTo(replicas);
  }

  @Fault(value = "HTTP proxy killed", expected = "Serve restarts it: nothing is done")
  void proxyKilled(Row row) {
    List<Long> replicas = cluster.replicaPids();
    row.on(daemon).fault(() -> cluster.worker("ray::ProxyActor").destroyForcibly());
    row.noticed();
    row.serving();
    assertThat(cluster.replicaPids()).isEqualTo(replicas);
    assertThat(row.deploys()).isZero();
  }

  @Fault(
      value = "a healthy proxy without our routes (another program in its place, on port 8000)",
      expected = "the daemon says so, and deploys nothing; the port is free again: serves")
  void proxyWithoutOurRoutes(Row row) throws Exception {
    row.on(daemon).fault(() -> cluster.worker("ray::ProxyActor").destroyForcibly());
    try (Impostor impostor = new Impostor(RayCluster.SERVE_PORT)) {
      impostor.answer(200, "{}");
      daemon.awaitReason("RECOVERING", "the proxy does not answer for its route yet");
      row.noticed();
      Machine.pass(Duration.ofSeconds(10));
      assertThat(row.deploys()).isZero();
    }
    row.possible();
    row.serving();
    assertThat(row.deploys()).isZero();
  }

  @Fault(value = "one replica killed", expected = "Serve replaces it: nothing is done")
  void replicaKilled(Row row) {
    List<Long> replicas = cluster.replicaPids();
    row.on(daemon).fault(() -> ProcessHandle.of(replicas.get(0)).orElseThrow().destroyForcibly());
    await() // Serve may be quicker than the daemon's next look.
        .atMost(Duration.ofSeconds(40))
        .until(
            () -> {
              List<Long> now = cluster.replicaPids();
              return now.size() == 3 && !now.contains(replicas.get(0));
            });
    await().atMost(Duration.ofSeconds(10)).until(daemon::ready);
    row.servingAgain();
    assertThat(cluster.replicaPids()).contains(replicas.get(1), replicas.get(2));
    assertThat(row.deploys()).isZero();
  }

  @Fault(
      value = "one replica frozen (SIGSTOP)",
      expected = "the silent route is noticed; Serve's health check replaces the replica")
  @Tag("long")
  void replicaFrozen(Row row) {
    List<Long> replicas = cluster.replicaPids();
    row.on(daemon).fault(() -> Machine.signal("STOP", replicas.get(0)));
    row.noticed();
    row.serving();
    Machine.signal("KILL", replicas.get(0)); // Ray waits for its orderly end for 20 s.
    assertThat(row.deploys()).isZero();
  }

  @Fault(
      value = "an application deleted by someone",
      expected = "it alone is submitted again, the others are not touched")
  void applicationDeleted(Row row) {
    List<Long> replicas = cluster.replicaPids();
    row.on(daemon);
    cluster.delete("AnomalyDetector");
    row.fault(() -> {});
    row.noticedOnce(() -> row.deploys() == 1);
    row.serving();
    assertThat(row.deploys()).isEqualTo(1);
    assertThat(cluster.replicaPids().stream().filter(replicas::contains)).hasSize(2);
  }

  @Fault(
      value = "an application replaced by someone's, under its name",
      expected = "ours is submitted again")
  void applicationReplaced(Row row) {
    row.on(daemon);
    String source =
        "\\nimport json"
            + "\\n@serve.deployment(name='AnomalyDetector', ray_actor_options={'num_cpus': 0.1})"
            + "\\nclass Other:"
            + "\\n    def __call__(self, request):"
            + "\\n        return 'mine'"
            // Ray 2.60 fails after the deed: it cannot load the class of the proxies.
            + "\\ntry: serve.run(Other.bind(), name='AnomalyDetector', route_prefix='/other')"
            + "\\nexcept ray.exceptions.RaySystemError: pass";
    cluster.python("exec(\"%s\")".formatted(source));
    row.fault(() -> {});
    row.noticedOnce(() -> row.deploys() == 1);
    row.serving();
    assertThat(row.deploys()).isEqualTo(1);
  }

  @Fault(
      value = "Serve shut down by someone ('serve shutdown -y')",
      expected = "Serve is started again, three applications submitted")
  void serveShutDown(Row row) {
    row.on(daemon);
    cluster.run(List.of(RayCluster.ray("serve"), "shutdown", "-y", "-a", RayCluster.DASHBOARD));
    row.fault(() -> {});
    row.serving();
    assertThat(row.deploys()).isEqualTo(3);
  }

  @Fault(
      value = "Serve started by someone without Java support",
      expected = "that Serve is replaced by another one, three applications submitted")
  void serveWithoutJava(Row row) {
    daemon.close();
    cluster.close();
    cluster.start().session();
    cluster.python(
        "serve.start(http_options={'host': '127.0.0.1', 'port': %d})"
            .formatted(RayCluster.SERVE_PORT));
    row.fault(() -> daemon = DaemonProcess.onCluster(folder));
    row.watch(daemon);
    row.noticedOnce(() -> daemon.log().contains("replacing a Serve without Java support"));
    row.serving();
    assertThat(row.deploys()).isEqualTo(3);
    await().until(daemon::ready);
  }
}
