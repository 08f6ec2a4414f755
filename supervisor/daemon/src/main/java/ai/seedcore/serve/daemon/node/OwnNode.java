package ai.seedcore.serve.daemon.node;

import ai.seedcore.serve.base.HostPort;
import ai.seedcore.serve.daemon.config.RayNodes;
import ai.seedcore.serve.daemon.config.Settings;
import ai.seedcore.serve.daemon.decide.NodeView;
import ai.seedcore.serve.daemon.decide.NodeView.Kind;
import ai.seedcore.serve.daemon.driver.MarkedProcesses;
import ai.seedcore.serve.daemon.host.Children;
import ai.seedcore.serve.daemon.host.DaemonThread;
import ai.seedcore.serve.gcs.Credentials;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The Ray node that the daemon runs itself, if configured: a head on the loopback, or a node
 * without CPUs that provides a raylet for the driver in a container.
 *
 * <p>{@code ray start} leaves a dozen processes behind without a parent. A small keeper process
 * (keeper.py) adopts them, so that none stays a zombie. A mark in their environment identifies
 * them, see {@link MarkedProcesses}. {@code ray stop} would end every Ray process of the machine.
 */
public final class OwnNode {

  private static final Logger LOG = LoggerFactory.getLogger(OwnNode.class);
  private static final String MARK = "SEEDCORE_NODE";
  private static final String KEEPER = script("keeper.py");
  private static final String RAY = script("ray_start.py");
  private static final Pattern SESSION = Pattern.compile("--session-name=(session_[^\\s\\x00]+)");

  private static final Pattern VERSIONS =
      Pattern.compile(
          "(?s)Version mismatch: The cluster was started with:\\s+Ray: (\\S+)\\s+Python: (\\S+)"
              + ".*?was started with:\\s+Ray: (\\S+)\\s+Python: (\\S+)");

  /** The deadline of 'ray start'. It takes about 4 s, and more on a busy machine. */
  private static final Duration START_DEADLINE = Duration.ofSeconds(60);

  private final Kind kind;
  private final HostPort gcs;
  private final Settings settings;
  private final RayInstall ray;
  private final Credentials credentials;
  private final String mark;
  private final Path log;
  private final Clock clock;
  private final @Nullable HeadStore store;
  private final boolean besideHead;
  private @Nullable CompletableFuture<Integer> start;
  private Instant notBefore = Instant.MIN;
  private Instant startDeadline = Instant.MAX;
  private @Nullable ProcessHandle raylet;
  private @Nullable ProcessHandle gcsServer;
  private @Nullable String session;

  /**
   * Creates our node, whether or not it already runs.
   *
   * @param credentials what the cluster requires
   * @param log the file for the output of {@code ray start}
   * @param store the folder in which our head keeps its state; null if it forgets it
   */
  public OwnNode(
      Settings settings,
      RayInstall ray,
      Credentials credentials,
      Path log,
      @Nullable Path store,
      Clock clock) {
    this.store = store == null ? null : new HeadStore(store, ray.version());
    this.credentials = credentials;
    this.clock = clock;
    this.kind = settings.local() ? Kind.HEAD : settings.join() ? Kind.WORKER : Kind.NONE;
    this.gcs = settings.gcs();
    this.besideHead = HostPort.isThisMachine(gcs.host());
    this.settings = settings;
    this.ray = ray;
    this.mark = MARK + "=" + kind + ":" + gcs;
    this.log = log;
  }

  /** Returns the current state of the node. */
  public NodeView view() {
    if (kind == Kind.NONE) {
      return new NodeView(kind, null, false, notBefore, null, false);
    }
    boolean starting = isStarting();
    if (!complete()) {
      raylet = null;
      gcsServer = null;
      session = null;
      processes().forEach(this::recognize);
    }
    if (!complete()) {
      session = null; // Its remaining processes are ended before the next start.
    } else if (store != null && start != null && start.isDone() && start.join() == 0) {
      store.cameUp();
    }
    return new NodeView(kind, session, starting, notBefore, failure().orElse(null), besideHead);
  }

  private boolean isStarting() {
    return start != null && !start.isDone();
  }

  /** Kills a {@code ray start} that takes too long. */
  public void killOverdueStart() {
    if (isStarting() && clock.instant().isAfter(startDeadline)) {
      LOG.atWarn().addKeyValue("limit", START_DEADLINE).log("'ray start' timed out and was killed");
      processes().forEach(ProcessHandle::destroyForcibly);
    }
  }

