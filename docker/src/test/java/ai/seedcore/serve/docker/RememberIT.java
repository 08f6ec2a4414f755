package ai.seedcore.serve.docker;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.Locale;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** A head that keeps its state in a volume, and replicas on another node. */
@Tag("cluster")
@Tag("containers")
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class RememberIT extends ComposeFixture {

  private static final String CPUS = "RAY_HEAD_CPUS=0\nRAY_WORKER_CPUS=2\n";
  private static final int PER_SECOND = 50;

  @BeforeAll
  static void up() throws IOException {
    begin(CPUS + "SEEDCORE_REMEMBER=true\n");
    Shell.library(Map.of(), "build_image").orFail();
    Shell.script("start-cluster.sh", "up", "1").orFail();
  }

  @Test
  @Order(1)
  void replicasOnWorkersServeWhileHeadIsAway() throws Exception {
    killHead("RocksDB");
  }

  @Test
  @Order(2)
  void headRecreatedAtAnotherAddressGoesOn() {
    assertThat(inHead("find /var/lib/ray/gcs -name CURRENT")).isNotEmpty();
    moveHead(
        "1",
        start -> {
          await().atMost(Duration.ofMinutes(3)).until(RememberIT::serving);
          figure("head that remembers recreated with another address", start);
        });
  }

  @Test
  @Order(3)
  void corruptStateIsSetAside() {
    engine("stop", HEAD);
    engine(
        "run",
        "--rm",
        "-v",
        "seedcore_head:/store",
        IMAGE,
        "sh",
        "-c",
        "find /store/gcs -name 'MANIFEST-*' | while read f; do printf garbage > $f; done");
    engine("start", HEAD);
    await()
        .atMost(Duration.ofMinutes(3))
        .until(() -> Shell.run(engine, "logs", HEAD).output().contains("is set aside"));
    await().atMost(Duration.ofMinutes(3)).until(RememberIT::serving);
    assertThat(inHead("ls /var/lib/ray")).contains("gcs.aside", "version").doesNotContain("starts");
  }

  @Test
  @Order(4)
  void redisRemembersForAnyVersion() throws Exception {
    Shell.script("start-cluster.sh", "down").orFail();
    String redis = "localhost/seedcore-test/redis";
    Shell.library(
            Map.of(),
            "printf 'FROM debian:bookworm-slim\\nRUN apt-get update -qq && apt-get install -y -qq"
                + " --no-install-recommends redis-server && install -d -o redis /data\\nUSER redis' | engine build"
                + " ${SEEDCORE_BUILD_OPTIONS:-} -t "
                + redis
                + " -")
        .orFail();
    set(CPUS + "SEEDCORE_REMEMBER=redis\nSEEDCORE_REDIS_IMAGE=" + redis + "\n");
    Shell.script("start-cluster.sh", "up", "1").orFail();
    // What its health check runs; not every engine runs health checks itself.
    assertThat(engine("exec", "seedcore-redis", "redis-cli", "ping")).isEqualTo("PONG");
    killHead("Redis");
  }

  /** Kills the head under load, and starts it again. */
  private static void killHead(String store) throws Exception {
    String replicas = replicas();
    assertThat(replicas.lines()).hasSizeGreaterThanOrEqualTo(3);
    int deploys = told().path("deploys").asInt();
    String before = headAddress();
    try (Load load = new Load()) {
      engine("kill", HEAD);
      long killed = System.nanoTime();
      engine("start", HEAD);
      await()
          .atMost(Duration.ofMinutes(2))
          .until(() -> System.nanoTime() - killed > 10_000_000_000L && serving());
      System.out.printf(
          Locale.ROOT,
          "FIGURE head that remembers (%s) killed and started, %s address: all served after %.1f s; %d of %d requests"
              + " failed, worst response %.2f s%n",
          store,
          headAddress().equals(before) ? "the same" : "another",
          (System.nanoTime() - killed) / 1e9,
          load.failures.size(),
          load.sent.get(),
          load.worst.get() / 1e9);
      assertThat(load.failures).isEmpty();
    }
    if (headAddress().equals(before)) { // Otherwise the worker had to join again.
      assertThat(replicas()).isEqualTo(replicas);
      assertThat(told().path("deploys").asInt()).isEqualTo(deploys);
    }
  }

  /** A steady client of the front door. */
  private static final class Load implements AutoCloseable {
    private final HttpClient client =
        HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
    private final ScheduledExecutorService clock = Executors.newSingleThreadScheduledExecutor();
    final Queue<String> failures = new ConcurrentLinkedQueue<>();
    final AtomicInteger sent = new AtomicInteger();
    final AtomicLong worst = new AtomicLong();

    Load() {
      var unused =
          clock.scheduleAtFixedRate(this::send, 0, 1_000 / PER_SECOND, TimeUnit.MILLISECONDS);
      await().until(() -> sent.get() > PER_SECOND);
      assertThat(failures).isEmpty();
    }

    private void send() {
      long begin = System.nanoTime();
      sent.incrementAndGet();
      HttpRequest request =
          HttpRequest.newBuilder(URI.create("http://127.0.0.1:8000/ScalingPredictor"))
              .timeout(Duration.ofSeconds(90))
              .POST(BodyPublishers.ofString("{\"cpu_avg\":0.8,\"memory_avg\":0.6}"))
              .build();
      CompletableFuture<?> unused =
          client
              .sendAsync(request, BodyHandlers.ofString())
              .whenComplete(
                  (response, error) -> {
                    worst.accumulateAndGet(System.nanoTime() - begin, Math::max);
                    if (error != null) {
                      failures.add(error.toString());
                    } else if (response.statusCode() != 200) {
                      failures.add(response.statusCode() + " " + response.body());
                    }
                  });
    }

    @Override
    public void close() {
      clock.shutdownNow();
    }
  }

  private static boolean serving() {
    JsonNode now = told();
    return now.path("ready").asBoolean(false) && now.path("phase").asString("").equals("SERVING");
  }

  private static JsonNode told() {
    return JsonMapper.shared().readTree(status());
  }

  /** Returns the process ids of the replicas' JVMs. */
  private static String replicas() {
    return engine("exec", worker(), "pgrep", "-f", "DefaultWorker");
  }

  private static String worker() {
    return engine("ps", "-q", "--filter", "label=com.docker.compose.service=ray-worker");
  }
}
