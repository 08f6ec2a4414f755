package ai.seedcore.serve.bench.http;

import ai.seedcore.serve.bench.http.Wrk.Result;
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
import java.util.Collections;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * Prints the throughput and latency of SalienceScorer and of a user's class through the front door,
 * of SalienceScorer through Serve's proxy, and of the fastest that Ray offers: a Python deployment
 * with the same scores behind HAProxy. The two clusters run one after the other, with the same
 * requests, on the same cores.
 *
 * <p>Arguments: the folder of the daemon, the {@code ray} command, the jar of this benchmark, the
 * {@code wrk} command, the Python of a Ray with HAProxy.
 */
public final class HttpTable {

  private static final int[] CONNECTIONS = {1, 8, 32, 256};
  private static final int[] ITEMS = {1, 100};
  private static final int WARM_UPS = 5;
  private static final int SECONDS = 4;
  private static final int RUNS = 3;
  private static final int START_TIMEOUT_S = 180;
  private static final int STOP_TIMEOUT_S = 30;
  private static final int WARM_CONNECTIONS = 32;

  private static final String ITEM =
      "{\"task_risk\":0.9,\"failure_severity\":0.8,\"agent_capability\":0.7,\"system_load\":0.3,"
          + "\"memory_usage\":0.4,\"cpu_usage\":0.6,\"user_impact\":0.9}";

  /** The first digits of that item's score, which every response contains. */
  private static final String SCORE = "0.65466666666666";

  private static final String GCS = "127.0.0.1:26381";
  private static final String STATUS = "127.0.0.1:28191";
  private static final int DOOR_PORT = 28_100;
  private static final int SERVE_PORT = 28_101;
  private static final int PEER_PORT = 28_102;

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
    PEER("/peer", PEER_PORT, "Ray's best: Python behind HAProxy"),
    SCORER("/SalienceScorer", DOOR_PORT, "SalienceScorer"),
    NO_OP("/NoOp", DOOR_PORT, "a user's class, on worker threads"),
    PROXIED("/SalienceScorer", SERVE_PORT, "SalienceScorer through Serve's proxy");

    final URI url;
    final String label;

