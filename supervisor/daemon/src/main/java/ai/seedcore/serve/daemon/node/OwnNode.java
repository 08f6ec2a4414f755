package ai.seedcore.serve.daemon.node;

import ai.seedcore.serve.base.HostPort;
import ai.seedcore.serve.daemon.config.RayNodes;
import ai.seedcore.serve.daemon.config.Settings;
import ai.seedcore.serve.daemon.decide.NodeView;
import ai.seedcore.serve.daemon.decide.NodeView.Kind;
import ai.seedcore.serve.daemon.driver.MarkedProcesses;
import ai.seedcore.serve.daemon.host.Children;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.net.UnknownHostException;
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
 * The Ray node that we run ourselves, if we are to: a head on the loopback, or a node without CPUs
 * that gives the driver a raylet in a container of its own.
 *
 * <p>{@code ray start} leaves a dozen processes behind that are nobody's children. A small keeper
 * (keeper.py) stays as their parent, so that none becomes a zombie, and a mark in their environment
 * lets us find them, see {@link MarkedProcesses}. {@code ray stop} would end every Ray of the
 * machine.
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

  /** How long 'ray start' may take; 4 s here, more on a machine that has other work. */
  private static final Duration START = Duration.ofSeconds(60);

  private final Kind kind;
  private final HostPort gcs;
  private final Settings settings;
  private final RayInstall ray;
  private final String mark;
  private final Path log;
  private final Clock clock;
  private final boolean besideHead;
  private @Nullable CompletableFuture<Integer> start;
  private Instant notBefore = Instant.MIN;
  private Instant startDeadline = Instant.MAX;
  private @Nullable ProcessHandle raylet;
  private @Nullable ProcessHandle gcsServer;
  private @Nullable String session;

  /**
   * Our node, whether or not it runs already.
   *
   * @param log where {@code ray start} writes what it says
   */
  public OwnNode(Settings settings, RayInstall ray, Path log, Clock clock) {
    this.clock = clock;
    this.kind = settings.local() ? Kind.HEAD : settings.join() ? Kind.WORKER : Kind.NONE;
    this.gcs = settings.gcs();
    this.besideHead = HostPort.isThisMachine(gcs.host());
    this.settings = settings;
    this.ray = ray;
    this.mark = MARK + "=" + kind + ":" + gcs;
    this.log = log;
  }

  /** What can be seen of it now. */
  public NodeView view() {
    if (kind == Kind.NONE) {
      return new NodeView(kind, null, false, notBefore, "", false);
    }
    boolean starting = isStarting();
    if (!complete()) {
      raylet = null;
      gcsServer = null;
      session = null;
      processes().forEach(this::recognize);
    }
    if (!complete()) {
      session = null; // What is left of it is ended before the next start.
    }
    return new NodeView(kind, session, starting, notBefore, failure().orElse(""), besideHead);
  }

  private boolean isStarting() {
    return start != null && !start.isDone();
  }

  /** Kills a {@code ray start} that takes too long. */
  public void killOverdueStart() {
    if (isStarting() && clock.instant().isAfter(startDeadline)) {
      LOG.atWarn().addKeyValue("limit", START).log("'ray start' timed out and was killed");
      processes().forEach(ProcessHandle::destroyForcibly);
    }
  }

  /** Whether all lives that a node cannot be without; what else dies Ray brings back itself. */
  private boolean complete() {
    return lives(raylet) && (kind == Kind.WORKER || lives(gcsServer));
  }

  /** A zombie, which nobody has reaped yet, counts as alive for Java; it has no command line. */
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

  /** Ends what is left of a head of ours that died, so that it is not in its own way. */
  public void endLeftovers() {
    if (kind == Kind.HEAD && view().session() == null) {
      end(Duration.ofSeconds(2));
    }
  }

  /**
   * Why our head cannot be started: its port is in use by another program.
   *
   * @return empty where nothing is in the way
   */
  public Optional<String> obstacle() {
    if (kind != Kind.HEAD || view().session() != null) {
      return Optional.empty();
    }
    for (HostPort port : List.of(gcs, new HostPort(gcs.host(), dashboardPort()), servePort())) {
      try (Socket socket = new Socket()) {
        socket.connect(new InetSocketAddress(port.host(), port.port()), 500);
        return Optional.of(
            "%s is taken by another program; choose others with --address, --dashboard and"
                    .formatted(port)
                + " --serve-port, or, if it is a Ray cluster that is to be served, leave --local"
                + " out");
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
   * Begins to start it; what is left of an earlier one is ended first.
   *
   * @param next no further start before this time
   */
  public void start(Instant next) throws IOException {
    notBefore = next;
    end(Duration.ZERO); // It is of no use to anybody any more.
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
      if (settings.nodeIpAddress() != null || isLoopback(gcs.host())) {
        command.add("--node-ip-address=" + address(gcs.host()));
      }
    }
    command.addAll(settings.nodeOptions());
    command.addAll(List.of("--disable-usage-stats", "--log-style=record"));
    ProcessBuilder builder = new ProcessBuilder(command);
    // Some of Ray's processes are started by 'python -m', which looks for packages where it runs.
    builder.directory(log.toAbsolutePath().resolveSibling(".").normalize().toFile());
    Children.keepOurs(builder.environment());
    builder.environment().put(MARK, mark.substring(MARK.length() + 1));
    builder.environment().remove("RAY_ADDRESS");
    // Ray starts the replicas' JVMs by the name 'java': ours will do.
    builder
        .environment()
        .merge(
            "PATH",
            Path.of(System.getProperty("java.home"), "bin").toString(),
            (path, java) -> path + ":" + java);
    if (kind == Kind.HEAD && gcs.host().equals("127.0.0.1")) {
      // Ray replaces 127.0.0.1 by the machine's outside address unless it is told, by this name,
      // that it is not to form a cluster of machines; then all its ports are the loopback's.
      builder.environment().put("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0");
    }
    builder.redirectInput(ProcessBuilder.Redirect.from(Path.of("/dev/null").toFile()));
    builder.redirectError(log.toFile());
    Process keeper = builder.start();
    start = CompletableFuture.supplyAsync(() -> exitCode(keeper), work -> daemonThread(work));
    startDeadline = clock.instant().plus(START);
  }

  private String address(String otherwise) {
    return settings.nodeIpAddress() == null ? otherwise : settings.nodeIpAddress();
  }

  /** All is served: the next start need not wait. */
  public void onServing() {
    notBefore = Instant.MIN;
  }

  private static boolean isLoopback(String host) {
    try {
      return InetAddress.getByName(host).isLoopbackAddress();
    } catch (UnknownHostException e) {
      return false;
    }
  }

  /** The last thing that a failed start said; empty where it did not fail. */
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
          "our Ray node: 'ray start' failed with exit code %d: %s (more in %s)"
              .formatted(start.join(), last.strip(), log));
    } catch (IOException e) {
      return Optional.of("'ray start' failed with exit code " + start.join());
    }
  }

  /** Where Ray refuses to join as the versions differ, both of them. */
  private Optional<String> versions() {
    try {
      Matcher told = VERSIONS.matcher(Files.readString(log, StandardCharsets.ISO_8859_1));
      return told.find()
          ? Optional.of(
              ("our Ray node: the cluster runs Ray %s on Python %s, this machine has Ray %s on Python %s,"
                      + " and Ray joins only what is the same to the patch release: install the"
                      + " cluster's here, and name its 'ray' with --ray")
                  .formatted(told.group(1), told.group(2), told.group(3), told.group(4)))
          : Optional.empty();
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  /** Takes back Ray's note of our head, which would lead others to it for as long as it stands. */
  private void removeNote() {
    Path note = RayNodes.note();
    try {
      if (kind == Kind.HEAD && RayNodes.read(note).filter(gcs::equals).isPresent()) {
        Files.delete(note);
      }
    } catch (IOException e) {
      LOG.debug("{} cannot be removed", note, e);
    }
  }

  /**
   * Ends all processes of our node and nothing else; those that do not heed TERM in time are
   * killed.
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
    // A raylet starts workers until its own end: what came meanwhile goes, too. The keeper goes
    // last, and by itself, once it has reaped the others.
    List<ProcessHandle> left = processes();
    left.stream().filter(process -> !isKeeper(process)).forEach(ProcessHandle::destroyForcibly);
    left.forEach(process -> await(process, clock.instant().plusSeconds(2)));
    processes().forEach(ProcessHandle::destroyForcibly);
    raylet = null;
    session = null;
    removeNote();
  }

  private void await(ProcessHandle process, Instant deadline) {
    long left = Math.max(0, Duration.between(clock.instant(), deadline).toMillis());
    try {
      process.onExit().get(left, TimeUnit.MILLISECONDS);
    } catch (ExecutionException | TimeoutException e) {
      LOG.debug("pid {} lives on", process.pid());
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

  private static void daemonThread(Runnable work) {
    Thread thread = new Thread(work, "ray-start");
    thread.setDaemon(true);
    thread.start();
  }

  private static String script(String name) {
    try (InputStream stream = OwnNode.class.getResourceAsStream(name)) {
      return new String(stream.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
