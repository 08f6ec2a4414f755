package ai.seedcore.serve.daemon.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.ToDoubleFunction;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * What the front door costs: beside Serve's bare proxy, and beside nginx before an upstream that
 * does nothing. Both sides take turns in one run.
 */
@Tag("peer")
class DoorTableIT {

  private static final String DOOR = "127.0.0.1:28001";
  private static final int TRIVIAL = 29100;
  private static final int NGINX = 29102;
  private static final int ROUNDS = 5;
  private static final int SECONDS = 6;

  private final Path folder = Machine.temporaryFolder();

  @AfterEach
  void clean() {
    Machine.delete(folder);
  }

  /** What a run of wrk came to: requests a second, milliseconds. */
  private record Load(double rate, double p50, double p99) {}

  @Test
  void besideTheBareProxy() {
    try (RayCluster cluster = new RayCluster().start();
        DaemonProcess daemon = DaemonProcess.onCluster(folder, "--front-door=" + DOOR)) {
      assertThat(cluster.address()).isEqualTo(RayCluster.ADDRESS);
      daemon.awaitReady();
      String bare = RayCluster.ROUTES + "/SalienceScorer";
      String door = "http://" + DOOR + "/SalienceScorer";
      wrk(bare, 8, 10);
      warm(door, 8, 25_000);
      line("| connections | bare: requests/s, p50, p99 | door | rate | p50 |");
      line("|---|---|---|---|---|");
      for (int connections : new int[] {1, 8, 32, 256}) {
        compare(String.valueOf(connections), bare, door, connections);
      }
      line("The daemon takes %.0f MiB.".formatted(Machine.residentMiB(daemon.pid())));
    }
  }

  @Test
  void itsOwnCeiling() throws IOException {
    Process upstream =
        nginx(
            "upstream",
            """
        server { listen 127.0.0.1:%d reuseport;
          location = /-/routes { return 200 '{"/SalienceScorer":"SalienceScorer"}'; }
          location / { return 200 '{"status":"success","scores":[0.588],"model":"formula"}'; } }
        server { listen 127.0.0.1:%d reuseport;
          location / { proxy_pass http://u; proxy_http_version 1.1; proxy_set_header Connection ""; } }
        upstream u { server 127.0.0.1:%d; keepalive 256; keepalive_requests 1000000000; }
        """
                .formatted(TRIVIAL, NGINX, TRIVIAL));
    try (DaemonProcess daemon =
        DaemonProcess.onCluster(
            folder, "--serve-url=http://127.0.0.1:" + TRIVIAL, "--front-door=" + DOOR)) {
      Web web = new Web();
      String door = "http://" + DOOR + "/SalienceScorer";
      await().atMost(Duration.ofSeconds(20)).until(() -> web.status(door) == 200);
      line(
          "The upstream alone: %.0f requests/s"
              .formatted(
                  wrk("http://127.0.0.1:%d/SalienceScorer".formatted(TRIVIAL), 64, 5).rate()));
      warm(door, 64, 1_000_000);
      line("| connections | nginx: requests/s, p50, p99 | door | rate | p50 |");
      line("|---|---|---|---|---|");
      for (int connections : new int[] {1, 64, 256}) {
        compare(
            String.valueOf(connections),
            "http://127.0.0.1:%d/SalienceScorer".formatted(NGINX),
            door,
            connections);
      }
      line("The daemon takes %.0f MiB.".formatted(Machine.residentMiB(daemon.pid())));
    } finally {
      upstream.destroy();
    }
  }

  /** Until the door's code is compiled. */
  private void warm(String door, int connections, int requests) {
    double sent = 0;
    while (sent < requests) {
      sent += wrk(door, connections, 10).rate() * 10;
    }
  }

  private void compare(String name, String first, String second, int connections) {
    List<Load> ones = new ArrayList<>();
    List<Load> others = new ArrayList<>();
    for (int round = 0; round < ROUNDS; round++) {
      ones.add(wrk(first, connections, SECONDS));
      others.add(wrk(second, connections, SECONDS));
    }
    Load one = median(ones);
    Load other = median(others);
    line(
        String.format(
            Locale.ROOT,
            "| %s | %.0f, %.2f ms, %.1f ms | %.0f, %.2f ms, %.1f ms | x %.2f | %+.2f ms |",
            name,
            one.rate(),
            one.p50(),
            one.p99(),
            other.rate(),
            other.p50(),
            other.p99(),
            other.rate() / one.rate(),
            other.p50() - one.p50()));
  }

  private static Load median(List<Load> loads) {
    return new Load(median(loads, Load::rate), median(loads, Load::p50), median(loads, Load::p99));
  }

  private static double median(List<Load> loads, ToDoubleFunction<Load> value) {
    return loads.stream().mapToDouble(value).sorted().skip(loads.size() / 2).findFirst().orElse(0);
  }

  private Load wrk(String url, int connections, int seconds) {
    Path script = folder.resolve("post.lua");
    Machine.write(
        script,
        """
        wrk.method = "POST"
        wrk.body = '{"features":[{"task_risk":0.9,"failure_severity":0.8}]}'
        wrk.headers["Content-Type"] = "application/json"
        """);
    String said =
        Machine.run(
            Tools.path("wrk"),
            "-t1",
            "-c" + connections,
            "-d" + seconds + "s",
            "--timeout=20s",
            "--latency",
            "-s",
            script.toString(),
            url);
    assertThat(said).doesNotContain("Non-2xx");
    return new Load(
        number(said, "Requests/sec: +([0-9.]+)()"),
        number(said, "50% +([0-9.]+)(us|ms|s)"),
        number(said, "99% +([0-9.]+)(us|ms|s)"));
  }

  private static double number(String text, String pattern) {
    Matcher found = Pattern.compile(pattern).matcher(text);
    assertThat(found.find()).as("%s in %s", pattern, text).isTrue();
    double value = Double.parseDouble(found.group(1));
    return switch (found.group(2)) {
      case "us" -> value / 1000;
      case "s" -> value * 1000;
      default -> value;
    };
  }

  private Process nginx(String name, String servers) throws IOException {
    Path config = folder.resolve(name + ".conf");
    Machine.write(
        config,
        """
        daemon off; worker_processes 1; pid %1$s/pid; error_log %1$s/error.log;
        events { worker_connections 4096; }
        http { access_log off; default_type application/json; keepalive_requests 1000000000;
        client_body_temp_path %1$s/body; proxy_temp_path %1$s/proxy; fastcgi_temp_path %1$s/fastcgi;
        uwsgi_temp_path %1$s/uwsgi; scgi_temp_path %1$s/scgi;
        %2$s }
        """
            .formatted(folder, servers));
    return new ProcessBuilder(
            Tools.path("nginx"),
            "-e",
            folder + "/error.log",
            "-p",
            folder.toString(),
            "-c",
            config.toString())
        .redirectErrorStream(true)
        .redirectOutput(Files.createFile(folder.resolve("nginx.log")).toFile())
        .start();
  }

  private static void line(String text) {
    System.out.println("TABLE " + text);
  }
}
