package ai.seedcore.serve.daemon.report;

import ai.seedcore.serve.daemon.config.DeclaredApplication;
import ai.seedcore.serve.daemon.decide.Decision;
import ai.seedcore.serve.daemon.decide.DesiredApplication;
import ai.seedcore.serve.daemon.decide.DriverView;
import ai.seedcore.serve.daemon.decide.Phase;
import ai.seedcore.serve.daemon.decide.Role;
import ai.seedcore.serve.daemon.decide.Situation;
import ai.seedcore.serve.daemon.decide.State;
import ai.seedcore.serve.daemon.host.MonotonicClock;
import ai.seedcore.serve.daemon.host.Version;
import ai.seedcore.serve.daemon.observe.Head;
import ai.seedcore.serve.daemon.observe.Orphan;
import ai.seedcore.serve.daemon.observe.Route;
import ai.seedcore.serve.daemon.observe.Serve;
import ai.seedcore.serve.daemon.rollout.Verdict;
import ai.seedcore.serve.daemon.rollout.Versions;
import ai.seedcore.serve.door.DoorStatus;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Set;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.spi.LoggingEventBuilder;

/**
 * Reports what the control loop observes and does: a log line and an event per change, a status per
 * lap.
 */
public final class Reporter {

  private static final Logger LOG = LoggerFactory.getLogger(Reporter.class);

  /** How soon news is written, and how often everything is. */
  private static final Duration SOON = Duration.ofSeconds(5);

  private static final Duration LATER = Duration.ofMinutes(1);

  private final MonotonicClock clock;
  private final String address;
  private final Supplier<String> dashboardUrl;
  private final String routesUrl;
  private final Supplier<@Nullable DoorStatus> door;
  private final History history;
  private final HistoryFile file;
  private final Budgets budgets = new Budgets();
  private final Timeline timeline = new Timeline();

  private Phase phase = Phase.WAITING;
  private String reason = "";
  private Instant since;
  private @Nullable Instant recovering;
  private @Nullable Instant written;
  private Status.@Nullable Past kept;

  public Reporter(
      MonotonicClock clock,
      String address,
      Supplier<String> dashboardUrl,
      String routesUrl,
      Supplier<@Nullable DoorStatus> door,
      HistoryFile file) {
    this.clock = clock;
    this.file = file;
    this.door = door;
    this.address = address;
    this.dashboardUrl = dashboardUrl;
    this.routesUrl = routesUrl;
    this.since = clock.instant();
    this.history = new History(clock);
  }

  /** Continues the history of earlier daemons. Called before the first lap. */
  public void restore() {
    file.read()
        .ifPresent(
            kept -> {
              history.restore(kept);
              budgets.restore(kept.budgets());
            });
  }

  /** Keeps the history beyond this daemon's end. */
  public void keep() {
    written = clock.instant();
    kept = history.past();
    file.write(new HistoryFile.Kept(Instant.now(), kept, budgets.kept(Instant.now())));
  }

  /** Records a decision, and logs it if the phase or the reason changed. */
  public void decided(Situation situation, Decision decision) {
    Instant now = situation.now();
    history.decided(decision.action().getClass().getSimpleName(), decision.cause().name());
    if (situation.seen().head() instanceof Head.Down || decision.phase() == Phase.STANDBY) {
      recovering = null;
    } else if (decision.phase() != Phase.SERVING && recovering == null) {
      recovering = now;
    }
    if (decision.phase() == Phase.SERVING && recovering != null) {
      history.recovered(Duration.between(recovering, now), timeline.end(recovering, now));
      recovering = null;
    }
    if (decision.phase() == Phase.SERVING || decision.phase() == Phase.STANDBY) {
      timeline.clear();
    }
    if (decision.phase() != phase || !decision.reason().equals(reason)) {
      since = decision.phase() == phase ? since : now;
      phase = decision.phase();
      reason = decision.reason();
      String action = decision.action().toString();
      history.event(
          new Status.Event(Instant.now(), phase.name(), decision.cause().name(), reason, action));
      logChange(action);
    }
  }

  private void logChange(String action) {
    LoggingEventBuilder line =
        LOG.atInfo()
            .addKeyValue("state", phase)
            .addKeyValue("reason", reason)
            .addKeyValue("action", action);
    Double lastRecovery = history.lastRecovery();
    if (phase == Phase.SERVING && lastRecovery != null) {
      line = line.addKeyValue("recovered_s", lastRecovery);
    }
    line.log("cluster");
  }

