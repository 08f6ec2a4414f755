package ai.seedcore.serve.daemon.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/**
 * Every key of a declaration is changed while requests are served: in place, where the processes
 * stay, or rolled out, where requests in progress complete and {@code del()} runs. The table in
 * docs/configuration.md is this one.
 */
@Tag("cluster")
class ChangesIT {

  private static final Path FOLDER = Machine.temporaryFolder();
  private static RayCluster cluster;
  private static DaemonProcess daemon;
  private static Worker worker;

  @BeforeAll
  static void start() throws Exception {
    worker = new Worker(FOLDER);
    worker.repack();
    cluster = new RayCluster().start();
    daemon = DaemonProcess.onCluster(FOLDER, "--config=" + worker.config()).awaitReady();
  }

  @AfterAll
  static void end() {
    Machine.close(daemon, cluster);
    Machine.delete(FOLDER);
  }

  @BeforeEach
  void asAtFirst() {
    worker.reset();
  }

  /** One after the other, and each on top of those before it. */
  @ParameterizedTest
  @ValueSource(ints = {1, 2})
  void theseSettingsChangeInPlace(int replicas) {
    settle(replicas);
    for (String line :
        List.of(
            "user_config: {say: two}",
            "max_ongoing_requests: 50",
            "request_timeout_s: 30",
            "health_check_period_s: 3",
            "health_check_timeout_s: 7",
            "graceful_shutdown_wait_loop_s: 1",
            "graceful_shutdown_timeout_s: 30",
            "non_finite_numbers: reject",
            "show_errors: true",
            "idempotent: true",
            "probe: {body: tell, timeout_s: 5}")) {
      Set<Long> before = pids();
      int ended = worker.ended().size();
      try (Traffic traffic = new Traffic(Worker.URL)) {
        change(() -> set(line).declare());
        until(() -> all(traffic, "config", "two"));
        report(line, "in place", replicas, traffic);
        assertThat(traffic.failures()).as(line).isEmpty();
      }
      assertThat(pids()).as(line).isEqualTo(before);
      assertThat(worker.ended()).as(line).hasSize(ended);
    }
  }

  @Test
  @Tag("long")
  void theseSettingsAreRolledOutWithOneReplicaToo() {
    rolledOut(1);
  }

  @Test
  void theseSettingsAreRolledOut() {
    rolledOut(2);
  }

  /** One after the other, and each on top of those before it. */
  private static void rolledOut(int replicas) {
    settle(replicas);
    for (String line :
        List.of(
            "max_ongoing_requests: 200",
            "cpus: 0.2",
            "memory: 100MiB",
            "jvm_options: [-Dworker.option=set]",
            "init_args: " + args("second"),
            "jars: [other.jar]",
            "files: [extra.txt]",
            "class: org.example.Successor")) {
      Set<Long> before = pids();
      int ended = worker.ended().size();
      try (Traffic traffic = new Traffic(Worker.URL)) {
        change(() -> set(line).declare());
        until(() -> pids().size() == replicas && pids().stream().noneMatch(before::contains));
        goOn(traffic);
        report(line, "rolled out", replicas, traffic);
        assertThat(traffic.failures()).as(line).isEmpty();
      }
      until(() -> worker.ended().size() == ended + replicas); // Each had its del().
    }
  }

  private static Worker set(String line) {
    return worker.with(line.replaceFirst(":.*", ""), line.replaceFirst("\\w+: ", ""));
  }

  @Test
  void replicasComeAndGoBesideTheOthers() {
    settle(1);
    Set<Long> before = pids();
    try (Traffic traffic = new Traffic(Worker.URL)) {
      change(() -> worker.with("replicas", "2").declare());
      until(() -> pids().size() == 2);
      assertThat(pids()).containsAll(before);
      change(() -> worker.with("replicas", "1").declare());
      until(() -> pids().size() == 1);
      report("replicas", "in place", 1, traffic);
      assertThat(traffic.failures()).isEmpty();
    }
  }

  @Test
  void boundsOfAutoscalingChangeInPlace() {
    settle(1);
    Set<Long> before = pids();
    try (Traffic traffic = new Traffic(Worker.URL)) {
      String bounds = "{min_replicas: %d, max_replicas: 3, target_ongoing_requests: 50}";
      change(
          () -> worker.with("replicas", null).with("autoscaling", bounds.formatted(1)).declare());
      assertThat(pids()).isEqualTo(before);
      change(() -> worker.with("autoscaling", bounds.formatted(2)).declare());
      until(() -> pids().size() == 2);
      assertThat(pids()).containsAll(before);
      report("autoscaling", "in place", 1, traffic);
      assertThat(traffic.failures()).isEmpty();
    }
  }

  @Test
  void aRouteMovesWithoutAnotherProcess() throws Exception {
    settle(1);
    Set<Long> before = pids();
    Web web = new Web();
    change(() -> worker.with("route", "/moved").declare());
    until(() -> web.status(RayCluster.ROUTES + "/moved") == 200);
    assertThat(web.status(Worker.URL)).isEqualTo(404);
    assertThat(pids()).isEqualTo(before);
  }

