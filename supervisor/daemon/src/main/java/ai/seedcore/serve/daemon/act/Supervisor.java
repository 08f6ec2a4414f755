package ai.seedcore.serve.daemon.act;

import ai.seedcore.serve.daemon.config.HostPort;
import ai.seedcore.serve.daemon.config.Settings;
import ai.seedcore.serve.daemon.decide.Decision;
import ai.seedcore.serve.daemon.decide.DriverView;
import ai.seedcore.serve.daemon.decide.NodeView;
import ai.seedcore.serve.daemon.decide.Phase;
import ai.seedcore.serve.daemon.decide.Reconciler;
import ai.seedcore.serve.daemon.decide.State;
import ai.seedcore.serve.daemon.decide.Target;
import ai.seedcore.serve.daemon.node.OwnNode;
import ai.seedcore.serve.daemon.node.RayInstall;
import ai.seedcore.serve.daemon.observe.Dashboard;
import ai.seedcore.serve.daemon.observe.Head;
import ai.seedcore.serve.daemon.observe.Http;
import ai.seedcore.serve.daemon.observe.Observation;
import ai.seedcore.serve.daemon.observe.Observer;
import ai.seedcore.serve.daemon.observe.Route;
import ai.seedcore.serve.daemon.observe.Serve;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.spi.LoggingEventBuilder;

/** The loop: look, decide, act, tell; for ever. One thread runs it and owns all its state. */
public final class Supervisor {

  private static final Logger LOG = LoggerFactory.getLogger(Supervisor.class);

  /** At rest, how often to look at all there is; in between a glance will do. */
  private static final Duration FULL_LOOK = Duration.ofSeconds(5);

  /** How long the applications' end may take, where it is asked for. */
  private static final Duration LAST_WORDS = Duration.ofSeconds(3);

  private static final int EVENTS = 200;

  // Looked up once: a lap is not to wait for the resolver, or for a file, just to tell of itself.
  private final HostPort gcs;
  private final String dashboardUrl;
  private final String routesUrl;

  private final Settings settings;
  private final Packages packages;
  private final Observer observer;
  private final Reconciler reconciler;
  private final OwnNode node;
  private final Driver driver;
  private final Actuator actuator;
  private final Clock clock;
  private final Consumer<Status> publish;
  private final Semaphore news = new Semaphore(0);
  private final Deque<Status.Event> events = new ArrayDeque<>();

  private volatile boolean stopping;
  private State state = State.EMPTY;
  private @Nullable Observation last;
  private Map<String, Route> routes = new HashMap<>();
  private Serve serve = new Serve.Unknown("not asked yet");
  private Instant fullLook = Instant.MIN;
  private Phase phase = Phase.WAITING;
  private String reason = "";
  private Instant since;
  private @Nullable Instant recovering;
  private @Nullable Double lastRecovery;

  /**
   * A supervisor of one cluster.
   *
   * @param publish told all there is to know at the end of every lap, on the loop's thread
   */
  public Supervisor(
      Settings settings,
      RayInstall ray,
      Packages packages,
      OwnNode node,
      Cache cache,
      Clock clock,
      Consumer<Status> publish) {
    Http http = new Http();
    this.gcs = settings.gcs();
    this.dashboardUrl = settings.dashboardUrl();
    this.routesUrl = settings.routesUrl();
    Dashboard dashboard = new Dashboard(http, dashboardUrl);
    this.settings = settings;
    this.packages = packages;
    this.node = node;
    this.clock = clock;
    this.publish = publish;
    this.observer = new Observer(http, dashboard, gcs.host(), routesUrl, settings.deployments());
    this.reconciler = new Reconciler(packages.targets());
    this.driver = new Driver(ray, cache, clock, () -> news.release());
    this.actuator = new Actuator(settings, packages, dashboard, driver, node, cache, clock);
    this.since = clock.instant();
  }

  /** Runs until {@link #stop}. */
  public void run() {
    while (!stopping) {
      Duration rest = Duration.ofSeconds(1);
      try {
        rest = lap();
      } catch (RuntimeException e) {
        // A mistake of ours must not end what others rely on: say it, and look again.
        LOG.error("a lap of the loop failed", e);
      }
      try {
        news.tryAcquire(rest.toMillis(), TimeUnit.MILLISECONDS);
        news.drainPermits();
      } catch (InterruptedException e) {
        stopping = true;
      }
    }
  }

  /** Makes {@link #run} return after its present lap. */
  public void stop() {
    stopping = true;
    news.release();
  }

  private Duration lap() {
    state = actuator.collect(state, last);
    Observation seen = look();
    state = state.seen(seen);
    NodeView nodeView = node.view();
    Decision decision = reconciler.decide(state, seen, driver.view(), nodeView, clock.instant());
    remember(seen, decision);
    state = actuator.perform(decision.action(), state);
    if (decision.phase() == Phase.SERVING) {
      actuator.allWell();
    }
    if (seen.head() instanceof Head.Up && (state.uploaded() || phase == Phase.SERVING)) {
      state = actuator.renew(state);
    }
    publish.accept(status(decision, nodeView));
    return decision.lookAgain();
  }

  private Observation look() {
    Instant now = clock.instant();
    if (phase == Phase.SERVING && now.isBefore(fullLook.plus(FULL_LOOK))) {
      Observation glance = observer.glance();
      boolean changed =
          glance.head() instanceof Head.Up up
              && state.identity() != null
              && !state.identity().sameAs(up.identity());
      if (!glance.full() && !changed) {
        return glance;
      }
    }
    fullLook = now;
    return observer.look(running());
  }