  /** Returns the complete status at the end of a lap. */
  public Status status(
      Situation situation,
      Decision decision,
      List<DesiredApplication> applications,
      List<DeclaredApplication> declared,
      Work work,
      Status.ConfigStatus config) {
    DriverView view = situation.driver();
    DoorStatus doorStatus = door.get();
    budgets.count(declared, doorStatus, Instant.now());
    boolean ready =
        situation.seen().allServe(applications.stream().map(DesiredApplication::name).toList());
    history.lap(ready, reason);
    if (decision.phase() != Phase.SERVING && decision.phase() != Phase.STANDBY) {
      timeline.lap(situation, applications, work.upload());
    }
    Duration unwritten = written == null ? SOON : Duration.between(written, situation.now());
    boolean news = !history.past().equals(kept);
    if (unwritten.compareTo(news ? SOON : LATER) >= 0) {
      keep();
    }
    Serve serve = situation.seen().serve();
    return new Status(
        Status.SCHEMA,
        Version.current(),
        phase.name(),
        decision.cause().name(),
        reason,
        NextStep.of(decision),
        clock.wall(since),
        ready,
        Instant.now(),
        history.laps(),
        decision.action().toString(),
        decision.lookAgain().toMillis(),
        future(work.notBefore()),
        history.lastRecovery(),
        work.redeploys(),
        role(situation.role()),
        head(situation),
        serve(serve),
        serveState(serve),
        applications.stream()
            .map(desired -> app(desired, find(desired, declared), situation, work))
            .toList(),
        situation.seen().orphans().stream().map(Reporter::orphan).toList(),
        work.upload(),
        new Status.DriverStatus(
            view.phase().name(),
            work.driverPid(),
            view.session(),
            view.busyWith(),
            work.driverEnded()),
        new Status.NodeStatus(
            situation.node().kind().name(),
            situation.node().session(),
            situation.node().starting()),
        doorStatus,
        config,
        work.driverExits(),
        history.decisions(),
        history.past());
  }

  private static String serve(Serve serve) {
    if (serve instanceof Serve.Unknown unknown) {
      return "unknown: " + unknown.reason();
    }
    return serve instanceof Serve.Opaque opaque
        ? "running; its applications are unknown: " + opaque.reason()
        : serveState(serve);
  }

  private static String serveState(Serve serve) {
    if (serve instanceof Serve.Unknown) {
      return "unknown";
    }
    return serve instanceof Serve.Absent ? "absent" : "running";
  }

  private static Status.OrphanStatus orphan(Orphan orphan) {
    return new Status.OrphanStatus(
        orphan.name(),
        orphan.app(),
        orphan.pid(),
        orphan.node(),
        orphan.resources(),
        orphan.age().toMillis() / 1000.0);
  }

  private static String role(Role role) {
    return role instanceof Role.Leads
        ? "leads"
        : role instanceof Role.StandsBy ? "stands by" : "undecided";
  }

  private @Nullable Instant future(Instant time) {
    return time.isAfter(clock.instant()) ? clock.wall(time) : null;
  }

  private Status.HeadStatus head(Situation situation) {
    if (situation.seen().head() instanceof Head.Up up) {
      return new Status.HeadStatus(
          address,
          dashboardUrl.get(),
          true,
          null,
          up.identity().session(),
          situation.state().identity() == null ? null : situation.state().identity().headNode(),
          up.rayVersion(),
          up.nodes());
    }
    Head.Down down = (Head.Down) situation.seen().head();
    return new Status.HeadStatus(
        address, dashboardUrl.get(), false, down.reason(), null, null, null, Set.of());
  }

  private static @Nullable DeclaredApplication find(
      DesiredApplication desired, List<DeclaredApplication> declared) {
    return declared.stream()
        .filter(each -> each.name().equals(desired.name()))
        .findFirst()
        .orElse(null);
  }

  private Status.AppStatus app(
      DesiredApplication desired,
      @Nullable DeclaredApplication declared,
      Situation situation,
      Work work) {
    Serve serve = situation.seen().serve();
    Serve.Application app =
        serve instanceof Serve.Running known ? known.apps().get(desired.name()) : null;
    boolean told = serve instanceof Serve.Running || serve instanceof Serve.Absent;
    Route route = situation.seen().routes().get(desired.name());
    State.Deploys deploys = situation.state().deploys().get(desired.name());
    return new Status.AppStatus(
        desired.name(),
        desired.route() == null ? null : routesUrl + desired.route(),
        desired.version(),
        app == null ? null : app.version(),
        app != null ? app.status() : told ? "MISSING" : "UNKNOWN",
        app == null ? "" : app.message(),
        app == null ? 0 : app.replicas(),
        desired.replicas(),
        route != null && route.answers(),
        route == null ? null : route.reason(),
        route == null || !route.probed() ? null : route.millis(),
        route == null || !route.probed() ? null : route.at(),
        route == null ? 0 : route.atWork(),
        deploys == null ? 0 : deploys.attempts(),
        deploys == null ? null : future(deploys.notBefore()),
        work.outcomes().apply(desired.name()),
        declared == null
            ? List.of()
            : budgets.of(desired.name(), declared.objectives(), Instant.now()),
        declared == null ? null : declared.example(),
        trial(situation, desired));
  }

  private static Status.@Nullable TrialStatus trial(
      Situation situation, DesiredApplication desired) {
    Versions.Known known = situation.state().versions().of(desired.name());
    Versions.Trial trial = known == null ? null : known.trial();
    if (known == null || trial == null || !trial.version().equals(desired.version())) {
      return null;
    }
    Verdict verdict = situation.seen().trials().get(desired.name());
    boolean told =
        verdict != null && trial.rejected() == null && verdict.version().equals(trial.version());
    return new Status.TrialStatus(
        trial.version(),
        known.good().version(),
        verdict != null && told ? verdict.why() : "",
        trial.rejected());
  }
}
