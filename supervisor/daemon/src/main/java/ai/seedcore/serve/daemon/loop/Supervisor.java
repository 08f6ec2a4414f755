package ai.seedcore.serve.daemon.loop;

import ai.seedcore.serve.base.HostPort;
import ai.seedcore.serve.base.Outcome;
import ai.seedcore.serve.base.http.Http;
import ai.seedcore.serve.daemon.act.Actuator;
import ai.seedcore.serve.daemon.act.Driver;
import ai.seedcore.serve.daemon.config.DeclaredApplication;
import ai.seedcore.serve.daemon.config.Settings;
import ai.seedcore.serve.daemon.decide.Cause;
import ai.seedcore.serve.daemon.decide.Decision;
import ai.seedcore.serve.daemon.decide.DesiredApplication;
import ai.seedcore.serve.daemon.decide.NodeView;
import ai.seedcore.serve.daemon.decide.Phase;
import ai.seedcore.serve.daemon.decide.Reconciler;
import ai.seedcore.serve.daemon.decide.Role;
import ai.seedcore.serve.daemon.decide.Situation;
import ai.seedcore.serve.daemon.decide.State;
import ai.seedcore.serve.daemon.driver.DriverProcess;
import ai.seedcore.serve.daemon.host.BackgroundTask;
import ai.seedcore.serve.daemon.host.HostName;
import ai.seedcore.serve.daemon.host.MonotonicClock;
import ai.seedcore.serve.daemon.host.Version;
import ai.seedcore.serve.daemon.lead.Leadership;
import ai.seedcore.serve.daemon.lead.LeaseHolder;
import ai.seedcore.serve.daemon.node.OwnNode;
import ai.seedcore.serve.daemon.node.RayInstall;
import ai.seedcore.serve.daemon.observe.Dashboard;
import ai.seedcore.serve.daemon.observe.Head;
import ai.seedcore.serve.daemon.observe.Observation;
import ai.seedcore.serve.daemon.observe.Observer;
import ai.seedcore.serve.daemon.pack.Cache;
import ai.seedcore.serve.daemon.pack.PackageStore;
import ai.seedcore.serve.daemon.pack.Packages;
import ai.seedcore.serve.daemon.pack.Uploads;
import ai.seedcore.serve.daemon.report.HistoryFile;
import ai.seedcore.serve.daemon.report.Reporter;
import ai.seedcore.serve.daemon.report.Status;
import ai.seedcore.serve.daemon.report.Work;
import ai.seedcore.serve.daemon.rollout.Verdict;
import ai.seedcore.serve.daemon.rollout.Versions;
import ai.seedcore.serve.door.DoorStatus;
import ai.seedcore.serve.gcs.Credentials;
import ai.seedcore.serve.gcs.Gcs;
import java.time.Duration;
import java.time.Instant;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.function.BiConsumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The control loop: observe, decide, act, report. One thread runs it and owns its state, and never
 * blocks. Whatever may block runs elsewhere: looking at the cluster, and reading the configuration.
 */
public final class Supervisor {

  private static final Logger LOG = LoggerFactory.getLogger(Supervisor.class);

  /** The interval between full looks while everything is served. In between, a glance is enough. */
  private static final Duration FULL_LOOK = Duration.ofSeconds(5);

  /**
   * The maximum age of an observation that is acted upon. The process may have been suspended
   * since.
   */
  private static final Duration STALE = Duration.ofSeconds(10);

  /** How long the deletion of the applications on shutdown may take. */
  private static final Duration DELETE_DEADLINE = Duration.ofSeconds(4);

  /** How long the lease may take to be released. */
  private static final Duration RELEASE = Duration.ofSeconds(1);

  /** How long to wait for a wake-up while a look runs. */
  private static final Duration WAIT = Duration.ofSeconds(1);

  private static final Duration GCS_DEADLINE = Duration.ofSeconds(2);

