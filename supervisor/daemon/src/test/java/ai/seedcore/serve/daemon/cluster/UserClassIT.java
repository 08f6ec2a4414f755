package ai.seedcore.serve.daemon.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** A user's own class, from a jar of his own, beside the built-in ones. */
@Tag("cluster")
class UserClassIT {

  private static final String SOURCE =
      """
      package org.example;

      import java.util.List;
      import java.util.Map;
      import org.slf4j.Logger;
      import org.slf4j.LoggerFactory;

      public class Slow {
        private static final Logger LOG = LoggerFactory.getLogger("model");
        private final String greeting;
        private final List<Integer> numbers;
        private volatile int millis;

        public Slow(String greeting, List<Integer> numbers) {
          this.greeting = greeting;
          this.numbers = numbers;
        }

        public void reconfigure(Map<String, Integer> config) {
          millis = config.get("millis");
        }

        public Object call(String body) throws InterruptedException {
          if (body.equals("fail")) {
            throw new IllegalStateException("asked to");
          }
          LOG.info("is asked to say {}", body);
          Thread.sleep(millis);
          int sum = numbers.stream().mapToInt(Integer::intValue).sum();
          return Map.of("said", greeting + " " + body, "sum", sum, "millis", millis);
        }
      }
      """;

  private static final String CONFIG =
      """
      builtin: false
      deployments:
        - name: Slow
          class: org.example.Slow
          route: /slow
          jars: [slow.jar]
          cpus: 0.1
          memory: 100MiB
          num_gpus: 0.5
          resources: {special: 1}
          accelerator_type: T4
          max_ongoing_requests: 20
          init_args: [hello, [1, 2, 3]]
          user_config: {millis: 200}
          autoscaling:
            min_replicas: 1
            max_replicas: 3
            target_ongoing_requests: 2
            upscale_delay_s: 1
            downscale_delay_s: 2
            metrics_interval_s: 0.5
            look_back_period_s: 1
          probe:
            body: you
            expect: {said: hello you, sum: 6}
      """;

  @TempDir Path folder;
  private final Web web = new Web();

  @Test
  void isServedWithItsArgumentsAndScalesUnderLoad() throws Exception {
    UserJar.make(folder.resolve("slow.jar"), "Slow", SOURCE);
    Path config = Files.writeString(folder.resolve("slow.yaml"), CONFIG);
    try (RayCluster cluster =
            new RayCluster()
                .start("--num-gpus=2", "--resources={\"special\": 3, \"accelerator_type:T4\": 1}");
        DaemonProcess daemon = DaemonProcess.onCluster(folder, "--config=" + config)) {
      daemon.awaitReady();
      cluster.python(
          "free = ray.available_resources();"
              + " assert free['GPU'] == 1.5 and free['special'] == 2 and"
              + " free['accelerator_type:T4'] == 0.999, free");
      JsonNode answer = json(web.post(RayCluster.ROUTES + "/slow", "there").body());
      assertThat(answer.path("said").asString()).isEqualTo("hello there");
      assertThat(answer.path("sum").asInt()).isEqualTo(6);
      assertThat(answer.path("millis").asInt()).isEqualTo(200);

      // What a deployment throws is the proxy's 500, and not the replica's end.
      List<Long> replicas = cluster.replicaPids();
      assertThat(web.post(RayCluster.ROUTES + "/slow", "fail").statusCode()).isEqualTo(500);
      assertThat(web.post(RayCluster.ROUTES + "/slow", "x").statusCode()).isEqualTo(200);
      assertThat(cluster.replicaPids()).isEqualTo(replicas).hasSize(1);

      itsLogSaysWhichRequestALineBelongsTo(cluster);
      scalesUpAndDown(daemon);
      assertThat(daemon.deploys()).isEqualTo(1);
    }
  }

