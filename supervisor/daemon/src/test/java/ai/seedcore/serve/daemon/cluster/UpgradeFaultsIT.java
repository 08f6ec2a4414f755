package ai.seedcore.serve.daemon.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import tools.jackson.databind.JsonNode;

/**
 * New versions of a deployment, good ones and bad ones, under load: no request fails, none takes
 * longer than a second, and the daemon stays ready.
 */
class UpgradeFaultsIT extends FaultsOnOneCluster {

  private static final String DOOR = "http://127.0.0.1:28001";
  private static final String SCORER = "/SalienceScorer";

  /** The longest that a response may take, in seconds; more where other tests use the machine. */
  private static final double LONGEST = ALONE ? 1 : 5;

  private static final String SOURCE =
      """
      package org.example;

      import java.util.Map;
      import java.util.concurrent.atomic.AtomicInteger;

      public class Scorer {
        private final String mode;
        private final AtomicInteger calls = new AtomicInteger();

        public Scorer(String mode) {
          if (mode.equals("refuse")) {
            throw new IllegalArgumentException("mode: found refuse, expected another one");
          }
          this.mode = mode;
        }

        public Object call(String body) throws Exception {
          if (mode.equals("slow")) {
            Thread.sleep(2_000);
          } else if (mode.equals("hang") && calls.incrementAndGet() > 1) {
            Thread.sleep(60_000);
          } else if (mode.equals("flaky") && calls.incrementAndGet() % 5 == 0) {
            throw new IllegalStateException("the table is empty");
          }
          return Map.of("status", mode.equals("wrong") ? "failure" : "success", "mode", mode);
        }
      }
      """;

  private final Path config = folder.resolve("upgrade.yaml");

  /** Whether the file declares anything. */
  private boolean declares;

  @Override
  @BeforeEach
  void ready() {
    super.ready();
    if (declares) {
      int changes = daemon.changes();
      Machine.write(config, "log_level: debug\n");
      declares = false;
      daemon.awaitChange(changes);
    }
    await()
        .atMost(Duration.ofSeconds(60))
        .until(() -> cause().equals("ALL_WELL") && cluster.replicaPids().size() == 3);
  }