  private final Settings settings;
  private final Gcs gcs;
  private final Observer observer;
  private final Leadership leadership;
  private final OwnNode node;
  private final Driver driver;
  private final Actuator actuator;
  private final MonotonicClock clock;
  private final Reporter reporter;
  private final Supplier<DesiredState> desired;
  private final BackgroundTask<DesiredState> reading;
  private final BackgroundTask<Look> looking;
  private final BiConsumer<Status, List<DeclaredApplication>> publish;
  private final Supplier<Map<String, Verdict>> trials;
  private final HistoryFile history;
  private final Semaphore news = new Semaphore(0);

  private volatile boolean stopping;
  private volatile boolean paused;
  private DesiredState adopted;
  private Reconciler reconciler;
  private State state = State.EMPTY;
  private @Nullable Observation last;

  /** The session of the daemon's own Ray node at the last decision; null if it had none. */
  private @Nullable String nodeSession;

  private Phase phase = Phase.WAITING;

  /** Whether a new version is on trial, so that a glance would not do. */
  private boolean trying;

  private Instant fullLook = Instant.MIN;
  private Instant nextLook = Instant.MIN;
  private @Nullable List<DeclaredApplication> newDeclarations;

  /**
   * The desired state.
   *
   * @param packages the declared deployments, packed
   * @param config the state of the configuration file, with its current error
   */
  public record DesiredState(Packages packages, Status.ConfigStatus config) {}

  /** An observation, and when it was complete. */
  private record Look(Observation seen, Instant at) {}

  /**
   * Creates a supervisor for one cluster.
   *
   * @param credentials what the cluster requires
   * @param desired reads the desired state, once a lap and on a thread of its own; returns an equal
   *     object if nothing has changed
   * @param door returns the front door's counters at the end of every lap; null if there is none
   * @param trials returns the results of the versions on trial, by application
   * @param history keeps the history beyond the daemon's end
   * @param publish receives the status and the declared deployments after every decision, on the
   *     control thread
   */
  public Supervisor(
      Settings settings,
      RayInstall ray,
      Credentials credentials,
      OwnNode node,
      Cache cache,
      Http http,
      MonotonicClock clock,
      Supplier<DesiredState> desired,
      Supplier<@Nullable DoorStatus> door,
      Supplier<Map<String, Verdict>> trials,
      HistoryFile history,
      BiConsumer<Status, List<DeclaredApplication>> publish) {
    this.settings = settings;
    this.node = node;
    this.clock = clock;
    this.desired = desired;
    this.publish = publish;
    this.history = history;
    this.trials = trials;
    this.adopted = desired.get();
    Runnable wake = news::release;
    this.reading = new BackgroundTask<>("configuration", wake);
    this.looking = new BackgroundTask<>("observer", wake);
    Packages packages = adopted.packages();
    // Resolved once: no lap may wait for the resolver or for a file just to report.
    HostPort named = settings.gcs();
    String dashboardUrl = settings.dashboardUrl();
    String routesUrl = settings.routesUrl();
    Dashboard dashboard =
        new Dashboard(http, dashboardUrl, settings.dashboard() != null, credentials, clock);
    this.gcs =
        new Gcs(
            http.vertx(),
            () -> {
              HostPort now = settings.gcs();
              return new Gcs.Address(now.host(), now.port());
            },
            credentials,
            GCS_DEADLINE);
    this.observer =
        new Observer(gcs, named.toString(), http, dashboard, routesUrl, packages.declared());
    this.reconciler = new Reconciler(packages.applications(), Set.of());
    this.leadership = new Leadership(gcs, self(packages), wake);
    this.driver = new Driver(ray, cache, credentials, clock, wake);
    Uploads uploads =
        new Uploads(gcs, new PackageStore(http.vertx(), settings::gcs, credentials), clock, wake);
    this.actuator = new Actuator(settings, gcs, packages, uploads, driver, node, clock, wake);
    this.reporter = new Reporter(clock, named.toString(), dashboard::url, routesUrl, door, history);
  }