  /** Returns whether all essential processes are alive. Ray itself restarts the others. */
  private boolean complete() {
    return lives(raylet) && (kind == Kind.WORKER || lives(gcsServer));
  }

  /**
   * Returns whether a process is alive and not a zombie. Java counts an unreaped zombie as alive,
   * but it has no command line.
   */
  private static boolean lives(@Nullable ProcessHandle process) {
    return process != null
        && process.isAlive()
        && !MarkedProcesses.read(process, "cmdline").isEmpty();
  }

  private void recognize(ProcessHandle process) {
    String command = MarkedProcesses.read(process, "cmdline");
    if (command.contains("/gcs/gcs_server")) {
      gcsServer = process;
    }
    if (command.contains("/raylet/raylet") && command.contains("--raylet_socket_name")) {
      Matcher matcher = SESSION.matcher(command);
      if (matcher.find()) {
        raylet = process;
        session = matcher.group(1);
      }
    }
  }

  /**
   * Ends the remaining processes of our own head that died, so that they do not block its next
   * start.
   */
  public void endLeftovers() {
    if (kind == Kind.HEAD && view().session() == null) {
      end(Duration.ofSeconds(2));
    }
  }

  /**
   * Returns why our head cannot be started: another program uses one of its ports.
   *
   * @return the reason; empty if nothing prevents the start
   */
  public Optional<String> obstacle() {
    if (kind != Kind.HEAD || view().session() != null) {
      return Optional.empty();
    }
    for (HostPort port : List.of(gcs, new HostPort(gcs.host(), dashboardPort()), servePort())) {
      try (Socket socket = new Socket()) {
        socket.connect(new InetSocketAddress(port.host(), port.port()), 500);
        return Optional.of(
            "%s is in use by another program; choose other ports with --address, --dashboard"
                    .formatted(port)
                + " and --serve-port, or, if it is the Ray cluster to serve, omit --local");
      } catch (IOException e) {
        LOG.debug("{} is free: {}", port, e.toString());
      }
    }
    return Optional.empty();
  }

  private HostPort servePort() {
    return new HostPort(gcs.host(), settings.servePort());
  }

  private int dashboardPort() {
    return HostPort.of(URI.create(settings.dashboardUrl())).port();
  }

  /**
   * Begins to start the node, after ending what remains of an earlier one.
   *
   * @param next the earliest time for the next start
   */
  public void start(Instant next) throws IOException {
    notBefore = next;
    end(Duration.ZERO); // Nothing uses the remaining processes any more.
    List<String> command = new ArrayList<>(List.of(ray.python(), "-IS", "-c", KEEPER));
    command.addAll(List.of(log.toString(), ray.python(), "-c", RAY, "start"));
    if (kind == Kind.HEAD) {
      command.addAll(
          List.of(
              "--head",
              "--node-ip-address=" + address(gcs.host()),
              "--port=" + gcs.port(),
              "--dashboard-host=" + gcs.host(),
              "--dashboard-port=" + dashboardPort()));
      if (settings.cpus() != null) {
        command.add("--num-cpus=" + settings.cpus());
      }
    } else {
      command.addAll(List.of("--address=" + gcs, "--num-cpus=0"));
      if (settings.nodeIpAddress() != null || gcs.resolvesToLoopback()) {
        command.add("--node-ip-address=" + address(gcs.host()));
      }
    }
    command.addAll(settings.nodeOptions());
    command.addAll(List.of("--disable-usage-stats", "--log-style=record"));
    ProcessBuilder builder = new ProcessBuilder(command);
    // Ray starts some processes with 'python -m', which searches the working directory for
    // packages.
    builder.directory(log.toAbsolutePath().resolveSibling(".").normalize().toFile());
    Children.keepOurs(builder.environment());
    builder.environment().put(MARK, mark.substring(MARK.length() + 1));
    builder.environment().remove("RAY_ADDRESS");
    if (kind == Kind.HEAD) {
      credentials.giveHead(builder.environment());
      if (store != null) {
        builder.environment().putAll(store.environment());
      }
    } else {
      credentials.give(builder.environment());
    }
    // Ray starts the replicas' JVMs by the name 'java'. The daemon's own JVM is the fallback.
    builder
        .environment()
        .merge(
            "PATH",
            Path.of(System.getProperty("java.home"), "bin").toString(),
            (path, java) -> path + ":" + java);
    if (kind == Kind.HEAD && gcs.host().equals("127.0.0.1")) {
      // Ray replaces 127.0.0.1 by the machine's external address, unless this variable says that it
      // must not form a cluster of several machines. Then all its ports are on the loopback.
      builder.environment().put("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0");
    }
    builder.redirectInput(ProcessBuilder.Redirect.from(Path.of("/dev/null").toFile()));
    builder.redirectError(log.toFile());
    Process keeper = builder.start();
    start =
        CompletableFuture.supplyAsync(
            () -> exitCode(keeper), work -> DaemonThread.start("ray-start", work));
    startDeadline = clock.instant().plus(START_DEADLINE);
  }