  @Test
  void theLastOfTwoChangesWithinSecondsHolds() {
    settle(2);
    try (Traffic traffic = new Traffic(Worker.URL)) {
      int submitted = daemon.deploys();
      worker.with("init_args", args("second")).declare();
      until(() -> daemon.deploys() > submitted);
      worker.with("init_args", args("third")).with("user_config", "{say: three}").declare();
      until(() -> all(traffic, "name", "third") && daemon.phase().equals("SERVING"));
      assertThat(traffic.last("config")).isEqualTo("three");
      report("two changes within seconds", "rolled out", 2, traffic);
      assertThat(traffic.failures()).isEmpty();
    }
  }

  @Test
  void aChangeDuringARolloutIsTakenToo() {
    settle(2);
    Set<Long> before = pids();
    try (Traffic traffic = new Traffic(Worker.URL)) {
      worker.with("init_args", args("second")).declare();
      until(() -> !before.containsAll(pids()));
      assertThat(pids()).containsAnyElementsOf(before); // It has begun and is not done.
      worker.with("user_config", "{say: later}").with("max_ongoing_requests", "60").declare();
      until(
          () ->
              all(traffic, "name", "second")
                  && all(traffic, "config", "later")
                  && daemon.phase().equals("SERVING"));
      report("a change during a rollout", "rolled out", 2, traffic);
      assertThat(traffic.failures()).isEmpty();
    }
  }

  @Test
  void requestsInProgressCompleteWhenAReplicaIsReplaced() throws Exception {
    settle(1);
    Web web = new Web();
    List<Thread> calls = new ArrayList<>();
    List<Integer> statuses = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      Thread call =
          new Thread(
              () -> {
                try {
                  int status = web.post(Worker.URL, "sleep 8000").statusCode();
                  synchronized (statuses) {
                    statuses.add(status);
                  }
                } catch (Exception e) {
                  throw new IllegalStateException(e);
                }
              });
      call.start();
      calls.add(call);
    }
    Set<Long> before = pids();
    change(() -> worker.with("init_args", args("second")).declare());
    for (Thread call : calls) {
      call.join();
    }
    assertThat(statuses).containsExactly(200, 200, 200);
    until(() -> pids().stream().noneMatch(before::contains));
  }

  @Test
  void aControllerThatDiesLeavesTheReplicasAlone() {
    settle(2);
    Set<Long> before = pids();
    try (Traffic traffic = new Traffic(Worker.URL)) {
      cluster.worker("ray::ServeController").destroyForcibly();
      until(() -> cluster.workers("ray::ServeController").size() == 1);
      Machine.pass(Duration.ofSeconds(10));
      report("(Serve's controller killed)", "untouched", 2, traffic);
      assertThat(traffic.failures()).isEmpty();
    }
    assertThat(pids()).isEqualTo(before);
    // And it still knows how to change them.
    change(() -> worker.with("user_config", "{say: after}").declare());
    try (Traffic traffic = new Traffic(Worker.URL)) {
      until(() -> all(traffic, "config", "after"));
    }
    assertThat(pids()).isEqualTo(before);
  }

  private static String args(String name) {
    return "[%s, %s]".formatted(name, FOLDER.resolve("del.log"));
  }

  /** As many replicas, all as at first, and the daemon at rest. */
  private static void settle(int replicas) {
    int changes = daemon.changes();
    if (worker.with("replicas", String.valueOf(replicas)).declare()) {
      daemon.awaitChange(changes);
    }
    until(
        () ->
            daemon.settled()
                && pids().size() == replicas
                && app().path("replicas").asInt() == replicas
                && app().path("declared_replicas").asInt() == replicas);
  }

  private static JsonNode app() {
    return daemon.status().path("apps").path(0);
  }

  private static Set<Long> pids() {
    return new TreeSet<>(cluster.replicaPids());
  }

  /** Brings a change about, and waits until the daemon says that it is carried out. */
  private static void change(Runnable declare) {
    int changes = daemon.changes();
    declare.run();
    daemon.awaitChange(changes);
    until(daemon::settled);
  }

  /** Lets some more requests be answered. */
  private static void goOn(Traffic traffic) {
    int answered = traffic.answered();
    until(() -> traffic.answered() > answered + 100);
  }

  /** Whether so many of the last answers agree that no replica says anything else. */
  private static boolean all(Traffic traffic, String field, String value) {
    int answered = traffic.answered();
    until(() -> traffic.answered() >= answered + 20);
    return traffic.last(20, field).stream().allMatch(value::equals);
  }

  private static void until(BooleanSupplier condition) {
    await()
        .atMost(Duration.ofSeconds(90))
        .pollInterval(Duration.ofMillis(50))
        .until(condition::getAsBoolean);
  }

  private static void report(String line, String how, int replicas, Traffic traffic) {
    System.out.printf(
        Locale.ROOT,
        "TABLE %s, %d replica(s): %s, %d requests, longest gap %.2f s%n",
        line.replaceFirst(": .*", ""),
        replicas,
        how,
        traffic.answered(),
        traffic.longestGap());
  }
}
