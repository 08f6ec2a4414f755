package ai.seedcore.serve.daemon.act;

import ai.seedcore.serve.base.Outcome;
import ai.seedcore.serve.daemon.config.Settings;
import ai.seedcore.serve.daemon.decide.Action;
import ai.seedcore.serve.daemon.decide.DesiredApplication;
import ai.seedcore.serve.daemon.decide.DesiredJava;
import ai.seedcore.serve.daemon.decide.DesiredPython;
import ai.seedcore.serve.daemon.decide.State;
import ai.seedcore.serve.daemon.decide.WorkView;
import ai.seedcore.serve.daemon.host.Backoff;
import ai.seedcore.serve.daemon.node.OwnNode;
import ai.seedcore.serve.daemon.pack.Packages;
import ai.seedcore.serve.daemon.pack.Uploads;
import ai.seedcore.serve.daemon.report.Status;
import ai.seedcore.serve.daemon.rollout.Versions;
import ai.seedcore.serve.gcs.Gcs;
import ai.seedcore.serve.gcs.GcsFailure;
import ai.seedcore.serve.protocol.Application;
import ai.seedcore.serve.protocol.Reply;
import ai.seedcore.serve.protocol.Request;
import io.github.resilience4j.ratelimiter.RateLimiter;
import io.github.resilience4j.ratelimiter.RateLimiterConfig;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.function.LongFunction;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Carries out actions. It only begins what takes long and collects the result in a later lap, see
 * {@link #collect}, so the control loop never blocks. Used by the control thread only.
 */
public final class Actuator {

  private static final Logger LOG = LoggerFactory.getLogger(Actuator.class);

  private static final Duration CONNECT = Duration.ofSeconds(20);
  private static final Duration START_SERVE = Duration.ofSeconds(60);

  /** Its replicas may finish their requests first. */
  private static final Duration REPLACE_SERVE = Duration.ofSeconds(150);

  private static final Duration SUBMIT = Duration.ofSeconds(20);

  /**
   * The maximum number of redeploys of one application in ten minutes. The first submission of a
   * session does not count.
   */
  private static final int REDEPLOYS = 6;

  private final Settings settings;
  private final Gcs gcs;
  private Packages packages;
  private final Uploads uploads;
  private final Driver driver;
  private final OwnNode node;
  private final Clock clock;
  private final Runnable wake;

  private final Backoff nodeBackoff =
      new Backoff("node", Duration.ofSeconds(2), Duration.ofSeconds(30));
  private final Backoff workBackoff =
      new Backoff("work", Duration.ofMillis(500), Duration.ofSeconds(15));
  private final Map<String, Backoff> deployBackoffs = new HashMap<>();
  private final Map<String, RateLimiter> redeployLimits = new HashMap<>();

  private Instant workNotBefore = Instant.MIN;
  private boolean nodeStarting;
  private @Nullable Recording recording;
  private int redeploys;
  private final Map<String, Status.Outcomes> outcomes = new HashMap<>();

  /** Versions that are being recorded in a session. */
  private record Recording(Versions versions, String session, CompletableFuture<Outcome> outcome) {}

  /**
   * Creates an actuator.
   *
   * @param wake called when there is news
   */
  public Actuator(
      Settings settings,
      Gcs gcs,
      Packages packages,
      Uploads uploads,
      Driver driver,
      OwnNode node,
      Clock clock,
      Runnable wake) {
    this.wake = wake;
    this.settings = settings;
    this.gcs = gcs;
    this.packages = packages;
    this.uploads = uploads;
    this.driver = driver;
    this.node = node;
    this.clock = clock;
  }

  /** Replaces the packages to serve. */
  public void declare(Packages changed) {
    packages = changed;
    deployBackoffs.clear();
  }

  /** Returns how many submissions there were since this daemon started. */
  public int redeploys() {
    return redeploys;
  }

  /** Returns the outcomes of all submissions of an application. */
  public Status.Outcomes outcomes(String name) {
    return outcomes.getOrDefault(name, Status.Outcomes.NONE);
  }

  private void count(String name, int accepted, int rejected, int failed) {
    outcomes.merge(name, new Status.Outcomes(accepted, rejected, failed), Status.Outcomes::plus);
  }

  /** Returns the progress of the current upload; null if there is none. */
  public Uploads.@Nullable Progress progress() {
    return uploads.progress();
  }

  /** Returns which work may begin now. */
  public WorkView view() {
    Set<String> limited = new HashSet<>();
    redeployLimits.forEach(
        (name, limit) -> {
          if (limit.getMetrics().getAvailablePermissions() < 1) {
            limited.add(name);
          }
        });
    return new WorkView(
        workNotBefore, limited, uploads.running(), uploads.due(), recording != null);
  }

  /** Collects what has finished since the last lap and returns the resulting state. */
  public State collect(State state) {
    collectNode();
    State recorded = collectRecording(state);
    State next = uploads.collect().map(done -> collect(recorded, done)).orElse(recorded);
    return driver.collect().map(finished -> collect(next, finished)).orElse(next);
  }

  private State collect(State state, Uploads.Finished upload) {
    if (upload.outcome() instanceof Outcome.Failed failed) {
      workNotBefore = clock.instant().plus(workBackoff.failed(new IOException(failed.reason())));
      LOG.atWarn().addKeyValue("reason", cut(failed.reason())).log("upload failed");
      return state;
    }
    return isNow(state, upload.session()) && upload.packages().equals(packages)
        ? state.withUploaded(true)
        : state;
  }

  private State collectRecording(State state) {
    if (recording == null || !recording.outcome().isDone()) {
      return state;
    }
    Recording done = recording;
    recording = null;
    if (done.outcome().join() instanceof Outcome.Failed failed) {
      workNotBefore = clock.instant().plus(workBackoff.failed(new IOException(failed.reason())));
      LOG.atWarn().addKeyValue("reason", failed.reason()).log("the versions were not recorded");
      return state;
    }
    return isNow(state, done.session()) ? state.withVersions(done.versions()) : state;
  }

  private static boolean isNow(State state, String session) {
    return state.identity() != null && state.identity().session().equals(session);
  }

  private void collectNode() {
    node.killOverdueStart();
    if (nodeStarting && !node.view().starting()) {
      nodeStarting = false;
      if (node.failure().isEmpty()) {
        nodeBackoff.succeeded();
      }
    }
  }

  private State collect(State state, Driver.Finished finished) {
    if (finished.outcome() instanceof Outcome.Failed failed) {
      workNotBefore = clock.instant().plus(workBackoff.failed(new IOException(failed.reason())));
      LOG.atWarn()
          .addKeyValue("request", finished.action())
          .addKeyValue("error", cut(failed.reason()))
          .log("driver request failed");
      if (finished.action() instanceof Action.Deploy deploy) {
        count(deploy.name(), 0, 1, 0);
        return state.withRefusal(deploy.name(), cut(failed.reason()), workNotBefore);
      }
      return state;
    }
    if (finished.action() instanceof Action.Deploy deploy) {
      count(deploy.name(), 1, 0, 0);
    }
    if (!isNow(state, finished.session())) {
      return state; // The request belongs to an earlier session.
    }
    workBackoff.succeeded();
    workNotBefore = Instant.MIN;
    return finished.reply() instanceof Reply.Serve serve
        ? state.withEnsured(ensured(serve))
        : state;
  }

  private State.Ensured ensured(Reply.Serve serve) {
    String obstacle = obstacle(serve);
    boolean samePort = serve.port() == settings.servePort();
    boolean replaceable = !serve.hostsJava() && settings.adopts() && samePort;
    if (!serve.hostsJava() && settings.adopts() && !samePort) {
      obstacle +=
          " The daemon does not: that Serve has port %d, but serve_port is %d."
              .formatted(serve.port(), settings.servePort());
    }
    return new State.Ensured(serve.started(), serve.completed(), obstacle, replaceable);
  }

  /** Returns why a running Serve cannot be used, with the remedy; null if it can be used. */
  private static @Nullable String obstacle(Reply.Serve serve) {
    String remedy =
        " Run 'serve shutdown -y' (it deletes the applications of that Serve); the daemon then"
            + " starts a Serve that it can use.";
    if (!serve.hostsJava()) {
      return "Serve was started without Java support (its job has no code search path),"
          + " so its controller cannot create Java replicas."
          + remedy;
    }
    return serve.visible()
        ? null
        : "Serve was started from Java in a way that hides it from the dashboard, so its"
            + " applications are not visible."
            + remedy;
  }

  /** Carries out one action and returns the resulting state. */
  public State perform(Action action, State state) {
    Instant now = clock.instant();
    if (action instanceof Action.StartDriver) {
      driver.start();
    } else if (action instanceof Action.EndDriver) {
      driver.end();
    } else if (action instanceof Action.StartNode) {
      startNode(now);
    } else if (action instanceof Action.KillReplica kill) {
      endOrphan(kill);
      // Everything else continues meanwhile.
      return state.withDelay(kill.name(), now.plusSeconds(30));
    } else if (action instanceof Action.Upload) {
      upload(state);
    } else if (action instanceof Action.RecordVersions record) {
      record(record.versions(), state);
    } else if (!(action instanceof Action.Rest)) {
      return ask(action, state, now);
    }
    return state;
  }

  private void startNode(Instant now) {
    Duration wait = nodeBackoff.failed(new IOException("start"));
    try {
      LOG.atInfo().addKeyValue("address", settings.gcs()).log("starting the daemon's Ray node");
      node.start(now.plus(wait).plusSeconds(10));
      nodeStarting = true;
    } catch (IOException e) {
      LOG.atWarn().addKeyValue("error", e).log("the daemon's Ray node cannot be started");
    }
  }

  private void endOrphan(Action.KillReplica kill) {
    LOG.atWarn()
        .addKeyValue("replica", kill.name())
        .addKeyValue("actor", kill.actor())
        .log("killing a replica that Serve no longer lists");
    var unused =
        gcs.kill(kill.actor())
            .whenComplete(
                (done, error) -> {
                  if (error != null) {
                    LOG.atWarn()
                        .addKeyValue("reason", GcsFailure.reason(error))
                        .log("the replica could not be killed");
                  }
                });
  }

  private void upload(State state) {
    if (state.identity() != null) {
      List<Application> good =
          state.versions().apps().values().stream().map(Versions.Known::good).toList();
      uploads.begin(packages, packages.filesOf(good), state.identity().session());
    }
  }

  private void record(Versions versions, State state) {
    if (state.identity() == null || recording != null) {
      return;
    }
    logChanges(state.versions(), versions);
    recording =
        new Recording(
            versions,
            state.identity().session(),
            gcs.put(
                    Versions.NAMESPACE,
                    Versions.KEY,
                    versions.text().getBytes(StandardCharsets.UTF_8),
                    true)
                .<Outcome>thenApply(added -> Outcome.SUCCEEDED)
                .exceptionally(error -> new Outcome.Failed("GCS " + GcsFailure.reason(error)))
                .whenComplete((outcome, error) -> wake.run()));
  }

  private static void logChanges(Versions before, Versions after) {
    after
        .apps()
        .forEach(
            (name, known) -> {
              Versions.Known old = before.of(name);
              Versions.Trial trial = known.trial();
              if (old == null || Objects.equals(old.trial(), trial)) {
                return;
              }
              String serves = known.good().version();
              if (trial == null) {
                LOG.atInfo()
                    .addKeyValue("app", name)
                    .addKeyValue("version", serves)
                    .log(
                        serves.equals(old.good().version())
                            ? "the version that serves is the declared one again"
                            : "the new version takes over");
              } else if (trial.rejected() == null) {
                LOG.atInfo()
                    .addKeyValue("app", name)
                    .addKeyValue("version", trial.version())
                    .addKeyValue("serves", serves)
                    .log("trying a new version beside the one that serves");
              } else {
                LOG.atWarn()
                    .addKeyValue("app", name)
                    .addKeyValue("version", trial.version())
                    .addKeyValue("serves", serves)
                    .addKeyValue("reason", cut(trial.rejected()))
                    .log("the new version was rejected; the previous one serves on");
              }
            });
  }

  private State ask(Action action, State state, Instant now) {
    if (state.identity() == null) {
      return state;
    }
    String session = state.identity().session();
    if (action instanceof Action.Connect connect) {
      driver.ask(action, session, CONNECT, id -> connect(id, connect.nodeIp()));
    } else if (action instanceof Action.EnsureServe) {
      driver.ask(
          action,
          session,
          START_SERVE,
          id -> new Request.EnsureServe(id, settings.listenHost(), settings.servePort()));
    } else if (action instanceof Action.ReplaceServe replace) {
      LOG.atWarn()
          .addKeyValue("restored", replace.restored().keySet())
          .log("replacing a Serve without Java support");
      List<String> configs = List.copyOf(replace.restored().values());
      List<String> declared =
          packages.applications().stream().map(DesiredApplication::name).toList();
      driver.ask(
          action,
          session,
          REPLACE_SERVE,
          id ->
              new Request.ReplaceServe(
                  id, settings.listenHost(), settings.servePort(), declared, configs));
    } else if (action instanceof Action.Deploy deploy) {
      return deploy(deploy, session, state, now);
    } else if (action instanceof Action.Delete delete) {
      driver.ask(action, session, SUBMIT, id -> new Request.Delete(id, delete.name()));
      if (desired(delete.name()).isPresent()) {
        // Otherwise it is no longer declared, which is not a failure.
        count(delete.name(), 0, 0, 1);
      }
      return state
          .withUploaded(false) // Ray may have dropped its package in the meantime.
          .withDelay(delete.name(), now.plus(deployBackoff(delete.name())));
    }
    return state;
  }

  private Request connect(long id, String nodeIp) {
    return new Request.Connect(id, settings.gcs().toString(), nodeIp);
  }

  private State deploy(Action.Deploy deploy, String session, State state, Instant now) {
    if (state.wasSubmitted(deploy.name())) {
      // A permit is available: the decision took the limit into account.
      redeployLimit(deploy.name()).acquirePermission();
    }
    Application previous = deploy.previous();
    DesiredApplication desired =
        previous == null ? desired(deploy.name()).orElseThrow() : new DesiredJava(previous);
    boolean completed = state.ensured() == null || state.ensured().completed();
    String version = desired.version();
    if (desired instanceof DesiredJava java) {
      Application application = completed ? java.application() : java.frozen();
      version = application.version();
      driver.ask(deploy, session, SUBMIT, id -> new Request.Deploy(id, application, completed));
    } else if (desired instanceof DesiredPython python) {
      String config = python.config().toString();
      driver.ask(deploy, session, SUBMIT, id -> new Request.DeployConfig(id, config));
    }
    redeploys++;
    LOG.atInfo().addKeyValue("app", deploy.name()).addKeyValue("version", version).log("deploy");
    return state.withDeploy(deploy.name(), now, now.plus(deployBackoff(deploy.name())));
  }

  private Optional<DesiredApplication> desired(String name) {
    return packages.applications().stream()
        .filter(desired -> desired.name().equals(name))
        .findFirst();
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

  /** Resets the backoffs of deployments, driver and node. Called when everything is served. */
  public void onServing() {
    deployBackoffs.values().forEach(Backoff::succeeded);
    driver.onServing();
    node.onServing();
    nodeBackoff.succeeded();
  }

  /**
   * Deletes the declared applications, if a driver is available.
   *
   * @param nodeIp the address of this machine's Ray node
   * @param patience how long that may take
   * @return whether all were deleted
   */
  public Outcome shutdownApps(String nodeIp, Duration patience) {
    List<LongFunction<Request>> last = new ArrayList<>();
    last.add(id -> connect(id, nodeIp));
    packages
        .applications()
        .forEach(desired -> last.add(id -> new Request.Delete(id, desired.name())));
    return driver.doLast(last, patience);
  }

  /** Ends the driver. */
  public void endDriver() {
    driver.close();
  }

  /** Ends the daemon's own node. */
  public void endNode(Duration patience) {
    node.end(patience);
  }

  private static String cut(String text) {
    return text.length() <= 400 ? text : text.substring(0, 400) + "...";
  }
}