    Target(String path, int port, String label) {
      this.url = URI.create("http://127.0.0.1:%d%s".formatted(port, path));
      this.label = label;
    }
  }

  private record Load(int items, int connections) {}

  private final Path folder;
  private final Wrk wrk;
  private final Map<Load, Map<Target, Result>> results = new LinkedHashMap<>();

  private HttpTable(Path folder, Path wrk) {
    this.folder = folder;
    this.wrk = new Wrk(wrk, folder);
  }

  /** Starts two clusters in turn, measures, and prints the tables. */
  public static void main(String[] arguments) throws Exception {
    Path daemon = Path.of(arguments[0]).toAbsolutePath();
    Path folder = Files.createTempDirectory("seedcore-bench");
    HttpTable table = new HttpTable(folder, Path.of(arguments[3]));
    Files.writeString(
        folder.resolve("bench.yaml"), CONFIG.formatted(Path.of(arguments[2]).toAbsolutePath()));
    table.measure("peer", table.peer(Path.of(arguments[4])), List.of(Target.PEER));
    table.measure(
        "daemon",
        table.daemon(daemon, Path.of(arguments[1])),
        List.of(Target.SCORER, Target.NO_OP, Target.PROXIED));
    table.print();
  }

  private ProcessBuilder peer(Path python) throws IOException {
    for (String file : List.of("peer_app.py", "peer_head.py")) {
      try (InputStream source = HttpTable.class.getResourceAsStream(file)) {
        Files.copy(source, folder.resolve(file));
      }
    }
    ProcessBuilder builder =
        new ProcessBuilder(python.toString(), "peer_head.py", String.valueOf(PEER_PORT))
            .directory(folder.toFile());
    builder.environment().put("RAY_SERVE_ENABLE_HA_PROXY", "1");
    builder.environment().put("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0");
    // Otherwise Ray 2.60 creates a token in ~/.ray, which every later `ray start` requires.
    builder.environment().put("RAY_AUTH_MODE", "disabled");
    return builder;
  }

  private ProcessBuilder daemon(Path home, Path ray) {
    return new ProcessBuilder(
        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
        "@" + home.resolve("jvm.options"),
        "@" + home.resolve("door.options"),
        "-jar",
        home.resolve("target/seedcore-serve.jar").toString(),
        "run",
        "--local",
        "--address=" + GCS,
        "--dashboard=http://127.0.0.1:28266",
        "--front-door=127.0.0.1:" + DOOR_PORT,
        "--serve-port=" + SERVE_PORT,
        "--status=" + STATUS,
        "--ray=" + ray,
        "--config=" + folder.resolve("bench.yaml"));
  }

  private void measure(String name, ProcessBuilder command, List<Target> targets)
      throws IOException, InterruptedException {
    Path log = folder.resolve(name + ".log");
    System.err.println("starting: " + name + "; log: " + log);
    Process process = command.redirectErrorStream(true).redirectOutput(log.toFile()).start();
    Thread end = new Thread(() -> stop(process));
    Runtime.getRuntime().addShutdownHook(end);
    try {
      for (Target target : targets) {
        awaitScores(process, target, log);
      }
      for (int items : ITEMS) {
        for (Target target : targets) {
          wrk.run(target.url, body(items), WARM_CONNECTIONS, SECONDS, WARM_UPS);
        }
        for (int connections : CONNECTIONS) {
          for (Target target : targets) {
            Result result = wrk.run(target.url, body(items), connections, SECONDS, RUNS);
            results
                .computeIfAbsent(new Load(items, connections), load -> new EnumMap<>(Target.class))
                .put(target, result);
            System.err.printf(
                Locale.ROOT,
                "%s, %d items, %d connections: %.0f requests/s%n",
                target.label,
                items,
                connections,
                result.perSecond());
          }
        }
      }
      printMemory(name, process);
    } finally {
      stop(process);
      Runtime.getRuntime().removeShutdownHook(end);
    }
  }

  private static String body(int items) {
    return "{\"features\":[" + String.join(",", Collections.nCopies(items, ITEM)) + "]}";
  }

  /** Waits until a target answers with as many scores as there are items. */
  private static void awaitScores(Process process, Target target, Path log)
      throws InterruptedException {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(START_TIMEOUT_S);
    while (System.nanoTime() < end && process.isAlive()) {
      try {
        if (scores(target, 1) == 1 && scores(target, 100) == 100) {
          return;
        }
      } catch (IOException e) {
        // Not listening yet.
      }
      Thread.sleep(200);
    }
    throw new IllegalStateException("%s does not answer; see %s".formatted(target.label, log));
  }

  private static int scores(Target target, int items) throws IOException, InterruptedException {
    String response =
        HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1) // Serve's proxy loses the body of an upgrade.
            .build()
            .send(
                HttpRequest.newBuilder(target.url)
                    .timeout(Duration.ofSeconds(10))
                    .POST(HttpRequest.BodyPublishers.ofString(body(items)))
                    .build(),
                HttpResponse.BodyHandlers.ofString())
            .body();
    return response.split(SCORE, -1).length - 1;
  }

  private void print() {
    for (int items : ITEMS) {
      System.out.printf("%n%d items per request: requests/s (p50, p99 in ms)%n%n| |", items);
      for (int connections : CONNECTIONS) {
        System.out.printf(" %d connections |", connections);
      }
      System.out.printf("%n|---|%s%n", "---|".repeat(CONNECTIONS.length));
      for (Target target : Target.values()) {
        System.out.printf("| %s |", target.label);
        for (int connections : CONNECTIONS) {
          Map<Target, Result> row = results.get(new Load(items, connections));
          Result result = row.get(target);
          System.out.printf(
              Locale.ROOT,
              " %,.0f (%.2f, %.1f), x %.1f |",
              result.perSecond(),
              result.p50(),
              result.p99(),
              result.perSecond() / row.get(Target.PEER).perSecond());
        }
        System.out.println();
      }
    }
  }

  /** Prints what the replicas and the daemon take after the runs. */
  private static void printMemory(String name, Process process) {
    StringBuilder sizes = new StringBuilder();
    if (name.equals("daemon")) {
      sizes.append(" daemon ").append(resident(process.toHandle()));
    }
    ProcessHandle.allProcesses()
        .filter(each -> isReplica(text(each, "cmdline")))
        .forEach(replica -> sizes.append(", replica ").append(resident(replica)));
    System.out.printf("%nResident after the runs (%s), MiB:%s%n", name, sizes);
  }

  private static boolean isReplica(String command) {
    return command.startsWith("ray::ServeReplica:peer")
        || (command.contains("DefaultWorker")
            && command.contains(GCS)
            && !command.contains("raylet/raylet"));
  }

  private static long resident(ProcessHandle process) {
    String size = text(process, "status").replaceAll("(?s).*VmRSS:\\s+(\\d+) kB.*", "$1");
    return size.matches("\\d+") ? Long.parseLong(size) / 1_024 : 0;
  }

  private static String text(ProcessHandle process, String file) {
    try {
      return Files.readString(
              Path.of("/proc", Long.toString(process.pid()), file), StandardCharsets.ISO_8859_1)
          .replace('\0', ' ');
    } catch (IOException e) {
      return ""; // The process has ended or belongs to another user.
    }
  }

  private static void stop(Process process) {
    process.destroy();
    try {
      if (!process.waitFor(STOP_TIMEOUT_S, TimeUnit.SECONDS)) {
        process.destroyForcibly();
      }
    } catch (InterruptedException e) {
      process.destroyForcibly();
    }
  }
}
