package ai.seedcore.serve.cai;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * The commands of the jar as it ships, beside a workbench whose applications and jobs really run
 * what we brought there: a set-up, a head, two workers, the daemon. Each has processes, a /tmp/ray
 * and a network of its own, as the platform's containers have (which wants root).
 */
@Tag("cluster")
@Tag("network")
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class CaiIT {

  private static final List<String> APPLICATIONS =
      List.of("seedcore-head", "seedcore-worker-1", "seedcore-worker-2", "seedcore-serve");
  private static final String BRIDGE = "sc-cai";
  private static final String NETWORK = "10.213.77.";
  private static final int PORT = 8190;

  @TempDir static Path folder;

  private static final Map<String, Process> RUNNING = new HashMap<>();
  private static Workbench workbench;
  private static Path home;

  @BeforeAll
  static void start() throws IOException {
    assumeTrue("root".equals(System.getProperty("user.name")), "passed over: this wants root");
    network();
    home = Files.createDirectory(folder.resolve("cdsw"));
    workbench = new Workbench();
    workbench.platform =
        new Workbench.Platform() {
          @Override
          public void start(ObjectNode application) {
            CaiIT.start(application);
          }

          @Override
          public void stop(ObjectNode application) {
            CaiIT.stop(application.path("name").asString());
          }
        };
  }

  @AfterAll
  static void end() {
    if (workbench != null) {
      workbench.close();
      List.copyOf(RUNNING.keySet()).forEach(CaiIT::stop);
      withoutNetwork();
    }
  }

  /** A network namespace for each application, all on one bridge, on which the test is, too. */
  private static void network() {
    withoutNetwork();
    ip("link add", BRIDGE, "type bridge");
    ip("addr add", NETWORK + "1/24", "dev", BRIDGE);
    ip("link set", BRIDGE, "up");
    for (String name : APPLICATIONS) {
      String port = BRIDGE + APPLICATIONS.indexOf(name);
      ip("netns add", name);
      ip("link add", port, "type veth peer name eth0 netns", name);
      ip("link set", port, "master", BRIDGE, "up");
      ip("-n", name, "addr add", address(name) + "/24", "dev eth0");
      ip("-n", name, "link set eth0 up");
      ip("-n", name, "link set lo up");
      ip("-n", name, "route add default via", NETWORK + "1");
    }
  }

  private static void withoutNetwork() {
    for (String name : APPLICATIONS) {
      ip("netns del", name, "2>/dev/null || true");
    }
    ip("link del", BRIDGE, "2>/dev/null || true");
  }

  private static void ip(String... words) {
    String line = "ip " + String.join(" ", words);
    try {
      int code = new ProcessBuilder("sh", "-c", line).inheritIO().start().waitFor();
      assertThat(code).as(line).isZero();
    } catch (IOException | InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  private static String address(String name) {
    return NETWORK + (APPLICATIONS.indexOf(name) + 2);
  }

  @Test
  @Order(1)
  void setUpTheEnvironmentIsMade() throws Exception {
    assertThat(cai("setup")).contains("ready; before the next commands, run: export");
    // The job, as the platform would have run it; a second time there is nothing to do.
    files();
    assertThat(run(List.of(python(), home.resolve("seedcore_setup.py").toString())))
        .contains("the environment is ready");
    assertThat(run(List.of(python(), home.resolve("seedcore_setup.py").toString())))
        .contains("already complete");
    assertThat(home.resolve("ray_head_launcher.py")).isExecutable();
  }

  @Test
  @Order(2)
  void launchedHeadWorkersAndDaemonServe() throws Exception {
    assertThat(cai("launch", "--num-workers", "2", "--environment", "RAY_AUTH_MODE=token"))
        .contains("seedcore-worker-2", "running");
    long start = System.nanoTime();
    awaitServed();
    figure("from launched to served", start);
    await().atMost(Duration.ofSeconds(30)).until(() -> nodes() == 4);
    assertThat(cai("status")).contains("seedcore-head", "running");
    // Without the token, nobody may ask; and the workbench does not know it.
    assertThat(get("http://%s:8265/api/version".formatted(address("seedcore-head")), ""))
        .doesNotContain("session_name");
    assertThat(workbench.applications.toString()).doesNotContain(token());
    // What the platform polls to see that an application runs.
    assertThat(inside("seedcore-worker-1", "/")).contains("\"worker\"");
  }

  @Test
  @Order(3)
  void aHeadThatDiesIsStartedAgainWorkersJoinItAndItServes() throws Exception {
    long gcs =
        ProcessHandle.allProcesses()
            .filter(each -> each.info().command().orElse("").endsWith("/gcs_server"))
            .filter(each -> each.info().commandLine().orElse("").contains(address("seedcore-head")))
            .findFirst()
            .orElseThrow()
            .pid();
    long start = System.nanoTime();
    run(List.of("kill", "-KILL", "" + gcs));
    await().atMost(Duration.ofSeconds(10)).until(() -> !served());
    awaitServed();
    figure("GCS of the head killed", start);
    await().atMost(Duration.ofSeconds(60)).until(() -> nodes() == 4);
  }

  @Test
  @Order(4)
  void stoppedAndDeletedNothingIsLeft() throws Exception {
    assertThat(cai("stop", "--delete")).contains("seedcore-head: deleted");
    assertThat(workbench.applications).isEmpty();
    await()
        .atMost(Duration.ofSeconds(20))
        .until(
            () ->
                ProcessHandle.allProcesses()
                    .noneMatch(
                        each -> each.info().commandLine().orElse("").contains(home.toString())));
  }

  private static void start(ObjectNode application) {
    try {
      files();
      String name = application.path("name").asString();
      ProcessBuilder builder =
          new ProcessBuilder(
              "ip",
              "netns",
              "exec",
              name,
              "unshare",
              "--pid",
              "--fork",
              "--kill-child=TERM",
              "--mount",
              "--mount-proc",
              "sh",
              "-c",
              "mkdir -p /tmp/ray && mount -t tmpfs none /tmp/ray && exec \"$@\"",
              "sh",
              python(),
              home.resolve(application.path("script").asString()).toString());
      Map<String, String> environment = builder.environment();
      environment.put("SEEDCORE_CAI_HOME", home.toString());
      environment.put("CDSW_IP_ADDRESS", address(name));
      environment.put("CDSW_APP_PORT", "" + PORT);
      for (Map.Entry<String, JsonNode> each :
          JsonMapper.shared().readTree(application.path("environment").asString()).properties()) {
        environment.put(each.getKey(), each.getValue().asString());
      }
      builder.redirectErrorStream(true);
      builder.redirectOutput(
          ProcessBuilder.Redirect.appendTo(folder.resolve(name + ".log").toFile()));
      RUNNING.put(name, builder.start());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void stop(String name) {
    Process process = RUNNING.remove(name);
    if (process != null) {
      process.destroyForcibly(); // 'unshare' itself; what it started gets SIGTERM.
    }
  }

  /** What was uploaded, in the project's folder. */
  private static void files() throws IOException {
    for (Map.Entry<String, byte[]> each : Map.copyOf(workbench.files).entrySet()) {
      Path file = home.resolve(each.getKey());
      Files.createDirectories(file.getParent());
      if (!Files.exists(file)) {
        Files.write(file, each.getValue());
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-r--r--"));
      }
    }
  }

  /** The Python of the Ray that the tests use: one that Ray runs on. */
  private static String python() {
    return Path.of(System.getProperty("seedcore.ray")).resolveSibling("python").toString();
  }

  private static String cai(String... arguments) throws Exception {
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-jar",
                System.getProperty("seedcore.jar"),
                "cai"));
    command.addAll(List.of(arguments));
    command.addAll(List.of("--poll", "100", "--timeout", "60"));
    return run(command);
  }

  private static String run(List<String> command) throws Exception {
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.environment().put("CML_HOST", workbench.url());
    builder.environment().put("CML_API_KEY", Workbench.KEY);
    builder.environment().put("CDSW_PROJECT_ID", Workbench.PROJECT);
    builder.environment().put("SEEDCORE_CAI_HOME", home.toString());
    File output = Files.createTempFile(folder, "output", ".txt").toFile();
    Process process = builder.redirectOutput(output).start();
    assertThat(process.waitFor(5, TimeUnit.MINUTES)).isTrue();
    String said = Files.readString(output.toPath(), StandardCharsets.UTF_8);
    assertThat(process.exitValue()).as(said).isZero();
    return said;
  }

  private static void awaitServed() {
    await()
        .atMost(Duration.ofSeconds(60))
        .pollInterval(Duration.ofMillis(200))
        .until(CaiIT::served);
  }

  private static boolean served() {
    return inside("seedcore-serve", "/readyz").equals("ok")
        && get("http://%s:8000/-/routes".formatted(address("seedcore-head")))
            .contains("SalienceScorer");
  }

  private static long nodes() {
    String answer = get("http://%s:8265/nodes?view=summary".formatted(address("seedcore-head")));
    if (answer.isEmpty()) {
      return 0;
    }
    return JsonMapper.shared()
        .readTree(answer)
        .path("data")
        .path("summary")
        .valueStream()
        .filter(each -> each.path("raylet").path("state").asString("").equals("ALIVE"))
        .count();
  }

  /** What an application answers at the port that the platform asks. */
  private static String inside(String name, String path) {
    try {
      Process process =
          new ProcessBuilder(
                  "ip",
                  "netns",
                  "exec",
                  name,
                  "curl",
                  "-s",
                  "-m",
                  "3",
                  "http://127.0.0.1:%d%s".formatted(PORT, path))
              .start();
      return new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Returns the token that the head has created. */
  private static String token() throws IOException {
    return Files.readString(home.resolve(".ray/auth_token"));
  }

  private static String get(String url) {
    try {
      return get(url, token());
    } catch (IOException e) {
      return "";
    }
  }

  private static String get(String url, String token) {
    try {
      return HttpClient.newHttpClient()
          .send(
              HttpRequest.newBuilder(URI.create(url))
                  .header("Authorization", "Bearer " + token)
                  .timeout(Duration.ofSeconds(3))
                  .build(),
              HttpResponse.BodyHandlers.ofString())
          .body();
    } catch (IOException e) {
      return "";
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  private static void figure(String what, long start) {
    System.out.printf("FIGURE CAI, %s: %.1f s%n", what, (System.nanoTime() - start) / 1e9);
  }
}