  private LeaseHolder self(Packages packages) {
    String host = HostName.current();
    return new LeaseHolder(
        host,
        ProcessHandle.current().pid(),
        host + " " + settings.status(),
        UUID.randomUUID().toString(),
        Version.current(),
        packages.hash(),
        names(packages),
        0,
        false);
  }

  private static List<String> names(Packages packages) {
    return packages.applications().stream().map(DesiredApplication::name).toList();
  }

  /** Runs the control loop until {@link #stop} or {@link #pause}. Can be run again. */
  public void run() {
    DriverProcess.endOrphans(); // Drivers of an earlier daemon that was killed.
    if (last == null) {
      reporter.restore(); // Not before: a daemon that is replaced has written until now.
    }
    boolean woken = true;
    while (!stopping && !paused) {
      Duration rest = Duration.ofSeconds(1);
      try {
        rest = lap(woken);
      } catch (RuntimeException e) {
        // A bug must not end the service that others rely on. Log it, and look again.
        LOG.error("a lap of the control loop failed", e);
      }
      try {
        woken = news.tryAcquire(rest.toMillis(), TimeUnit.MILLISECONDS);
        news.drainPermits();
      } catch (InterruptedException e) {
        stopping = true;
      }
    }
    paused = false;
  }

  /** Lets another daemon lead. Must be called after {@link #run} has returned. */
  public void release() {
    if (last != null) {
      reporter.keep();
      history.flush(); // The daemon that takes over reads it.
    }
    leadership.release(RELEASE);
  }

  /** Makes {@link #run} return after the current lap, until it is called again. */
  public void pause() {
    paused = true;
    news.release();
  }

  /** Makes {@link #run} return after the current lap. */
  public void stop() {
    stopping = true;
    news.release();
  }

  /**
   * Runs one lap: collects results, and decides if there is a new observation.
   *
   * @param woken whether there is news; then a look begins at once
   * @return how long to wait for the next news
   */
  private Duration lap(boolean woken) {
    reading.collect().ifPresent(this::adopt);
    DesiredState known = adopted;
    reading.begin(desired, read -> !read.equals(known));
    Versions versions = state.versions();
    state = actuator.collect(state);
    if (!state.versions().equals(versions)) {
      looking.discard(); // This look may have read what was recorded before.
    }
    Optional<Look> look = looking.collect();
    if (look.isPresent()) {
      Duration rest = decide(look.get());
      nextLook = clock.instant().plus(rest);
      return rest;
    }
    Instant now = clock.instant();
    if (woken || !now.isBefore(nextLook)) {
      beginLook(now);
    }
    return looking.isRunning() ? WAIT : Duration.between(now, nextLook);
  }

  private Duration decide(Look look) {
    Instant now = clock.instant();
    NodeView nodeView = node.view();
    // The head may have ended together with the own node. A node that starts at the same time as a
    // head on the same machine can break both. The next look begins after the node's end.
    boolean outdated = nodeSession != null && nodeView.session() == null;
    nodeSession = nodeView.session();
    Observation seen = (outdated ? look.seen().hold() : look.seen()).with(trials.get());
    state = state.seen(seen, now);
    Situation situation =
        new Situation(state, seen, role(seen, now), driver.view(), nodeView, actuator.view(), now);
    Decision decision = reconciler.decide(situation);
    last = seen;
    if (Duration.between(look.at(), clock.instant()).compareTo(STALE) >= 0) {
      return Duration.ZERO; // The process was suspended, so the observation may be out of date.
    }
    Phase before = phase;
    phase = decision.phase();
    trying = decision.cause() == Cause.VERSION_ON_TRIAL;
    reporter.decided(situation, decision);
    state = actuator.perform(decision.action(), state);
    if (phase == Phase.SERVING) {
      actuator.onServing();
    }
    publish.accept(
        reporter.status(
            situation,
            decision,
            adopted.packages().applications(),
            adopted.packages().declared(),
            work(),
            adopted.config()),
        adopted.packages().declared());
    if (phase == Phase.SERVING && before != Phase.SERVING) {
      // The heap grew while there was work. So little is allocated in normal operation that it
      // would stay large for hours.
      System.gc();
    }
    return observer.silent() || seen.held() ? Duration.ZERO : decision.lookAgain();
  }

