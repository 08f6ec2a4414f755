package ai.seedcore.serve.daemon.act;

import ai.seedcore.serve.daemon.config.Settings;
import ai.seedcore.serve.daemon.decide.Action;
import ai.seedcore.serve.daemon.decide.State;
import ai.seedcore.serve.daemon.decide.Target;
import ai.seedcore.serve.daemon.decide.WorkView;
import ai.seedcore.serve.daemon.host.Backoff;
import ai.seedcore.serve.daemon.node.OwnNode;
import ai.seedcore.serve.daemon.pack.Packages;
import ai.seedcore.serve.daemon.pack.Uploads;
import ai.seedcore.serve.daemon.report.Status;
import ai.seedcore.serve.gcs.Gcs;
import ai.seedcore.serve.protocol.Application;
import ai.seedcore.serve.protocol.Reply;
import ai.seedcore.serve.protocol.Request;
import io.github.resilience4j.ratelimiter.RateLimiter;
import io.github.resilience4j.ratelimiter.RateLimiterConfig;
import java.io.IOException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
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

  private static final Duration CONNECT = Duration.ofSeconds(20);
  private static final Duration START_SERVE = Duration.ofSeconds(60);
  private static final Duration SUBMIT = Duration.ofSeconds(20);

  /** Redeploys of one application in ten minutes, not counting the first of a cluster's life. */
  private static final int REDEPLOYS = 6;

  private final Settings settings;
  private final Gcs gcs;
  private Packages packages;
  private final Uploads uploads;
  private final Driver driver;
  private final OwnNode node;
  private final Clock clock;

  private final Backoff nodeBackoff =
      new Backoff("node", Duration.ofSeconds(2), Duration.ofSeconds(30));
  private final Backoff workBackoff =
      new Backoff("work", Duration.ofMillis(500), Duration.ofSeconds(15));
  private final Map<String, Backoff> deployBackoffs = new HashMap<>();
  private final Map<String, RateLimiter> redeployLimits = new HashMap<>();

  private Instant workNotBefore = Instant.MIN;
  private boolean nodeStarting;
  private int redeploys;
  private final Map<String, Status.Outcomes> outcomes = new HashMap<>();

  Actuator(
      Settings settings,
      Gcs gcs,
      Packages packages,
      Uploads uploads,
      Driver driver,
      OwnNode node,
      Clock clock) {
    this.settings = settings;
    this.gcs = gcs;
    this.packages = packages;
    this.uploads = uploads;
    this.driver = driver;
    this.node = node;
    this.clock = clock;
  }

  /** Serves those from now on. */
  void declare(Packages changed) {
    packages = changed;
    deployBackoffs.clear();
  }

  /** Applications that were submitted in this daemon's life. */
  int redeploys() {
    return redeploys;
  }

  /** What came of all submissions of an application. */
  Status.Outcomes outcomes(String name) {
    return outcomes.getOrDefault(name, Status.Outcomes.NONE);
  }

  private void count(String name, int accepted, int rejected, int failed) {
    outcomes.merge(name, new Status.Outcomes(accepted, rejected, failed), Status.Outcomes::plus);
  }

  /** How far the upload is that runs; null: none does. */
  Uploads.@Nullable Progress progress() {
    return uploads.progress();
  }

  /** What may be begun now, as decisions see it. */
  WorkView view() {
    Set<String> limited = new HashSet<>();
    redeployLimits.forEach(
        (name, limit) -> {
          if (limit.getMetrics().getAvailablePermissions() < 1) {
            limited.add(name);
          }
        });
    return new WorkView(workNotBefore, limited, uploads.running(), uploads.due());
  }

  /** Takes in what has finished or ended since the last lap. */
  State collect(State state) {
    collectNode();
    State next = uploads.collect().map(done -> collect(state, done)).orElse(state);
    return driver.collect().map(finished -> collect(next, finished)).orElse(next);
  }

  private State collect(State state, Uploads.Finished upload) {
    if (!upload.trouble().isEmpty()) {
      workNotBefore = clock.instant().plus(workBackoff.failed(new IOException(upload.trouble())));
      LOG.atWarn().addKeyValue("reason", cut(upload.trouble())).log("upload failed");
      return state;
    }
    return isNow(state, upload.session()) && upload.packages().equals(packages)
        ? state.withUploaded(true)
        : state;
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
    if (!finished.error().isEmpty()) {
      workNotBefore = clock.instant().plus(workBackoff.failed(new IOException(finished.error())));
      LOG.atWarn()
          .addKeyValue("request", finished.action())
          .addKeyValue("error", cut(finished.error()))
          .log("driver");
      if (finished.action() instanceof Action.Deploy deploy) {
        count(deploy.name(), 0, 1, 0);
        return state.withDelay(deploy.name(), workNotBefore);
      }
      return state;
    }
    if (finished.action() instanceof Action.Deploy deploy) {
      count(deploy.name(), 1, 0, 0);
    }
    if (!isNow(state, finished.session())) {
      return state; // It was asked in an earlier life of the cluster.
    }
    workBackoff.succeeded();
    workNotBefore = Instant.MIN;
    return finished.reply() instanceof Reply.Serve serve
        ? state.withEnsured(new State.Ensured(serve.started(), serve.completed(), trouble(serve)))
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

  /** Does one thing; returns the state after it. */
  State perform(Action action, State state) {
    Instant now = clock.instant();
    if (action instanceof Action.StartDriver) {
      driver.start();
    } else if (action instanceof Action.EndDriver) {
      driver.end();
    } else if (action instanceof Action.StartNode) {
      startNode(now);
    } else if (action instanceof Action.KillReplica kill) {
      endOrphan(kill);
      return state.withDelay(kill.name(), now.plusSeconds(30)); // Meanwhile all else goes on.
    } else if (action instanceof Action.Upload) {
      upload(state);
    } else if (!(action instanceof Action.Rest)) {
      return ask(action, state, now);
    }
    return state;
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

  private void endOrphan(Action.KillReplica kill) {
    LOG.atWarn()
        .addKeyValue("replica", kill.name())
        .addKeyValue("actor", kill.actor())
        .log("a replica that Serve has forgotten is ended");
    var unused =
        gcs.kill(kill.actor())
            .whenComplete(
                (done, error) -> {
                  if (error != null) {
                    LOG.atWarn()
                        .addKeyValue("reason", Gcs.reason(error))
                        .log("it could not be ended");
                  }
                });
  }

  private void upload(State state) {
    if (state.identity() != null) {
      uploads.begin(packages, state.identity().session());
    }
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
    } else if (action instanceof Action.Deploy deploy) {
      return deploy(deploy, session, state, now);
    } else if (action instanceof Action.Delete delete) {
      driver.ask(action, session, SUBMIT, id -> new Request.Delete(id, delete.name()));
      if (target(delete.name()).isPresent()) {
        count(delete.name(), 0, 0, 1); // Else it is no longer declared, which is no failure.
      }
      return state
          .withUploaded(false) // It may be long since anybody used its package.
          .withDelay(delete.name(), now.plus(deployBackoff(delete.name())));
    }
    return state;
  }

  private Request connect(long id, String nodeIp) {
    return new Request.Connect(id, settings.gcs().toString(), nodeIp);
  }

  private State deploy(Action.Deploy deploy, String session, State state, Instant now) {
    if (state.wasSubmitted(deploy.name())) {
      redeployLimit(deploy.name()).acquirePermission(); // There is one: the decision knew of it.
    }
    Target target = target(deploy.name()).orElseThrow();
    boolean completed = state.ensured() == null || state.ensured().completed();
    Application application = completed ? target.application() : target.frozen();
    driver.ask(deploy, session, SUBMIT, id -> new Request.Deploy(id, application, completed));
    redeploys++;
    LOG.atInfo()
        .addKeyValue("app", deploy.name())
        .addKeyValue("version", application.version())
        .log("deploy");
    return state.withDeploy(deploy.name(), now, now.plus(deployBackoff(deploy.name())));
  }

  private Optional<Target> target(String name) {
    return packages.targets().stream().filter(target -> target.name().equals(name)).findFirst();
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

  /** All is served: failures of the past count no more. */
  void onServing() {
    deployBackoffs.values().forEach(Backoff::succeeded);
    driver.onServing();
    node.onServing();
    nodeBackoff.succeeded();
  }

  /**
   * Takes the declared applications down, as far as a driver can be had for it.
   *
   * @return the reason why not; empty where it was done
   */
  String shutdownApps(String nodeIp, Duration patience) {
    List<LongFunction<Request>> last = new ArrayList<>();
    last.add(id -> connect(id, nodeIp));
    packages.targets().forEach(target -> last.add(id -> new Request.Delete(id, target.name())));
    return driver.doLast(last, patience);
  }

  /** Ends the children. */
  void close(Duration patience) {
    driver.close();
    node.end(patience);
  }

  private static String cut(String text) {
    return text.length() <= 400 ? text : text.substring(0, 400) + "...";
  }
}
