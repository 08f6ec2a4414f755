package ai.seedcore.serve.daemon.act;

import ai.seedcore.serve.daemon.config.Settings;
import ai.seedcore.serve.daemon.decide.Action;
import ai.seedcore.serve.daemon.decide.DriverView;
import ai.seedcore.serve.daemon.decide.State;
import ai.seedcore.serve.daemon.decide.Target;
import ai.seedcore.serve.daemon.driver.ChildExit;
import ai.seedcore.serve.daemon.driver.DriverProcess;
import ai.seedcore.serve.daemon.node.OwnNode;
import ai.seedcore.serve.daemon.node.RayInstall;
import ai.seedcore.serve.daemon.observe.Dashboard;
import ai.seedcore.serve.daemon.observe.Http;
import ai.seedcore.serve.daemon.observe.Observation;
import ai.seedcore.serve.daemon.observe.Serve;
import ai.seedcore.serve.protocol.Reply;
import ai.seedcore.serve.protocol.Request;
import io.github.resilience4j.ratelimiter.RateLimiter;
import io.github.resilience4j.ratelimiter.RateLimiterConfig;
import io.github.resilience4j.timelimiter.TimeLimiter;
import java.io.IOException;
import java.net.http.HttpRequest;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.LongFunction;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Carries out actions. What takes long is only begun here and finishes in a later lap of the loop,
 * see {@link #collect}; so the loop never stands still. Used by the control thread alone.
 */
final class Actuator {

  private static final Logger LOG = LoggerFactory.getLogger(Actuator.class);

  private static final Duration WARM_UP = Duration.ofSeconds(30);
  private static final Duration CONNECT = Duration.ofSeconds(30);
  private static final Duration START_SERVE = Duration.ofSeconds(60);
  private static final Duration SUBMIT = Duration.ofSeconds(20);

  /** Redeploys of one application in ten minutes, not counting the first of a cluster's life. */
  private static final int REDEPLOYS = 6;

  /** How often packages are renewed; the cluster keeps one for ten minutes if nobody uses it. */
  private static final Duration RENEW = Duration.ofMinutes(4);

  private final Settings settings;
  private final RayInstall ray;
  private final Packages packages;
  private final Dashboard dashboard;
  private final OwnNode node;
  private final Clock clock;
  private final Runnable wake;
  private final Path driverJar;
  private final Path nativeFolder;

  private final ScheduledExecutorService deadlines =
      Executors.newSingleThreadScheduledExecutor(
          task -> {
            Thread thread = new Thread(task, "deadlines");
            thread.setDaemon(true);
            return thread;
          });
  private final Backoff driverBackoff =
      new Backoff("driver", Duration.ofSeconds(1), Duration.ofSeconds(30));
  private final Backoff nodeBackoff =
      new Backoff("node", Duration.ofSeconds(2), Duration.ofSeconds(30));
  private final Backoff workBackoff =
      new Backoff("work", Duration.ofMillis(500), Duration.ofSeconds(15));
  private final Map<String, Backoff> deployBackoffs = new HashMap<>();
  private final Map<String, RateLimiter> redeployLimits = new HashMap<>();
  private final Deque<ChildExit> exits = new ArrayDeque<>();

  private final List<DriverProcess> leaving = new ArrayList<>();

  private @Nullable DriverProcess driver;
  private @Nullable String driverSession;
  private @Nullable Instant driverStarted;
  private Instant driverNotBefore = Instant.MIN;
  private @Nullable Task task;
  private Instant workNotBefore = Instant.MIN;
  private Instant renewed = Instant.MIN;
  private boolean nodeStarting;
  private long requests;
  private int redeploys;

  /** A request that the driver works on. */
  private record Task(Action action, String session, CompletableFuture<Reply> reply) {}

  Actuator(
      Settings settings,
      RayInstall ray,
      Packages packages,
      Dashboard dashboard,
      OwnNode node,
      Cache cache,
      Clock clock,
      Runnable wake)
      throws IOException {
    this.settings = settings;
    this.ray = ray;
    this.packages = packages;
    this.dashboard = dashboard;
    this.node = node;
    this.clock = clock;
    this.wake = wake;
    this.driverJar = cache.packed("driver.jar");
    this.nativeFolder = cache.folder("native-" + Cache.hash(ray.jar().toString(), ray.version()));
  }

  /** The driver as decisions see it. */
  DriverView driverView() {
    DriverProcess process = driver;
    DriverView.Phase phase =
        process == null
            ? DriverView.Phase.ABSENT
            : !process.warm().isDone()
                ? DriverView.Phase.STARTING
                : driverSession == null ? DriverView.Phase.WARM : DriverView.Phase.CONNECTED;
    return new DriverView(
        phase,
        driverSession,
        task == null ? null : task.action().toString(),
        ray.version(),
        driverNotBefore);
  }

  /** The driver's process id; 0 where there is none. */
  long driverPid() {
    return driver == null ? 0 : driver.pid();
  }

  /** The last ends of child processes, the newest last. */
  List<ChildExit> exits() {
    return List.copyOf(exits);
  }

  /** Applications that were submitted in this daemon's life. */
  int redeploys() {
    return redeploys;
  }

  /** Until when work is put off, after failures. */
  Instant workNotBefore() {
    return workNotBefore;
  }

  /** Takes in what has finished or ended since the last lap. */
  State collect(State state, @Nullable Observation seen) {
    collectNode();
    collectExits();
    State next = state;
    Task finished = task;
    if (finished != null && finished.reply().isDone()) {
      task = null;
      next = collectTask(next, finished, seen);
    }
    DriverProcess process = driver;
    if (process != null) {
      if (!process.alive()) {
        driverGone(process, "died");
      } else if (!process.warm().isDone()
          && driverStarted != null
          && clock.instant().isAfter(driverStarted.plus(WARM_UP))) {
        LOG.atWarn().addKeyValue("pid", process.pid()).log("driver does not get warm; killed");
        process.kill();
        driverGone(process, "hung while it started");
      }
    }
    return next;
  }

  private void collectNode() {
    if (nodeStarting && !node.view().starting()) {
      nodeStarting = false;
      if (node.failure().isEmpty()) {
        nodeBackoff.succeeded();
      }
    }
  }

  private State collectTask(State state, Task finished, @Nullable Observation seen) {
    Reply reply;
    try {
      reply = finished.reply().join();
    } catch (RuntimeException e) {
      Throwable cause = e.getCause() == null ? e : e.getCause();
      if (cause instanceof TimeoutException && driver != null) {
        LOG.atWarn()
            .addKeyValue("pid", driver.pid())
            .addKeyValue("request", finished.action())
            .log("driver does not answer; killed");
        driver.kill();
        driverGone(driver, "hung in " + finished.action());
      }
      return failed(state, finished, cause);
    }
    if (reply instanceof Reply.Failed failure) {
      LOG.atWarn()
          .addKeyValue("request", finished.action())
          .addKeyValue("error", cut(failure.error()))
          .log("driver");
      return failed(state, finished, new IOException(failure.error()));
    }
    boolean current =
        state.identity() != null && state.identity().session().equals(finished.session());
    if (!current) {
      return state; // It was asked in an earlier life of the cluster.
    }
    driverBackoff.succeeded();
    workBackoff.succeeded();
    workNotBefore = Instant.MIN;
    if (reply instanceof Reply.Serve serve) {
      String controller =
          seen != null && seen.serve() instanceof Serve.Running running
              ? running.controller()
              : null;
      return state.withServe(clock.instant(), trouble(serve), controller);
    }
    if (finished.action() instanceof Action.Connect connect) {
      driverSession = connect.session();
    }
    return state;
  }

  private State failed(State state, Task finished, Throwable cause) {
    Duration wait = workBackoff.failed(cause);
    workNotBefore = clock.instant().plus(wait);
    if (finished.action() instanceof Action.Connect && driver != null) {
      // Ray's runtime does not survive a failed start.
      driver.kill();
      driverGone(driver, "could not connect");
    }
    return finished.action() instanceof Action.Deploy deploy
        ? state.withDelay(deploy.name(), workNotBefore)
        : state;
  }

  /** Why a Serve that runs is of no use, with the remedy; empty where it is. */
  private static String trouble(Reply.Serve serve) {
    String remedy =
        " Remedy: 'serve shutdown -y' (it takes down the applications of that Serve), then this"
            + " daemon starts one that can.";
    if (!serve.hostsJava()) {
      return "Serve was started by someone without Java support (its job has no code search path),"
          + " so its controller cannot create Java replicas."
          + remedy;
    }
    return serve.visible()
        ? ""
        : "Serve was started from Java in a way that hides it from the dashboard, so that nobody can"
            + " see its applications."
            + remedy;
  }

  private void driverGone(DriverProcess process, String how) {
    driver = null;
    driverSession = null;
    driverNotBefore = clock.instant().plus(driverBackoff.failed(new IOException(how)));
    leaving.add(process);
    LOG.atWarn().addKeyValue("pid", process.pid()).addKeyValue("how", how).log("driver gone");
  }

  /** Takes note of the drivers that have ended since the last lap. */
  private void collectExits() {
    for (Iterator<DriverProcess> each = leaving.iterator(); each.hasNext(); ) {
      DriverProcess process = each.next();
      if (process.exit().isDone()) {
        each.remove();
        exits.addLast(
            new ChildExit(
                "driver",
                process.pid(),
                clock.instant(),
                process.exit().join(),
                cut(process.lastWords())));
        while (exits.size() > 10) {
          exits.removeFirst();
        }
      }
    }
  }

  /** Does one thing; returns the state after it. */
  State perform(Action action, State state) {
    Instant now = clock.instant();
    if (action instanceof Action.StartDriver) {
      startDriver(now);
    } else if (action instanceof Action.EndDriver) {
      endDriver();
    } else if (action instanceof Action.StartNode) {
      startNode(now);
    } else if (action instanceof Action.Upload) {
      return now.isBefore(workNotBefore) ? state : upload(state, now);
    } else if (!(action instanceof Action.Rest) && !now.isBefore(workNotBefore)) {
      return ask(action, state, now);
    }
    return state;
  }

  private void startDriver(Instant now) {
    try {
      driver = new DriverProcess(ray.jar(), driverJar, nativeFolder, wake);
      driverStarted = now;
      LOG.atDebug().addKeyValue("pid", driver.pid()).log("driver started");
    } catch (IOException e) {
      driverNotBefore = now.plus(driverBackoff.failed(e));
      LOG.atWarn().addKeyValue("error", e).log("driver cannot be started");
    }
  }

  private void endDriver() {
    DriverProcess process = driver;
    if (process == null) {
      return;
    }
    if (task == null) {
      process.end();
    } else {
      process.kill();
      task = null;
    }
    leaving.add(process);
    driver = null;
    driverSession = null;
  }

  private void startNode(Instant now) {
    Duration wait = nodeBackoff.failed(new IOException("start"));
    try {
      LOG.atInfo().addKeyValue("address", settings.gcs()).log("our Ray node starts");
      node.start(now.plus(wait).plusSeconds(10));
      nodeStarting = true;
    } catch (IOException e) {
      LOG.atWarn().addKeyValue("error", e).log("our Ray node cannot be started");
    }
  }

  private State upload(State state, Instant now) {
    for (Map.Entry<String, Path> file : packages.files().entrySet()) {
      String trouble;
      try {
        trouble =
            dashboard
                .ensurePackage(file.getKey(), HttpRequest.BodyPublishers.ofFile(file.getValue()))
                .join();
      } catch (IOException e) {
        trouble = e.toString();
      }
      if (!trouble.isEmpty()) {
        workNotBefore = now.plus(workBackoff.failed(new IOException(trouble)));
        LOG.atWarn()
            .addKeyValue("package", file.getKey())
            .addKeyValue("reason", trouble)
            .log("upload failed");
        return state;
      }
    }
    renewed = now;
    return state.withUploaded(true);
  }

  /** Keeps the packages on the cluster: a replica that starts a day from now needs its own, too. */
  State renew(State state) {
    Instant now = clock.instant();
    return !now.isBefore(workNotBefore)
            && (renewed.equals(Instant.MIN) || now.isAfter(renewed.plus(RENEW)))
        ? upload(state, now)
        : state;
  }

  private State ask(Action action, State state, Instant now) {
    DriverProcess process = driver;
    if (process == null || state.identity() == null) {
      return state;
    }
    if (action instanceof Action.Connect connect) {
      send(
          process,
          action,
          state,
          CONNECT,
          id -> new Request.Connect(id, settings.gcs().toString(), connect.nodeIp()));
    } else if (action instanceof Action.EnsureServe) {
      send(
          process,
          action,
          state,
          START_SERVE,
          id -> new Request.EnsureServe(id, settings.listenHost(), settings.servePort()));
    } else if (action instanceof Action.Deploy deploy) {
      return deploy(process, deploy, state, now);
    } else if (action instanceof Action.Delete delete) {
      send(process, action, state, SUBMIT, id -> new Request.Delete(id, delete.name()));
      return state.withDelay(delete.name(), now.plus(deployBackoff(delete.name())));
    }
    return state;
  }

  private State deploy(DriverProcess process, Action.Deploy deploy, State state, Instant now) {
    boolean first = !state.deploys().containsKey(deploy.name());
    if (!first && !redeployLimit(deploy.name()).acquirePermission()) {
      LOG.atWarn()
          .addKeyValue("app", deploy.name())
          .log("submitted {} times in ten minutes: put off by 30 s", REDEPLOYS);
      return state.withDelay(deploy.name(), now.plusSeconds(30));
    }
    Target target =
        packages.targets().stream()
            .filter(candidate -> candidate.name().equals(deploy.name()))
            .findFirst()
            .orElseThrow();
    send(process, deploy, state, SUBMIT, id -> new Request.Deploy(id, target.application()));
    redeploys++;
    LOG.atInfo()
        .addKeyValue("app", deploy.name())
        .addKeyValue("version", target.application().version())
        .log("deploy");
    return state.withDeploy(deploy.name(), now, now.plus(deployBackoff(deploy.name())));
  }

  private Duration deployBackoff(String name) {
    return deployBackoffs
        .computeIfAbsent(name, n -> new Backoff(n, Duration.ofSeconds(2), Duration.ofMinutes(5)))
        .failed(new IOException("not serving yet"));
  }

  private RateLimiter redeployLimit(String name) {
    return redeployLimits.computeIfAbsent(
        name,
        n ->
            RateLimiter.of(
                n,
                RateLimiterConfig.custom()
                    .limitForPeriod(REDEPLOYS)
                    .limitRefreshPeriod(Duration.ofMinutes(10))
                    .timeoutDuration(Duration.ZERO)
                    .build()));
  }

  private void send(
      DriverProcess process,
      Action action,
      State state,
      Duration deadline,
      LongFunction<Request> request) {
    CompletableFuture<Reply> reply =
        TimeLimiter.of(deadline)
            .executeCompletionStage(deadlines, () -> process.send(request.apply(++requests)))
            .toCompletableFuture()
            .whenComplete((result, error) -> wake.run());
    String session = state.identity() == null ? "" : state.identity().session();
    task = new Task(action, session, reply);
  }

  /** All is served: failures of the past count no more. */
  void allWell() {
    deployBackoffs.values().forEach(Backoff::succeeded);
    driverBackoff.succeeded();
    nodeBackoff.succeeded();
  }

  /**
   * Takes the declared applications down, as far as a driver can be had for it.
   *
   * @return the reason why not; empty where it was done
   */
  String shutdownApps(String nodeIp, Duration patience) {
    try {
      endDriver();
      DriverProcess process = new DriverProcess(ray.jar(), driverJar, nativeFolder, () -> {});
      driver = process;
      long millis = patience.toMillis();
      process.warm().get(millis, TimeUnit.MILLISECONDS);
      await(
          process.send(new Request.Connect(++requests, settings.gcs().toString(), nodeIp)), millis);
      for (Target target : packages.targets()) {
        await(process.send(new Request.Delete(++requests, target.name())), millis);
      }
      return "";
    } catch (IOException | ExecutionException | TimeoutException | InterruptedException e) {
      return Http.reason(e);
    }
  }

  private static void await(CompletableFuture<Reply> reply, long millis)
      throws IOException, ExecutionException, TimeoutException, InterruptedException {
    if (reply.get(millis, TimeUnit.MILLISECONDS) instanceof Reply.Failed failed) {
      throw new IOException(failed.error());
    }
  }

  /** Ends the children. */
  void close(Duration patience) {
    DriverProcess process = driver;
    if (process != null) {
      process.kill(); // Nothing is lost with it; its job ends with it.
    }
    leaving.forEach(DriverProcess::kill);
    node.end(patience);
    deadlines.shutdownNow();
  }

  private static String cut(String text) {
    return text.length() <= 400 ? text : text.substring(0, 400) + "...";
  }
}
