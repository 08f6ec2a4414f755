package ai.seedcore.serve.daemon.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpClient;
import io.vertx.core.http.HttpClientOptions;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.PoolOptions;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Locale;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** More requests than the direct path can take, and as many as it can take, for minutes. */
@Tag("cluster")
@Tag("long")
class DirectLoadIT {

  private static final Path FOLDER = Machine.temporaryFolder();
  private static final String DOOR = "127.0.0.1:28001";
  private static final int SOAK_SECONDS = Integer.getInteger("seedcore.soak.seconds", 300);

  /** At most 8 requests at a time, of 4 ms each: 2,000 a second. */
  private static final String SLOW =
      """
      package org.example;

      public class Slow {
        public Object call(String body) throws InterruptedException {
          Thread.sleep(4);
          return ProcessHandle.current().pid();
        }
      }
      """;

  private static RayCluster cluster;
  private static DaemonProcess daemon;

  private final Web web = new Web();

  @BeforeAll
  static void start() throws Exception {
    UserJar.make(FOLDER.resolve("slow.jar"), "Slow", SLOW);
    Path config = FOLDER.resolve("slow.yaml");
    Machine.write(
        config,
        """
        deployments:
          - {name: Slow, class: org.example.Slow, jars: [slow.jar], route: /slow, cpus: 0.1,
             max_ongoing_requests: 8}
        """);
    cluster = new RayCluster().start();
    daemon =
        DaemonProcess.onCluster(FOLDER, "--front-door=" + DOOR, "--config=" + config).awaitReady();
    await().until(() -> daemon.status().path("door").path("replicas").size() == 4);
  }

  @AfterAll
  static void end() {
    Machine.close(daemon, cluster);
    Machine.delete(FOLDER);
  }

  /** What a process holds. */
  private record Holdings(double mib, int files, int threads) {
    static Holdings of(long pid) {
      return new Holdings(
          Machine.residentMiB(pid),
          Machine.count(Path.of("/proc", Long.toString(pid), "fd")),
          Machine.count(Path.of("/proc", Long.toString(pid), "task")));
    }
  }

  private long slow() throws Exception {
    return Long.parseLong(web.post("http://" + DOOR + "/slow", "x").body());
  }

  /** Counts responses by status, and keeps their durations. */
  private static final class Outcome {
    private final long[] nanos = new long[1_000_000];
    private final AtomicInteger times = new AtomicInteger();

    void add(long duration) {
      int index = times.getAndIncrement();
      if (index < nanos.length) {
        nanos[index] = duration;
      }
    }

    double seconds(double quantile) {
      int n = Math.min(times.get(), nanos.length);
      long[] sorted = Arrays.copyOf(nanos, n);
      Arrays.sort(sorted);
      return n == 0 ? 0 : sorted[(int) (n * quantile)] / 1e9;
    }
  }