  @Override
  String[] options() {
    Machine.write(config, "log_level: debug\n");
    declares = false;
    try {
      UserJar.make(folder.resolve("scorer.jar"), "Scorer", SOURCE);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
    return new String[] {"--front-door=127.0.0.1:28001", "--config=" + config};
  }

  private String cause() {
    return daemon.status().path("cause").asString("");
  }

  @Fault(value = "new arguments", expected = "the new version is tried, then takes over")
  void newArguments(Row row) {
    nothingFails(
        row,
        LONGEST,
        () -> {
          declare("init_args: [{limits: {items: 9000}}]");
          awaitUpgraded(() -> says("9000"));
        });
  }

  @Fault(value = "a new jar, with another class", expected = "tried, then takes over")
  void newJar(Row row) {
    nothingFails(
        row,
        LONGEST,
        () -> {
          declare(scorer("plain"));
          awaitUpgraded(() -> says("plain"));
        });
  }

  @Fault(value = "a new model (ONNX)", expected = "tried, then takes over")
  @Tag("long")
  void newModel(Row row) throws IOException {
    Path model =
        Path.of("../../deployments/salience/src/test/resources/ai/seedcore/serve/salience")
            .resolve("salience.onnx");
    Files.copy(model, folder.resolve("salience.onnx"));
    nothingFails(
        row,
        LONGEST,
        () -> {
          declare("files: [salience.onnx], init_args: [{model: salience.onnx}]");
          awaitUpgraded(() -> says("salience.onnx"));
        });
  }

  @Fault(value = "four replicas, and new arguments", expected = "tried, then takes over")
  @Tag("long")
  void manyReplicas(Row row) {
    declare("replicas: 4");
    await()
        .atMost(Duration.ofSeconds(60))
        .until(() -> cluster.replicaPids().size() == 6 && cause().equals("ALL_WELL"));
    nothingFails(
        row,
        LONGEST,
        () -> {
          declare("replicas: 4, init_args: [{limits: {items: 9000}}]");
          awaitUpgraded(() -> says("9000"));
        });
  }

  @Fault(
      value = "a model that cannot be loaded (a corrupt file)",
      expected = "rejected in the model's own words; the old version serves on")
  void wrongModel(Row row) throws IOException {
    Files.writeString(folder.resolve("broken.onnx"), "not a model");
    rejected(
        row,
        "files: [broken.onnx], init_args: [{model: broken.onnx}]",
        "found no model that ONNX Runtime can load");
  }

  @Fault(
      value = "a class whose constructor throws",
      expected = "rejected; the old version serves on")
  @Tag("long")
  void constructorThrows(Row row) {
    rejected(row, scorer("refuse"), "mode: found refuse, expected another one");
  }

  @Fault(
      value = "a version that answers the probe wrongly",
      expected = "rejected; the old version serves on")
  @Tag("long")
  void wrongAnswer(Row row) {
    rejected(row, scorer("wrong"), "answers with status: \"failure\", expected \"success\"");
  }

  @Fault(
      value = "a version that fails at every fifth request",
      expected = "rejected after copies of some requests; no client notices")
  void flaky(Row row) {
    rejected(row, scorer("flaky"), "requests that the version that serves answers");
  }

  @Fault(
      value = "a version that takes 2 s for a request",
      expected = "rejected; the old version serves on")
  void slow(Row row) {
    rejected(row, scorer("slow"), "is too slow");
  }

  @Fault(
      value = "too few CPUs for both versions",
      expected = "waits, or stops the old version first, as declared; the first loses nothing")
  @Tag("long")
  void noRoom(Row row) {
    declare("cpus: 2.5");
    awaitUpgraded(() -> true);
    nothingFails(
        row,
        LONGEST,
        () -> {
          declare("cpus: 2.4, upgrade: {order: start-first}");
          await()
              .atMost(Duration.ofSeconds(60))
              .until(() -> daemon.reason().contains("is on trial") || cause().contains("PENDING"));
          Machine.pass(Duration.ofSeconds(10));
          declare("cpus: 2.5");
          await().atMost(Duration.ofSeconds(60)).until(() -> cause().equals("ALL_WELL"));
        });
  }

  @Fault(
      value = "head killed (SIGKILL) during a trial, a new one started at once",
      expected =
          "the old version is served first, then the new one tried: requests wait, none fails")
  @Tag("long")
  void headKilled(Row row) {
    nothingFails(
        row,
        100,
        () -> {
          declare(scorer("plain"));
          awaitTrial();
          cluster.kill();
          cluster.comeBack();
          awaitUpgraded(() -> says("plain"));
        });
  }

  @Fault(
      value = "Serve controller killed during a trial",
      expected = "the trial goes on; none fails")
  @Tag("long")
  void controllerKilled(Row row) {
    nothingFails(
        row,
        LONGEST,
        () -> {
          declare(scorer("plain"));
          awaitTrial();
          cluster.worker("ServeController").destroyForcibly();
          awaitUpgraded(() -> says("plain"));
        });
  }

  @Fault(
      value = "a bad version, and the Serve controller killed during its trial",
      expected = "rejected all the same; none fails")
  @Tag("long")
  void controllerKilledDuringABadTrial(Row row) {
    nothingFails(
        row,
        3, // Two cores start a controller and a JVM.
        () -> {
          declare(scorer("flaky"));
          awaitTrial();
          cluster.worker("ServeController").destroyForcibly();
          await().atMost(Duration.ofSeconds(90)).until(() -> cause().equals("VERSION_REJECTED"));
        });
  }

  @Fault(
      value = "the replica of a bad version killed (SIGKILL) during its trial, again and again",
      expected = "rejected, as one that does not stay alive; none fails")
  @Tag("long")
  void replicaOnTrialKilled(Row row) {
    List<Long> before = cluster.replicaPids();
    nothingFails(
        row,
        LONGEST,
        () -> {
          declare(scorer("hang"));
          await()
              .atMost(Duration.ofMinutes(2))
              .pollInterval(Duration.ofMillis(500))
              .until(
                  () -> {
                    if (daemon.reason().contains("are compared")) {
                      cluster.replicaPids().stream()
                          .filter(pid -> !before.contains(pid))
                          .flatMap(pid -> ProcessHandle.of(pid).stream())
                          .forEach(ProcessHandle::destroyForcibly);
                    }
                    return cause().equals("VERSION_REJECTED");
                  });
        });
  }

  @Fault(
      value = "a version on trial is taken back before it is judged",
      expected = "the old version serves on, and never the other one")
  @Tag("long")
  void takenBack(Row row) {
    List<Long> replicas = cluster.replicaPids();
    nothingFails(
        row,
        LONGEST,
        () -> {
          declare(scorer("hang"));
          await()
              .atMost(Duration.ofSeconds(60))
              .until(() -> daemon.reason().contains("are compared"));
          Machine.write(config, "log_level: debug\n");
          declares = false;
          await()
              .atMost(Duration.ofSeconds(60))
              .until(() -> cause().equals("ALL_WELL") && cluster.replicaPids().equals(replicas));
        });
  }

  @Fault(
      value = "daemon killed (SIGKILL) during a trial, then started again",
      expected = "the next one ends the trial; served exactly once")
  @Tag("long")
  void daemonKilled(Row row) {
    row.watchServed(daemon);
    declare(scorer("plain"));
    awaitTrial();
    row.fault(() -> daemon.end("KILL"));
    daemon = DaemonProcess.onCluster(folder, options(scorer("plain")));
    row.replacedBy(daemon);
    awaitUpgraded(() -> says("plain"));
    row.serving();
  }

  @Fault(
      value = "two daemons; the one that leads is killed (SIGKILL) during a trial",
      expected = "the other one ends the trial, and submits nothing")
  @Tag("long")
  void leaderKilled(Row row) {
    row.watchServed(daemon);
    try (DaemonProcess other =
        DaemonProcess.onCluster(
            folder,
            "--status=127.0.0.1:28091",
            "--front-door=127.0.0.1:28002",
            "--config=" + config)) {
      await().atMost(Duration.ofSeconds(30)).until(() -> other.phase().equals("STANDBY"));
      declare(scorer("plain"));
      awaitTrial();
      row.fault(() -> daemon.end("KILL"));
      daemon = other;
      row.replacedBy(other);
      awaitUpgraded(() -> says(RayCluster.ROUTES, "plain")); // Its front door is the other one.
      row.serving();
      assertThat(row.deploys()).isZero();
    }
    daemon = DaemonProcess.onCluster(folder, options(scorer("plain"))).awaitReady();
    row.replacedBy(daemon);
  }

  private String[] options(String lines) {
    String[] options = options();
    declare(lines);
    return options;
  }

  @Fault(
      value = "head killed (SIGKILL) after a version was rejected, a new one started at once",
      expected = "the previous version is deployed, and not the rejected one")
  @Tag("long")
  void headKilledAfterRejection(Row row) {
    declare(scorer("refuse"));
    awaitRejected();
    nothingFails(
        row,
        100,
        () -> {
          cluster.kill();
          cluster.comeBack();
          awaitRejected();
        });
  }

  private static String scorer(String mode) {
    return "class: org.example.Scorer, jars: [scorer.jar], init_args: [%s]".formatted(mode);
  }

  private void declare(String lines) {
    int changes = daemon.changes();
    Machine.write(config, "deployments:\n  - {name: SalienceScorer, %s}\n".formatted(lines));
    declares = true;
    if (daemon.alive()) {
      daemon.awaitChange(changes);
    }
  }

  private boolean says(String word) {
    return says(DOOR, word);
  }

  private boolean says(String base, String word) {
    try {
      return web.get(base + SCORER).body().contains(word);
    } catch (IOException e) {
      return false;
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  private void awaitRejected() {
    await().atMost(Duration.ofSeconds(60)).until(() -> cause().equals("VERSION_REJECTED"));
  }

  private void awaitTrial() {
    await().atMost(Duration.ofSeconds(30)).until(() -> daemon.reason().contains("is on trial"));
  }

  private void awaitUpgraded(BooleanSupplier served) {
    await()
        .atMost(Duration.ofSeconds(90))
        .until(() -> cause().equals("ALL_WELL") && served.getAsBoolean());
    assertThat(cluster.replicaPids()).hasSizeGreaterThanOrEqualTo(3);
  }

  private void rejected(Row row, String lines, String reason) {
    List<Long> replicas = cluster.replicaPids();
    nothingFails(
        row,
        LONGEST,
        () -> {
          declare(lines);
          await()
              .atMost(Duration.ofSeconds(90)) // A slow version has 30 s to warm up.
              .until(
                  () -> {
                    assertThat(daemon.ready()).as("the daemon is ready").isTrue();
                    return cause().equals("VERSION_REJECTED");
                  });
        });
    assertThat(daemon.reason()).contains(reason);
    // Exactly those that served before: nothing of the trial is left.
    await()
        .atMost(Duration.ofSeconds(30))
        .untilAsserted(() -> assertThat(cluster.replicaPids()).isEqualTo(replicas));
  }

  /** Sends requests to all three deployments meanwhile. */
  private void nothingFails(Row row, double seconds, Runnable change) {
    row.watchServed(daemon);
    try (SteadyProbe clients = new SteadyProbe(DOOR, PER_SECOND, Duration.ofSeconds(100))) {
      long start = System.nanoTime();
      await().until(() -> clients.sentSince(start) > PER_SECOND);
      row.fault(change);
      row.serving();
      Machine.pass(Duration.ofSeconds(3));
      clients.stop();
      await().atMost(Duration.ofSeconds(100)).until(clients::settled);
      row.sent(clients.failedSince(start), clients.sentSince(start));
      JsonNode told = daemon.status();
      row.note(
          String.format(
              Locale.ROOT,
              "worst response %.2f s%s",
              clients.longestSince(start),
              told.path("cause").asString("").equals("VERSION_REJECTED")
                  ? "; " + told.path("reason").asString("").replaceFirst("^.*serves on: ", "")
                  : ""));
      assertThat(clients.failuresSince(start)).isEmpty();
      assertThat(clients.longestSince(start)).isLessThan(seconds);
    }
  }
}
