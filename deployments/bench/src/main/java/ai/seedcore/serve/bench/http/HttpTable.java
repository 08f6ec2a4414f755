package ai.seedcore.serve.bench.http;

import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * Prints the throughput and latency of SalienceScorer, of a Python deployment with the same
 * replies, and of a Java deployment that does nothing. They run in turn on one cluster, with the
 * same proxy and payload.
 *
 * <p>Arguments: the jar of SeedCore Serve, the {@code ray} command, the jar of this benchmark.
 */
public final class HttpTable {

  private static final int[] CONNECTIONS = {1, 8, 32};
  private static final int[] ITEMS = {1, 100};
  private static final Duration WARM_UP = Duration.ofSeconds(6);
  private static final Duration TURN = Duration.ofSeconds(2);
  private static final int TURNS = 9;
  private static final int READY_TIMEOUT_S = 180;
  private static final int PEER_TIMEOUT_S = 120;
  private static final int STOP_TIMEOUT_S = 20;
  private static final String ITEM =
      "{\"task_risk\":0.9,\"failure_severity\":0.8,\"agent_capability\":0.7,\"system_load\":0.3,"
          + "\"memory_usage\":0.4,\"cpu_usage\":0.6,\"user_impact\":0.9}";

  /** The first digits of that item's score, which every response contains. */
  private static final String SCORE = "0.65466666666666";

  private static final String GCS = "127.0.0.1:26381";
  private static final String STATUS = "127.0.0.1:28191";
  private static final int SERVE_PORT = 28_100;
  private static final String ROUTES = "http://127.0.0.1:" + SERVE_PORT;

  private static final String CONFIG =
      """
      builtin: false
      deployments:
        - name: SalienceScorer
          class: ai.seedcore.serve.salience.SalienceScorer
          cpus: 0.1
        - name: NoOp
          class: ai.seedcore.serve.bench.http.NoOp
          jars: [%s]
          cpus: 0.1
      """;

  private enum Target {
    NO_OP("/NoOp", "no-op Java replica"),
    SCORER("/SalienceScorer", "SalienceScorer"),
    PEER("/peer", "Python peer");

    final URI url;
    final String label;

    Target(String path, String label) {
      this.url = URI.create(ROUTES + path);
      this.label = label;
    }
  }

  private HttpTable() {}

  /** Starts a cluster, runs the benchmark, and stops the cluster. */
  public static void main(String[] arguments) throws Exception {
    Path jar = Path.of(arguments[0]).toAbsolutePath();
    Path ray = Path.of(arguments[1]).toAbsolutePath();
    Path bench = Path.of(arguments[2]).toAbsolutePath();
    Path folder = Files.createTempDirectory("seedcore-bench");
    Files.writeString(folder.resolve("bench.yaml"), CONFIG.formatted(bench));
    Process cluster = start(jar, ray, folder);
    Runtime.getRuntime().addShutdownHook(new Thread(() -> stop(cluster)));
    try {
      awaitReady(cluster, folder);
      startPeer(ray, folder);
      for (int items : ITEMS) {
        for (int connections : CONNECTIONS) {
          measure(items, connections);
        }
      }
      printMemory();
    } finally {
      stop(cluster);
    }
  }