  /** An open loop: requests are sent at their times, whatever became of those before. */
  @Test
  void fiveTimesAsManyRequestsAsItCanTake() throws Exception {
    long replica = slow();
    ConcurrentHashMap<Integer, Outcome> outcomes = new ConcurrentHashMap<>();
    LongAdder broken = new LongAdder();
    int perSecond = 10_000;
    int seconds = 30;
    Holdings daemonEarly = null;
    Holdings replicaEarly = null;
    Vertx vertx = Vertx.vertx();
    HttpClient client =
        vertx.createHttpClient(
            new HttpClientOptions().setDefaultHost("127.0.0.1").setDefaultPort(28001),
            new PoolOptions().setHttp1MaxSize(8_000).setMaxWaitQueueSize(-1));
    try {
      long start = System.nanoTime();
      int sent = 0;
      while (sent < perSecond * seconds) {
        long due = start + sent * 1_000_000_000L / perSecond;
        LockSupport.parkNanos(due - System.nanoTime());
        for (int i = 0; i < 10; i++) {
          send(client, outcomes, broken);
        }
        sent += 10;
        if (sent == perSecond * seconds / 3) {
          daemonEarly = Holdings.of(daemon.pid());
          replicaEarly = Holdings.of(replica);
        }
      }
      double offered = sent / ((System.nanoTime() - start) / 1e9);
      Holdings daemonLate = Holdings.of(daemon.pid());
      Holdings replicaLate = Holdings.of(replica);
      int expected = sent;
      await()
          .atMost(Duration.ofSeconds(60))
          .until(
              () ->
                  broken.sum() + outcomes.values().stream().mapToInt(o -> o.times.get()).sum()
                      == expected);
      print("offered %.0f requests/s to one replica that takes 2,000".formatted(offered));
      outcomes.forEach(
          (status, outcome) ->
              print(
                  String.format(
                      Locale.ROOT,
                      "status %d: %d, p50 %.2f s, p99 %.2f s",
                      status,
                      outcome.times.get(),
                      outcome.seconds(0.5),
                      outcome.seconds(0.99))));
      print("broken %d; daemon %s, then %s".formatted(broken.sum(), daemonEarly, daemonLate));
      print("replica %s, then %s".formatted(replicaEarly, replicaLate));
      assertThat(broken.sum()).isZero();
      assertThat(outcomes.keySet()).isSubsetOf(200, 429, 503);
      Outcome accepted = outcomes.get(200);
      // The load generator shares the cores, so how long a refusal takes is mostly its own time.
      assertThat(accepted.times.get()).isGreaterThan(300 * seconds);
      assertThat(accepted.seconds(0.99)).isLessThan(60); // The longest that a request may wait.
      assertThat(daemonLate.mib()).isLessThan(daemonEarly.mib() + 48);
      assertThat(replicaLate.mib()).isLessThan(replicaEarly.mib() + 48);
      assertThat(replicaLate.threads()).isLessThan(200);
      assertThat(slow()).isEqualTo(replica);
    } finally {
      vertx.close();
    }
  }

  private static void send(
      HttpClient client, ConcurrentHashMap<Integer, Outcome> outcomes, LongAdder broken) {
    long from = System.nanoTime();
    client
        .request(HttpMethod.POST, "/slow")
        .compose(request -> request.send(Buffer.buffer("x")))
        .compose(response -> response.body().map(body -> response.statusCode()))
        .onSuccess(
            status ->
                outcomes
                    .computeIfAbsent(status, any -> new Outcome())
                    .add(System.nanoTime() - from))
        .onFailure(error -> broken.increment());
  }

  @Test
  void minutesAtTheHighestRate() throws Exception {
    String url = "http://" + DOOR + "/SalienceScorer";
    Path script = FOLDER.resolve("post.lua");
    Machine.write(
        script,
        """
        wrk.method = "POST"
        wrk.body = '{"features":[{"task_risk":0.9}]}'
        """);
    load(url, script, 40); // Until everything is compiled, and the heaps have their sizes.
    long[] replicas = cluster.replicaPids().stream().mapToLong(Long::longValue).toArray();
    Holdings daemonEarly = Holdings.of(daemon.pid());
    Holdings[] early = Arrays.stream(replicas).mapToObj(Holdings::of).toArray(Holdings[]::new);
    String said = load(url, script, SOAK_SECONDS);
    assertThat(said).doesNotContain("Non-2xx", "Socket errors");
    Holdings daemonLate = Holdings.of(daemon.pid());
    print(said.replaceAll("(?s).*(Requests/sec: +[0-9.]+).*", "$1"));
    print("daemon %s, then %s".formatted(daemonEarly, daemonLate));
    assertThat(daemonLate.mib()).isLessThan(daemonEarly.mib() + 24);
    // The last connections of the load are closed a moment after it ends.
    await()
        .atMost(Duration.ofSeconds(30))
        .until(() -> Holdings.of(daemon.pid()).files() <= daemonEarly.files() + 8);
    assertThat(daemonLate.threads()).isLessThanOrEqualTo(daemonEarly.threads() + 2);
    for (int i = 0; i < replicas.length; i++) {
      Holdings late = Holdings.of(replicas[i]);
      print("replica %s, then %s".formatted(early[i], late));
      assertThat(late.mib()).isLessThan(early[i].mib() + 48);
      assertThat(late.files()).isLessThanOrEqualTo(early[i].files() + 8);
      assertThat(late.threads()).isLessThanOrEqualTo(early[i].threads() + 4);
    }
  }

  private static String load(String url, Path script, int seconds) {
    return Machine.run(
        Tools.path("wrk"), "-t1", "-c32", "-d" + seconds + "s", "-s", script.toString(), url);
  }

  private static void print(String line) {
    System.out.println("TABLE " + line);
  }
}
