package ai.seedcore.serve.daemon.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Tag;

/** What is declared cannot be served: the rest is, and the reason is told. */
class DeclaredFaultsIT extends FaultsOnOneCluster {

  private static final String CRASHER =
      """
      package org.example;

      public class Crasher {
        public Crasher() {
          Runtime.getRuntime().halt(7);
        }

        public Object call(String body) {
          return body;
        }
      }
      """;

  @Fault(
      value = "a replica that crashes whenever it starts (its class halts the JVM)",
      expected = "the others are served, nothing is submitted again and again; undeclared: gone")
  @Tag("long")
  void crashLoop(Row row) throws IOException {
    UserJar.make(folder.resolve("crasher.jar"), "Crasher", CRASHER);
    declared(
        row,
        "deployments:\n  - {name: Crasher, class: org.example.Crasher, jars: [crasher.jar],"
            + " cpus: 0.1}\n",
        "Crasher");
  }

  @Fault(
      value = "a model that cannot be loaded (a corrupt file)",
      expected = "the same; the reason is the model's own")
  @Tag("long")
  void modelThatCannotLoad(Row row) throws IOException {
    Files.writeString(folder.resolve("broken.onnx"), "not a model");
    declared(
        row,
        "deployments:\n  - {name: Broken, class: ai.seedcore.serve.salience.SalienceScorer,"
            + " files: [broken.onnx], init_args: [{model: broken.onnx}], cpus: 0.1}\n",
        "found no model that ONNX Runtime can load");
  }

  private void declared(Row row, String bad, String reason) throws IOException {
    daemon.close();
    Path config = Files.writeString(folder.resolve("declared.yaml"), "log_level: debug\n");
    daemon = DaemonProcess.onCluster(folder, "--config=" + config);
    row.on(daemon);
    row.fault(() -> Machine.write(config, bad));
    row.noticedOnce(() -> daemon.reason().contains(reason));
    Machine.pass(Duration.ofSeconds(40));
    assertThat(web.allAnswer(RayCluster.ROUTES)).isTrue();
    assertThat(row.deploys()).isBetween(1, 4);
    row.note("after 40 s: %d submissions; %s".formatted(row.deploys(), daemon.reason()));
    Machine.write(config, "log_level: info\n");
    row.possible();
    row.serving();
    assertThat(row.failed()).isZero();
    await()
        .atMost(Duration.ofSeconds(60))
        .until(() -> daemon.phase().equals("SERVING") && cluster.replicaPids().size() == 3);
  }

  @Fault(
      value = "too few CPUs (a replica wants 6, the cluster has 4), and a node with 8 later",
      expected = "waits with Serve's reason, no churn; serves once they are there")
  @Tag("long")
  void tooFewCpus(Row row) throws IOException {
    daemon.close();
    cluster.close();
    cluster = new RayCluster("127.0.0.2").start();
    Path config =
        Files.writeString(
            folder.resolve("hungry.yaml"),
            "deployments:\n  - {name: Hungry, class: ai.seedcore.serve.salience.SalienceScorer,"
                + " cpus: 6}\n");
    daemon =
        DaemonProcess.start(
            folder,
            "--address=127.0.0.2:26380",
            "--serve-host=127.0.0.1",
            "--dashboard=" + RayCluster.DASHBOARD,
            "--serve-url=" + RayCluster.ROUTES,
            "--config=" + config);
    row.watch(daemon);
    row.fault(() -> {});
    row.noticedOnce(() -> daemon.reason().contains("Hungry is DEPLOYING"));
    await().atMost(Duration.ofSeconds(60)).until(() -> web.allAnswer(RayCluster.ROUTES));
    Machine.pass(Duration.ofSeconds(35)); // Serve itself takes 30 s to say what is missing.
    assertThat(row.deploys()).isEqualTo(4);
    row.note(daemon.reason());
    cluster.addNode(8);
    row.possible();
    row.serving();
    assertThat(row.deploys()).isEqualTo(4);
  }

  @Fault(
      value =
          "a replica that Serve has forgotten holds the CPUs that a changed deployment asks for (an actor"
              + " of a replica's name, 3.5 of 4 CPUs)",
      expected = "it is shown with what it holds, and ended after 30 s; then the change is served")
  @Tag("long")
  void forgottenReplica(Row row) throws IOException {
    daemon.close();
    Path config = Files.writeString(folder.resolve("forgotten.yaml"), "log_level: debug\n");
    daemon = DaemonProcess.onCluster(folder, "--config=" + config);
    row.on(daemon);
    cluster.python(
        "exec(\"class Left:\\n    def ping(self): return 1\");"
            + " left = ray.remote(num_cpus=3.5)(Left).options(lifetime='detached', namespace='serve',"
            + " name='SERVE_REPLICA::AnomalyDetector#AnomalyDetector#left').remote();"
            + " ray.get(left.ping.remote())");
    row.fault(() -> Machine.write(config, "deployments:\n  - {name: AnomalyDetector, cpus: 1}\n"));
    row.noticedOnce(() -> daemon.status().path("orphans").size() == 1);
    assertThat(daemon.status().path("orphans").path(0).path("name").asString("")).endsWith("#left");
    assertThat(daemon.status().path("orphans").path(0).path("resources").path("CPU").asDouble())
        .isEqualTo(3.5);
    await()
        .atMost(Duration.ofSeconds(100))
        .until(() -> daemon.status().path("orphans").isEmpty() && daemon.deploys() > 0);
    row.possible();
    row.serving();
    assertThat(daemon.log()).contains("killing a replica that Serve no longer lists");
    row.note("%d submissions".formatted(row.deploys()));
    Machine.write(config, "log_level: info\n");
  }
}
