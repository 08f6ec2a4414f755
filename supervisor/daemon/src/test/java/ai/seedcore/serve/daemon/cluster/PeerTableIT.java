package ai.seedcore.serve.daemon.cluster;

import static org.awaitility.Awaitility.await;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import javax.tools.ToolProvider;
import org.awaitility.core.ConditionTimeoutException;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Ours beside what a user would run instead, through the same faults, one after the other on the
 * same machine: recovered or not, and after how many seconds; and beside the floor, a cold program
 * that makes nothing but the calls.
 */
@Tag("peer")
class PeerTableIT {

  private static final Duration PATIENCE = Duration.ofSeconds(90);
  private static final int FLOOR_RUNS = 5;

  private final Path folder = Machine.temporaryFolder();
  private final Web web = new Web();
  private final StringBuilder table = new StringBuilder();

  /** A side of the comparison: something that keeps something served. */
  private interface Side {
    void start();

    void end();

    boolean serves();

    void deleteApplication(RayCluster cluster);
  }

  /** A fault, and from when recovery is possible. */
  private interface Trouble {
    void happen(RayCluster cluster, Side side);
  }

  @Test
  void throughTheSameFaults() throws IOException {
    line("| fault | peer | ours |");
    line("|---|---|---|");
    row("head killed, back at once", (cluster, side) -> restart(cluster, Duration.ZERO));
    row("head killed, back after 20 s", (cluster, side) -> restart(cluster, seconds(20)));
    row("head killed, back after 70 s", (cluster, side) -> restart(cluster, seconds(70)));
    row(
        "GCS killed, head restarted after 20 s",
        (cluster, side) -> {
          cluster.process("gcs_server").destroyForcibly();
          Machine.pass(seconds(20));
          restart(cluster, Duration.ZERO);
        });
    row("the application deleted by someone", (cluster, side) -> side.deleteApplication(cluster));
    row(
        "'serve shutdown -y' by someone",
        (cluster, side) ->
            cluster.run(
                List.of(RayCluster.ray("serve"), "shutdown", "-y", "-a", cluster.dashboard())));
    row(
        "Serve controller killed",
        (cluster, side) -> cluster.worker("ray::ServeController").destroyForcibly());
    row("proxy killed", (cluster, side) -> cluster.worker("ray::ProxyActor").destroyForcibly());
    write("peer-table.md");
  }

  private static Duration seconds(long seconds) {
    return Duration.ofSeconds(seconds);
  }

  private static void restart(RayCluster cluster, Duration away) {
    cluster.kill();
    Machine.pass(away);
    cluster.comeBack();
  }

  private void row(String what, Trouble trouble) {
    line(
        "| %s | %s | %s |"
            .formatted(what, result(new Peer(), trouble), result(new Ours(), trouble)));
  }

  private String result(Side side, Trouble trouble) {
    try (RayCluster cluster = new RayCluster().start()) {
      cluster.session();
      side.start();
      try {
        awaitServing(side, Duration.ofMinutes(2));
        trouble.happen(cluster, side);
        long possible = System.nanoTime();
        // What goes on serving for three seconds was not hurt, or is back.
        return awaitServing(side, PATIENCE)
            ? String.format(
                Locale.ROOT, "%.1f s", Math.max(0, (System.nanoTime() - possible) / 1e9 - 3))
            : "not within %d s".formatted(PATIENCE.toSeconds());
      } finally {
        side.end();
      }
    }
  }

  private static boolean awaitServing(Side side, Duration limit) {
    try {
      await()
          .atMost(limit)
          .pollInterval(Duration.ofMillis(50))
          .during(seconds(3))
          .until(side::serves);
      return true;
    } catch (ConditionTimeoutException e) {
      return false;
    }
  }

  /** The daemon. */
  private final class Ours implements Side {
    private @Nullable DaemonProcess daemon;

    @Override
    public void start() {
      daemon = DaemonProcess.onCluster(folder);
    }

    @Override
    public void end() {
      daemon.end("KILL");
    }

    @Override
    public boolean serves() {
      return web.allAnswer(RayCluster.ROUTES);
    }

    @Override
    public void deleteApplication(RayCluster cluster) {
      cluster.delete("SalienceScorer");
    }
  }

  /** The seed documents' Python loop, under a restart policy as containers have. */
  private final class Peer implements Side {
    private @Nullable Process loop;

    @Override
    public void start() {
      try {
        Path source =
            Path.of("../../deployments/bench/src/main/resources/ai/seedcore/serve/bench/http");
        for (String file : List.of("peer_app.py", "peer_supervisor.py")) {
          Files.writeString(folder.resolve(file), Files.readString(source.resolve(file)));
        }
        ProcessBuilder builder =
            new ProcessBuilder(
                    "/bin/sh",
                    "-c",
                    "while true; do \"$0\" peer_supervisor.py; sleep 1; done",
                    RayCluster.ray("python"))
                .directory(folder.toFile());
        builder.environment().put("RAY_ADDRESS", RayCluster.ADDRESS);
        builder.environment().put("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0");
        File log = folder.resolve("peer.log").toFile();
        loop = builder.redirectErrorStream(true).redirectOutput(log).start();
      } catch (IOException e) {
        throw new IllegalStateException(e);
      }
    }