  @Test
  void aModelThatCannotLoadFailsWithTheReason() throws Exception {
    Files.writeString(folder.resolve("broken.onnx"), "not a model");
    Path config =
        Files.writeString(
            folder.resolve("broken.yaml"),
            """
            deployments:
              - name: Broken
                class: ai.seedcore.serve.salience.SalienceScorer
                files: [broken.onnx]
                init_args: [{model: broken.onnx}]
                cpus: 0.1
            """);
    try (RayCluster cluster = new RayCluster().start();
        DaemonProcess daemon = DaemonProcess.onCluster(folder, "--config=" + config)) {
      await()
          .atMost(Duration.ofMinutes(2))
          .until(
              () ->
                  daemon
                      .status()
                      .toString()
                      .contains("model broken.onnx: found no model that ONNX Runtime can load"));
      await().until(() -> !daemon.status().path("reason").asString("").contains("Exception"));
      // The others are served all the same.
      await().atMost(Duration.ofMinutes(1)).until(() -> web.allAnswer(RayCluster.ROUTES));
      assertThat(web.status("http://" + DaemonProcess.STATUS + "/readyz")).isEqualTo(503);
    }
  }

  @Test
  void aFileOfFourHundredMegabytesTravelsInLittleMemory() throws Exception {
    Worker worker = new Worker(folder);
    try (RandomAccessFile model = new RandomAccessFile(folder.resolve("m.bin").toFile(), "rw")) {
      model.setLength(400L << 20);
    }
    worker.with("files", "[m.bin, extra.txt]").declare();
    try (RayCluster cluster = new RayCluster().start();
        DaemonProcess daemon =
            DaemonProcess.onCluster(folder, "--config=" + worker.config()).awaitReady()) {
      assertThat(json(web.post(Worker.URL, "tell").body()).path("file").asBoolean()).isTrue();
      assertThat(Machine.residentMiB(daemon.pid())).isLessThan(140);
      assertThat(cluster.replicaPids()).hasSize(1);
    }
  }

  private static void itsLogSaysWhichRequestALineBelongsTo(RayCluster cluster) throws Exception {
    HttpRequest request =
        HttpRequest.newBuilder(URI.create(RayCluster.ROUTES + "/slow"))
            .version(HttpClient.Version.HTTP_1_1) // Serve's proxy loses the body of an upgrade.
            .header("X-Request-ID", "the-caller-s-own-1")
            .POST(HttpRequest.BodyPublishers.ofString("this"))
            .build();
    HttpResponse<String> answer =
        HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString());
    assertThat(answer.headers().firstValue("x-request-id")).hasValue("the-caller-s-own-1");
    Path logs = Path.of("/tmp/ray", cluster.session(), "logs");
    await()
        .atMost(Duration.ofSeconds(10))
        .untilAsserted(
            () ->
                assertThat(lines(logs))
                    .anyMatch(
                        line ->
                            line.endsWith(" request_id=the-caller-s-own-1: is asked to say this")));
    assertThat(lines(logs)).noneMatch(line -> line.contains("request_id=: "));
  }

  private static List<String> lines(Path logs) throws IOException {
    List<String> lines = new ArrayList<>();
    try (Stream<Path> files = Files.list(logs)) {
      for (Path file : files.filter(f -> f.getFileName().toString().contains("java-")).toList()) {
        lines.addAll(Files.readAllLines(file));
      }
    }
    return lines;
  }

  private void scalesUpAndDown(DaemonProcess daemon) {
    AtomicBoolean loaded = new AtomicBoolean(true);
    AtomicInteger failures = new AtomicInteger();
    for (int i = 0; i < 12; i++) {
      Thread client = new Thread(() -> load(loaded, failures), "client-" + i);
      client.setDaemon(true);
      client.start();
    }
    long start = System.nanoTime();
    try {
      await().atMost(Duration.ofSeconds(60)).until(() -> replicas(daemon) == 3);
      Figures.print("autoscaling from 1 to 3 replicas", start);
    } finally {
      loaded.set(false);
    }
    start = System.nanoTime();
    await().atMost(Duration.ofSeconds(90)).until(() -> replicas(daemon) == 1);
    Figures.print("autoscaling from 3 to 1 replica", start);
    assertThat(failures).hasValue(0);
  }

  /** The replicas that Serve says are RUNNING. */
  private static int replicas(DaemonProcess daemon) {
    return daemon.status().path("apps").path(0).path("replicas").asInt();
  }

  private void load(AtomicBoolean loaded, AtomicInteger failures) {
    while (loaded.get()) {
      try {
        if (web.post(RayCluster.ROUTES + "/slow", "load").statusCode() != 200) {
          failures.incrementAndGet();
        }
      } catch (IOException | InterruptedException e) {
        failures.incrementAndGet();
      }
    }
  }

  private static JsonNode json(String text) {
    return JsonMapper.shared().readTree(text);
  }
}