  private String address(String otherwise) {
    return settings.nodeIpAddress() == null ? otherwise : settings.nodeIpAddress();
  }

  /** Lets the next start begin without delay. Called when everything is served. */
  public void onServing() {
    notBefore = Instant.MIN;
  }

  /**
   * Returns why the last start failed, with the last line of its output; empty if it did not fail.
   */
  public Optional<String> failure() {
    if (start == null || !start.isDone() || start.join() == 0) {
      return Optional.empty();
    }
    Optional<String> versions = versions();
    if (versions.isPresent()) {
      return versions;
    }
    try (Stream<String> lines = Files.lines(log)) {
      String last = lines.filter(line -> !line.isBlank()).reduce("", (a, b) -> b);
      return Optional.of(
          "the daemon's Ray node: 'ray start' failed with exit code %d: %s (see %s)"
              .formatted(start.join(), last.strip(), log));
    } catch (IOException e) {
      return Optional.of("'ray start' failed with exit code " + start.join());
    }
  }

  /** Returns the versions of both sides if Ray refused to join because they differ. */
  private Optional<String> versions() {
    try {
      Matcher told = VERSIONS.matcher(Files.readString(log, StandardCharsets.ISO_8859_1));
      return told.find()
          ? Optional.of(
              ("the daemon's Ray node: the cluster runs Ray %s on Python %s, but this machine has"
                      + " Ray %s on Python %s, and Ray requires the same patch releases: install"
                      + " the cluster's here, and name its 'ray' command with --ray")
                  .formatted(told.group(1), told.group(2), told.group(3), told.group(4)))
          : Optional.empty();
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  /**
   * Deletes the address file that Ray wrote for our head. Ray's tools would connect to it even
   * after the head has ended.
   */
  private void deleteAddressFile() {
    Path addressFile = RayNodes.note();
    try {
      if (kind == Kind.HEAD && RayNodes.read(addressFile).filter(gcs::equals).isPresent()) {
        Files.delete(addressFile);
      }
    } catch (IOException e) {
      LOG.debug("{} cannot be removed", addressFile, e);
    }
  }

  /**
   * Ends all processes of our node and no others. Kills those that do not react to SIGTERM in time.
   */
  public void end(Duration patience) {
    if (kind == Kind.NONE) {
      return;
    }
    List<ProcessHandle> ours = processes();
    ours.forEach(ProcessHandle::destroy);
    Instant deadline = clock.instant().plus(patience);
    for (ProcessHandle process : ours) {
      await(process, deadline);
    }
    // A raylet starts workers until its own end, so look for new processes. The keeper ends last,
    // by itself, when it has reaped the others.
    List<ProcessHandle> left = processes();
    left.stream().filter(process -> !isKeeper(process)).forEach(ProcessHandle::destroyForcibly);
    left.forEach(process -> await(process, clock.instant().plusSeconds(2)));
    processes().forEach(ProcessHandle::destroyForcibly);
    raylet = null;
    session = null;
    deleteAddressFile();
  }

  private void await(ProcessHandle process, Instant deadline) {
    long left = Math.max(0, Duration.between(clock.instant(), deadline).toMillis());
    try {
      process.onExit().get(left, TimeUnit.MILLISECONDS);
    } catch (ExecutionException | TimeoutException e) {
      LOG.debug("process {} is still alive", process.pid());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private List<ProcessHandle> processes() {
    return MarkedProcesses.processes(mark);
  }

  private static boolean isKeeper(ProcessHandle process) {
    return MarkedProcesses.read(process, "cmdline").contains("PR_SET_CHILD_SUBREAPER");
  }

  private static int exitCode(Process keeper) {
    try (BufferedReader said = keeper.inputReader(StandardCharsets.UTF_8)) {
      String code = said.readLine();
      return code == null ? keeper.waitFor() : Integer.parseInt(code);
    } catch (IOException | NumberFormatException e) {
      return 1;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return 1;
    }
  }

  private static String script(String name) {
    try (InputStream stream = OwnNode.class.getResourceAsStream(name)) {
      return new String(stream.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