  /** The declared applications that ran when they were last seen: those whose routes to ask. */
  private Set<String> running() {
    return serve instanceof Serve.Running known
        ? packages.targets().stream()
            .map(Target::name)
            .filter(name -> known.apps().containsKey(name) && known.apps().get(name).running())
            .collect(Collectors.toSet())
        : Set.of();
  }

  private void remember(Observation seen, Decision decision) {
    last = seen;
    Instant now = clock.instant();
    if (seen.head() instanceof Head.Down) {
      recovering = null;
      routes = new HashMap<>();
      serve = new Serve.Unknown("the head is down");
    } else if (decision.phase() != Phase.SERVING && recovering == null) {
      recovering = now;
    }
    if (seen.full()) {
      routes = new HashMap<>(seen.routes());
      serve = seen.serve();
    }
    if (decision.phase() == Phase.SERVING && recovering != null) {
      lastRecovery = Duration.between(recovering, now).toMillis() / 1000.0;
      recovering = null;
    }
    if (decision.phase() != phase || !decision.reason().equals(reason)) {
      since = decision.phase() == phase ? since : now;
      phase = decision.phase();
      reason = decision.reason();
      String action = decision.action().toString();
      events.addLast(new Status.Event(now, phase.name(), reason, action));
      while (events.size() > EVENTS) {
        events.removeFirst();
      }
      tell(action);
    }
  }

  private void tell(String action) {
    LoggingEventBuilder line =
        LOG.atInfo()
            .addKeyValue("state", phase)
            .addKeyValue("reason", reason)
            .addKeyValue("action", action);
    if (phase == Phase.SERVING && lastRecovery != null) {
      line = line.addKeyValue("recovered_s", lastRecovery);
    }
    line.log("cluster");
  }

  private Status status(Decision decision, NodeView nodeView) {
    DriverView view = driver.view();
    Instant delayed = actuator.workNotBefore();
    return new Status(
        version(),
        phase.name(),
        reason,
        since,
        phase == Phase.SERVING,
        clock.instant(),
        decision.action().toString(),
        decision.lookAgain().toMillis(),
        delayed.isAfter(clock.instant()) ? delayed : null,
        lastRecovery,
        actuator.redeploys(),
        headStatus(),
        serve instanceof Serve.Unknown unknown
            ? "unknown: " + unknown.reason()
            : serve instanceof Serve.Absent ? "absent" : "running",
        packages.targets().stream().map(this::appStatus).toList(),
        new Status.DriverStatus(view.phase().name(), driver.pid(), view.session(), view.busyWith()),
        new Status.NodeStatus(nodeView.kind().name(), nodeView.session(), nodeView.starting()),
        driver.exits(),
        new ArrayList<>(events));
  }

  private Status.HeadStatus headStatus() {
    Head head = last == null ? new Head.Down("not asked yet") : last.head();
    if (head instanceof Head.Up up) {
      return new Status.HeadStatus(
          gcs.toString(),
          dashboardUrl,
          true,
          null,
          up.identity().session(),
          state.identity() == null ? null : state.identity().headNode(),
          up.rayVersion());
    }
    return new Status.HeadStatus(
        gcs.toString(), dashboardUrl, false, ((Head.Down) head).reason(), null, null, null);
  }

  private Status.AppStatus appStatus(Target target) {
    Serve.App app = serve instanceof Serve.Running known ? known.apps().get(target.name()) : null;
    Route route = routes.get(target.name());
    State.Deploys deploys = state.deploys().get(target.name());
    return new Status.AppStatus(
        target.name(),
        routesUrl + target.application().route(),
        target.application().version(),
        app == null ? null : app.version(),
        app != null ? app.status() : serve instanceof Serve.Unknown ? "UNKNOWN" : "MISSING",
        app == null ? "" : app.message(),
        app == null ? 0 : app.replicas(),
        route != null && route.answers(),
        route == null ? null : route.reason(),
        route == null ? null : route.millis(),
        deploys == null ? 0 : deploys.attempts(),
        deploys == null || !deploys.notBefore().isAfter(clock.instant())
            ? null
            : deploys.notBefore());
  }

  /** This program's version. */
  public static String version() {
    String version = Supervisor.class.getPackage().getImplementationVersion();
    return version == null ? "development" : version;
  }

  /**
   * After {@link #run} has returned: takes down what is to be taken down, and ends the children.
   */
  public void close(Duration patience) {
    if (settings.shutdownApps() && !settings.local()) {
      String nodeIp = last != null && last.head() instanceof Head.Up up ? up.localNode() : null;
      if (nodeIp == null && last != null && last.head() instanceof Head.Up) {
        nodeIp = observer.look(Set.of()).head() instanceof Head.Up up ? up.localNode() : null;
      }
      String trouble =
          nodeIp == null
              ? "the cluster is not in reach"
              : actuator.shutdownApps(nodeIp, LAST_WORDS);
      LOG.atInfo()
          .addKeyValue("apps", packages.targets().stream().map(Target::name).toList())
          .addKeyValue("trouble", trouble.isEmpty() ? "none" : trouble)
          .log("applications taken down");
    }
    actuator.close(patience);
  }
}