  private static Process start(Path jar, Path ray, Path folder) throws IOException {
    System.err.println("starting a cluster; log: " + folder.resolve("cluster.log"));
    List<String> command =
        new ArrayList<>(
            List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString()));
    command.addAll(List.of("-Xmx48m", "-jar", jar.toString(), "run", "--local"));
    command.addAll(
        List.of(
            "--address=" + GCS,
            "--dashboard=http://127.0.0.1:28266",
            "--serve-port=" + SERVE_PORT,
            "--status=" + STATUS,
            "--ray=" + ray,
            "--config=" + folder.resolve("bench.yaml")));
    return new ProcessBuilder(command)
        .redirectErrorStream(true)
        .redirectOutput(folder.resolve("cluster.log").toFile())
        .start();
  }

  private static void awaitReady(Process cluster, Path folder) throws InterruptedException {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(READY_TIMEOUT_S);
    while (System.nanoTime() < end && cluster.isAlive()) {
      try {
        if (get(URI.create("http://" + STATUS + "/readyz")).statusCode() == 200) {
          return;
        }
      } catch (IOException e) {
        // Not listening yet.
      }
      Thread.sleep(200);
    }
    throw new IllegalStateException(
        "the cluster did not become ready; see " + folder.resolve("cluster.log"));
  }

  private static void startPeer(Path ray, Path folder) throws IOException, InterruptedException {
    Path script = folder.resolve("peer_app.py");
    try (InputStream source = HttpTable.class.getResourceAsStream("peer_app.py")) {
      Files.copy(source, script);
    }
    ProcessBuilder builder =
        new ProcessBuilder(
                ray.resolveSibling("python").toString(),
                "-c",
                "import ray; from ray import serve; import peer_app;"
                    + "ray.init(address='"
                    + GCS
                    + "', namespace='serve', runtime_env={'working_dir': '.'});"
                    + "serve.run(peer_app.app, name='peer', route_prefix='/peer')")
            .directory(folder.toFile())
            .redirectErrorStream(true)
            .redirectOutput(folder.resolve("peer.log").toFile());
    builder.environment().put("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0");
    Process process = builder.start();
    if (!process.waitFor(PEER_TIMEOUT_S, TimeUnit.SECONDS) || process.exitValue() != 0) {
      process.destroyForcibly();
      throw new IllegalStateException(
          "the Python peer did not start; see " + folder.resolve("peer.log"));
    }
  }

  private static void measure(int items, int connections) throws InterruptedException {
    String body = "{\"features\":[" + String.join(",", Collections.nCopies(items, ITEM)) + "]}";
    Map<Target, List<Clients.Result>> results = new LinkedHashMap<>();
    for (Target target : Target.values()) {
      Clients.run(target.url, body, SCORE, items, connections, WARM_UP);
    }
    // Many short turns, so that load on the machine affects all targets alike.
    for (int turn = 0; turn < TURNS; turn++) {
      for (Target target : Target.values()) {
        results
            .computeIfAbsent(target, any -> new ArrayList<>())
            .add(Clients.run(target.url, body, SCORE, items, connections, TURN));
      }
    }
    System.out.printf("%n%d items per request, %d connections%n%n", items, connections);
    System.out.println(
        "| | requests/s | p50 ms | p99 ms | vs. Python peer | vs. no-op Java replica |");
    System.out.println("|---|---|---|---|---|---|");
    double peer = median(results.get(Target.PEER)).perSecond();
    double ceiling = median(results.get(Target.NO_OP)).perSecond();
    for (Target target : Target.values()) {
      Clients.Result result = median(results.get(target));
      System.out.printf(
          Locale.ROOT,
          "| %s | %.0f | %.1f | %.1f | %.2f | %.2f |%n",
          target.label,
          result.perSecond(),
          result.p50(),
          result.p99(),
          result.perSecond() / peer,
          result.perSecond() / ceiling);
    }
  }

  /** Returns the result with the median throughput. */
  private static Clients.Result median(List<Clients.Result> results) {
    return results.stream()
        .sorted((a, b) -> Double.compare(a.perSecond(), b.perSecond()))
        .toList()
        .get(results.size() / 2);
  }

  private static void printMemory() throws IOException, InterruptedException {
    String noOpPid = get(Target.NO_OP.url).body().replaceAll("\\D", "");
    System.out.printf("%nMemory of each replica after the runs (RSS):%n%n");
    for (ProcessHandle process : ProcessHandle.allProcesses().toList()) {
      String command = text(Path.of("/proc", Long.toString(process.pid()), "cmdline"));
      String name =
          command.startsWith("ray::ServeReplica:peer")
              ? Target.PEER.label
              : !command.contains("DefaultWorker")
                      || command.contains("raylet/raylet")
                      || !command.contains(GCS)
                  ? ""
                  : noOpPid.equals(Long.toString(process.pid()))
                      ? Target.NO_OP.label
                      : Target.SCORER.label;
      if (!name.isEmpty()) {
        String status = text(Path.of("/proc", Long.toString(process.pid()), "status"));
        long kilobytes = Long.parseLong(status.replaceAll("(?s).*VmRSS:\\s+(\\d+) kB.*", "$1"));
        System.out.printf("- %s: %d MiB%n", name, kilobytes / 1024);
      }
    }
  }

  private static String text(Path file) {
    try {
      return Files.readString(file, StandardCharsets.ISO_8859_1).replace('\0', ' ');
    } catch (IOException e) {
      return ""; // The process has ended or belongs to another user.
    }
  }

  private static HttpResponse<String> get(URI url) throws IOException, InterruptedException {
    return HttpClient.newHttpClient()
        .send(
            HttpRequest.newBuilder(url).timeout(Duration.ofSeconds(10)).build(),
            HttpResponse.BodyHandlers.ofString());
  }

  private static void stop(Process cluster) {
    cluster.destroy();
    try {
      if (!cluster.waitFor(STOP_TIMEOUT_S, TimeUnit.SECONDS)) {
        cluster.destroyForcibly();
      }
    } catch (InterruptedException e) {
      cluster.destroyForcibly();
    }
  }
}