  private Work work() {
    Uploads.Progress upload = actuator.progress();
    return new Work(
        actuator.view().notBefore(),
        actuator.redeploys(),
        upload == null
            ? null
            : new Status.UploadStatus(upload.name(), upload.sent(), upload.size()),
        actuator::outcomes,
        driver.pid(),
        driver.ended(),
        driver.exits());
  }

  private void beginLook(Instant now) {
    if (looking.isRunning()) {
      return;
    }
    boolean well = phase == Phase.SERVING || phase == Phase.STANDBY;
    boolean glance = well && !trying && now.isBefore(fullLook.plus(FULL_LOOK));
    // While everything is served, nothing is waiting for the processor time that the dashboard
    // takes.
    boolean askPage = well || (!state.knowsServe(now) && !driver.startsServe());
    List<DeclaredApplication> declared = newDeclarations;
    newDeclarations = null;
    fullLook = glance ? fullLook : now;
    looking.begin(
        () -> {
          if (declared != null) {
            observer.declare(declared);
          }
          Observation seen = glance ? observer.glance() : observer.look(askPage);
          return new Look(seen, clock.instant());
        });
  }

  private Role role(Observation seen, Instant now) {
    if (!(seen.head() instanceof Head.Up up)) {
      return new Role.Undecided();
    }
    boolean able = up.rayVersion().equals(driver.view().rayVersion()) && up.localNode() != null;
    return leadership.role(up.identity().session(), able, now);
  }

  /** Adopts a new desired state. Applications that are no longer declared will be deleted. */
  private void adopt(DesiredState now) {
    if (now.equals(adopted)) {
      return;
    }
    Packages packages = now.packages();
    if (!packages.equals(adopted.packages())) {
      Set<String> dropped = new HashSet<>(names(adopted.packages()));
      names(packages).forEach(dropped::remove);
      newDeclarations = packages.declared();
      looking.discard(); // This look is for the previous declarations.
      reconciler = new Reconciler(packages.applications(), dropped);
      leadership.introduce(leadership.self().declares(packages.hash(), names(packages)));
      actuator.declare(packages);
      state = state.withNewWishes();
      fullLook = Instant.MIN;
      nextLook = Instant.MIN;
      LOG.atInfo()
          .addKeyValue("deployments", names(packages))
          .addKeyValue("dropped", dropped)
          .log("the configuration has changed");
    }
    adopted = now;
  }

  /**
   * Deletes the applications if configured, releases the lease, and ends the child processes. Must
   * be called after {@link #run} has returned.
   */
  public void close(Duration patience) {
    if (settings.shutdownApps() && !settings.local()) {
      String nodeIp = last != null && last.head() instanceof Head.Up up ? up.localNode() : null;
      Outcome outcome =
          nodeIp == null
              ? new Outcome.Failed("the cluster cannot be reached")
              : phase == Phase.STANDBY
                  ? new Outcome.Failed("another daemon leads")
                  : actuator.shutdownApps(nodeIp, DELETE_DEADLINE);
      LOG.atInfo()
          .addKeyValue("apps", names(adopted.packages()))
          .addKeyValue(
              "trouble", outcome instanceof Outcome.Failed failed ? failed.reason() : "none")
          .log("applications deleted");
    }
    release();
    leave();
    actuator.endNode(patience);
  }

  /**
   * Leaves everything that runs to another daemon. Must be called after {@link #run} has returned,
   * and {@link #release}.
   */
  public void leave() {
    history.close();
    looking.close();
    reading.close();
    actuator.endDriver();
    gcs.close();
  }
}