    @Override
    public void end() {
      List<ProcessHandle> all = loop.descendants().toList();
      loop.destroyForcibly();
      all.forEach(ProcessHandle::destroyForcibly);
    }

    @Override
    public boolean serves() {
      try {
        return web.post("http://127.0.0.1:8000/peer", "{\"features\":[{}]}").statusCode() == 200;
      } catch (IOException e) {
        return false;
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
    }

    @Override
    public void deleteApplication(RayCluster cluster) {
      cluster.delete("peer");
    }
  }

  @Test
  void besideTheFloor() throws IOException {
    Path classes = Files.createDirectories(folder.resolve("floor"));
    Path jar = rayJar();
    int result =
        ToolProvider.getSystemJavaCompiler()
            .run(
                null,
                null,
                null,
                "-cp",
                jar.toString(),
                "-d",
                classes.toString(),
                "src/test/floor/Floor.java");
    if (result != 0) {
      throw new IllegalStateException("the floor does not compile");
    }
    List<Double> floors = new ArrayList<>();
    List<Double> ours = new ArrayList<>();
    for (int i = 0; i < FLOOR_RUNS; i++) {
      ours.add(ourRun());
      floors.add(floorRun(classes, jar));
    }
    double ratio = median(ours) / median(floors);
    line("seconds from the restarted head's first answer to three routes that answer:");
    line("  floor  %s, median %.1f".formatted(rounded(floors), median(floors)));
    line("  ours   %s, median %.1f".formatted(rounded(ours), median(ours)));
    line(String.format(Locale.ROOT, "  ratio  %.2f", ratio));
    write("floor-table.md");
  }

  private double ourRun() {
    try (RayCluster cluster = new RayCluster().start()) {
      DaemonProcess daemon = DaemonProcess.onCluster(folder).awaitReady();
      try {
        daemon.warmDriver();
        restart(cluster, seconds(1));
        return seconds(() -> web.allAnswer(RayCluster.ROUTES));
      } finally {
        daemon.end("KILL");
      }
    }
  }

  private double floorRun(Path classes, Path jar) throws IOException {
    Path zip;
    try (Stream<Path> files = Files.list(folder.resolve("cache"))) {
      zip = files.filter(file -> file.toString().endsWith(".zip")).findFirst().orElseThrow();
    }
    try (RayCluster cluster = new RayCluster().start()) {
      cluster.session();
      restart(cluster, seconds(1));
      List<String> command = new ArrayList<>(DaemonProcess.command().subList(0, 1));
      command.addAll(
          List.of(
              "--add-opens=java.base/java.lang=ALL-UNNAMED",
              "--add-opens=java.base/java.util=ALL-UNNAMED",
              "-cp",
              classes + ":" + jar,
              "Floor",
              RayCluster.ADDRESS,
              RayCluster.DASHBOARD,
              "" + RayCluster.SERVE_PORT,
              zip.toString()));
      File log = folder.resolve("floor.log").toFile();
      Process floor =
          new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log).start();
      try {
        return seconds(() -> web.allAnswer(RayCluster.ROUTES));
      } finally {
        floor.destroyForcibly();
        System.out.println(
            Files.readString(log.toPath()).replaceAll("(?m)^(?!\\d+\\.\\d s:).*\n", ""));
      }
    }
  }

  private static double seconds(Callable<Boolean> condition) {
    long start = System.nanoTime();
    // Seldom enough that asking is no load of its own on a proxy that starts.
    await().atMost(PATIENCE).pollInterval(Duration.ofMillis(100)).until(condition);
    return (System.nanoTime() - start) / 1e9;
  }

  private static Path rayJar() throws IOException {
    Path lib = Path.of(RayCluster.ray("ray")).getParent().resolveSibling("lib");
    try (Stream<Path> files = Files.walk(lib)) {
      return files.filter(file -> file.endsWith("ray_dist.jar")).findFirst().orElseThrow();
    }
  }

  private static double median(List<Double> values) {
    return values.stream().sorted().skip(values.size() / 2).findFirst().orElseThrow();
  }

  private static String rounded(List<Double> values) {
    return String.join(
        " ", values.stream().map(value -> String.format(Locale.ROOT, "%.1f", value)).toList());
  }

  private void line(String text) {
    System.out.println("TABLE " + text);
    table.append(text).append('\n');
  }

  private void write(String name) throws IOException {
    Path rows =
        Files.createDirectories(Path.of(System.getProperty("seedcore.rows", "target/rows")));
    Files.writeString(rows.resolve(name), table);
  }
}
