package ai.seedcore.serve.daemon.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** A real Ray head on this machine's loopback, on ports of the tests' own. */
final class RayCluster implements AutoCloseable {

  static final String ADDRESS = "127.0.0.1:26380";
  static final String DASHBOARD = "http://127.0.0.1:28265";
  static final int SERVE_PORT = 28000;
  static final String ROUTES = "http://127.0.0.1:" + SERVE_PORT;

  private static final String MARK = "SEEDCORE_TEST_CLUSTER";

  private final String host;
  private final List<String> before;
  private final Map<String, String> variables = new HashMap<>();
  private final String mark = UUID.randomUUID().toString();
  private final Web web = new Web();

  RayCluster() {
    this("127.0.0.1");
  }

  /** On 127.0.0.1 Ray takes in no second node; on another address of the loopback it does. */
  RayCluster(String host) {
    this(host, List.of());
  }

  /**
   * On an address of another network namespace.
   *
   * @param before what its commands are an argument of, such as 'ip netns exec NAME'
   */
  RayCluster(String host, List<String> before) {
    this.host = host;
    this.before = before;
  }

  /** With that in the environment of all that is started from now on. */
  RayCluster with(String name, String value) {
    variables.put(name, value);
    return this;
  }

  /** The GCS's address. */
  String address() {
    return host + ":26380";
  }

  /** The dashboard's URL. */
  String dashboard() {
    return before.isEmpty() ? DASHBOARD : "http://" + host + ":28265";
  }

  /** Where the routes are. */
  String routes() {
    return before.isEmpty() ? ROUTES : "http://" + host + ":" + SERVE_PORT;
  }

  /** Starts the head; returns when {@code ray start} has. */
  RayCluster start(String... more) {
    List<String> command = new ArrayList<>();
    command.addAll(
        List.of(
            ray("ray"),
            "start",
            "--head",
            "--node-ip-address=" + host,
            "--port=26380",
            "--dashboard-port=28265",
            "--ray-client-server-port=21001",
            "--num-cpus=4",
            "--disable-usage-stats"));
    if (!before.isEmpty()) {
      command.add("--dashboard-host=" + host);
    }
    command.addAll(List.of(more));
    run(command);
    return this;
  }

  /** Starts the head in the background; returns its session's name once its dashboard answers. */
  String comeBack() {
    Thread starter = new Thread(this::start, "ray start");
    starter.setDaemon(true);
    starter.start();
    return session();
  }

  /** Waits until the dashboard answers; returns the session's name. */
  String session() {
    return await()
        .atMost(Duration.ofSeconds(30))
        .pollInterval(Duration.ofMillis(20))
        .until(
            () -> web.getOr(dashboard() + "/api/version", "{}").path("session_name").asString(""),
            name -> !name.isEmpty());
  }

  /** Ends all of its processes, at once. */
  void kill() {
    await()
        .atMost(Duration.ofSeconds(20))
        .until(
            () -> {
              processes().forEach(ProcessHandle::destroyForcibly);
              return processes().isEmpty();
            });
  }

  /** The one process whose command line holds the text. */
  ProcessHandle process(String text) {
    List<ProcessHandle> found =
        processes().stream().filter(p -> Machine.commandLine(p).contains(text)).toList();
    assertThat(found).as(text).hasSize(1);
    return found.get(0);
  }

  /** The one Python worker whose title holds the text; Ray's titles hide a worker's mark. */
  ProcessHandle worker(String title) {
    List<ProcessHandle> found = workers(title);
    assertThat(found).as(title).hasSize(1);
    return found.get(0);
  }

  /** The Python workers whose titles hold the text. */
  List<ProcessHandle> workers(String title) {
    return processes().stream()
        .filter(p -> Machine.commandLine(p).contains("raylet/raylet"))
        .flatMap(ProcessHandle::children)
        .filter(p -> Machine.commandLine(p).contains(title))
        .toList();
  }

  /** CPU seconds that all of its processes have used. */
  double cpuSeconds() {
    return processes().stream()
        .flatMap(p -> Stream.concat(Stream.of(p), p.descendants()))
        .map(ProcessHandle::pid)
        .distinct()
        .mapToDouble(Machine::cpuSeconds)
        .sum();
  }

  /** Adds a node with so many CPUs, on the head's address. */
  void addNode(int cpus) {
    run(
        List.of(
            ray("ray"),
            "start",
            "--address=" + address(),
            "--node-ip-address=" + host,
            "--num-cpus=" + cpus,
            "--disable-usage-stats"));
  }

  /** The process ids of the Java replicas. */
  List<Long> replicaPids() {
    return processes().stream()
        .filter(process -> Machine.commandLine(process).contains("DefaultWorker"))
        .filter(process -> !Machine.commandLine(process).contains("raylet/raylet"))
        .map(ProcessHandle::pid)
        .sorted()
        .toList();
  }

  /** Deletes an application, as someone might; does not wait until it has gone. */
  void delete(String app) {
    python("serve.delete('%s', _blocking=False)".formatted(app));
  }

  /** Runs Python source as a driver of this cluster. */
  void python(String source) {
    run(
        List.of(
            ray("python"),
            "-c",
            ("import ray; from ray import serve;"
                    + " ray.init(address='%s', namespace='serve', log_to_driver=False); %s")
                .formatted(address(), source)));
  }

  /** Starts a process of the cluster anew, as Ray had started it. */
  void spawn(List<String> command) {
    try {
      ProcessBuilder builder = new ProcessBuilder(command);
      builder.environment().putAll(variables);
      builder.environment().put(MARK, mark);
      builder.redirectErrorStream(true).redirectOutput(ProcessBuilder.Redirect.DISCARD).start();
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Runs a command of the Ray installation; returns what it printed. */
  String run(List<String> command) {
    try {
      File output = File.createTempFile("seedcore-test", ".log");
      output.deleteOnExit();
      List<String> whole = new ArrayList<>(before);
      whole.addAll(command);
      ProcessBuilder builder = new ProcessBuilder(whole);
      builder.environment().putAll(variables);
      builder.environment().put(MARK, mark);
      builder
          .environment()
          .put("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", host.equals("127.0.0.1") ? "0" : "1");
      builder.environment().putIfAbsent("RAY_AUTH_MODE", "disabled"); // Whatever ~/.ray holds.
      builder.environment().put("RAY_ADDRESS", address());
      if (command.contains("--head")) {
        builder.environment().remove("RAY_ADDRESS");
      }
      Process process = builder.redirectErrorStream(true).redirectOutput(output).start();
      boolean ended = process.waitFor(90, TimeUnit.SECONDS);
      String text = Files.readString(output.toPath());
      assertThat(ended && process.exitValue() == 0).as("%s:%n%s", command, text).isTrue();
      return text;
    } catch (IOException | InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  /** A command of the Ray installation that the tests use. */
  static String ray(String name) {
    return Path.of(System.getProperty("seedcore.ray")).resolveSibling(name).toString();
  }

  private List<ProcessHandle> processes() {
    return Machine.marked(MARK + "=" + mark);
  }

  @Override
  public void close() {
    kill();
  }
}
