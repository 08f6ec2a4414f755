package ai.seedcore.serve.daemon.metrics;

import ai.seedcore.serve.daemon.decide.DriverView;
import ai.seedcore.serve.daemon.decide.Phase;
import ai.seedcore.serve.daemon.notify.Notifier;
import ai.seedcore.serve.daemon.report.Status;
import ai.seedcore.serve.daemon.report.Status.AppStatus;
import ai.seedcore.serve.door.DoorStatus;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.FunctionTimer;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.Timer;
import io.micrometer.core.instrument.binder.jvm.JvmMemoryMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmThreadMetrics;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.function.ToDoubleFunction;
import org.jspecify.annotations.Nullable;

/**
 * All metrics, updated from each {@link Status}. A state is a set of gauges, one per possible
 * value, of which one is 1. docs/metrics.md lists all metrics.
 */
public final class Metrics implements AutoCloseable {

  private static final Duration[] RECOVERY_BUCKETS =
      seconds(1, 2, 3, 5, 8, 10, 15, 20, 30, 60, 120, 300);
  private static final Duration[] PROBE_BUCKETS =
      seconds(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 3);

  /** Serve's application states, and our own for an application that Serve does not know. */
  private static final List<String> APP_STATES =
      List.of(
          "NOT_STARTED",
          "DEPLOYING",
          "DEPLOY_FAILED",
          "RUNNING",
          "UNHEALTHY",
          "DELETING",
          "MISSING",
          "UNKNOWN");

  private final PrometheusMeterRegistry registry =
      new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
  private final DoorMetrics histograms = new DoorMetrics();
  private final ProcessMetrics process = new ProcessMetrics();
  private final Timer recovery;
  private final Map<String, List<Meter>> apps = new HashMap<>();
  private final Set<String> decisions = new HashSet<>();
  private final Set<String> answered = new HashSet<>();
  private final Set<String> refused = new HashSet<>();
  private final Set<String> direct = new HashSet<>();
  private final Map<String, Instant> probed = new HashMap<>();
  private volatile @Nullable Status status;
  private int recovered;
  private boolean hasDoor;

  /** Creates metrics for a daemon that has not looked yet. */
  public Metrics(String version, String rayVersion) {
    Gauge.builder("seedcore.build.info", () -> 1)
        .description("Always 1; the versions of the daemon and of the Ray that it works with")
        .tags("version", version, "ray", rayVersion)
        .register(registry);
    states("seedcore.phase", "Phase of the control loop", names(Phase.values()), Status::phase);
    states(
        "seedcore.role",
        "Whether this daemon leads",
        List.of("leads", "stands by", "undecided"),
        Status::role);
    states(
        "seedcore.serve.state",
        "Whether Serve runs",
        List.of("running", "absent", "unknown"),
        Status::serveState);
    states(
        "seedcore.driver.state",
        "State of the driver process",
        names(DriverView.Phase.values()),
        now -> now.driver().phase());
    states(
        "seedcore.node.state",
        "State of the daemon's own Ray node; none: it has none",
        List.of("none", "away", "starting", "joined"),
        Metrics::node);
    flag("seedcore.ready", "Whether all declared routes answer", Status::ready);
    flag("seedcore.head.up", "Whether the head answers as a Ray head", now -> now.head().up());
    flag(
        "seedcore.config.error",
        "Whether the configuration file is invalid, so that an earlier one is in effect",
        now -> now.config().error() != null);
    gauge(
        "seedcore.orphaned.replicas",
        "Replicas that are alive and that Serve no longer lists",
        now -> now.orphans().size());
    gauge(
        "seedcore.not.serving.seconds",
        "Seconds since all declared routes last answered; 0 while they do",
        now -> now.ready() ? 0 : since(now.past().outages()));
    gauge(
        "seedcore.backoff.seconds",
        "Seconds until the daemon retries after failures; 0 if it is not backing off",
        now -> until(now.workNotBefore()));
    for (Notifier.Outcome outcome : Notifier.Outcome.values()) {
      notifications(outcome);
    }
    counter("seedcore.reconcile.passes", "Laps of the control loop", Status::laps);
    counter("seedcore.driver.exits", "Drivers that have exited", now -> now.driver().ended());
    recovery =
        Timer.builder("seedcore.recovery")
            .description(
                "Time from the cluster's first sign of life until all declared routes answer")
            .serviceLevelObjectives(RECOVERY_BUCKETS)
            .register(registry);
    new JvmMemoryMetrics().bindTo(registry);
    new JvmThreadMetrics().bindTo(registry);
    process.bindTo(registry);
    registry.getPrometheusRegistry().register(histograms);
  }

  /** Counts the outcome of a notification. */
  public void notified(Notifier.Outcome outcome) {
    notifications(outcome).increment();
  }

  private Counter notifications(Notifier.Outcome outcome) {
    return Counter.builder("seedcore.notifications")
        .description("Notifications: delivered, given up, or dropped because too many were waiting")
        .tag("outcome", outcome.name().toLowerCase(Locale.ROOT))
        .register(registry);
  }

  /** Receives the status of one lap. Called by one thread. */
  public void publish(Status now) {
    status = now;
    histograms.publish(now);
    for (Status.Decided decided : now.decisions()) {
      if (decisions.add(decided.action() + " " + decided.cause())) {
        decisions(decided);
      }
    }
    List<Status.Recovery> recoveries = now.past().recoveries();
    int fresh = Math.min(now.past().recovered() - recovered, recoveries.size());
    recoveries
        .subList(recoveries.size() - fresh, recoveries.size())
        .forEach(one -> recovery.record(Duration.ofMillis(Math.round(one.seconds() * 1000))));
    recovered = now.past().recovered();
    if (now.door() != null) {
      door(now.door());
    }
    Set<String> gone = new HashSet<>(apps.keySet());
    for (AppStatus app : now.apps()) {
      gone.remove(app.name());
      apps.computeIfAbsent(app.name(), this::register);
      probe(app);
    }
    for (String name : gone) {
      apps.getOrDefault(name, List.of()).forEach(registry::remove);
      apps.remove(name);
      probed.remove(name);
    }
  }

  private void decisions(Status.Decided kind) {
    FunctionCounter.builder(
            "seedcore.decisions",
            this,
            self ->
                self.read(
                    now ->
                        now.decisions().stream()
                            .filter(d -> d.action().equals(kind.action()))
                            .filter(d -> d.cause().equals(kind.cause()))
                            .mapToLong(Status.Decided::times)
                            .sum()))
        .description("Decisions by action and cause; Rest: no action")
        .tags("action", kind.action(), "reason", kind.cause().toLowerCase(Locale.ROOT))
        .register(registry);
  }

  /**
   * Registers the front door's metrics with the first door status. Without a front door they do not
   * exist.
   */
  private void door(DoorStatus now) {
    if (!hasDoor) {
      hasDoor = true;
      door("waiting", "Requests that wait in the front door", DoorStatus::waiting);
      door(
          "under.way",
          "Requests in flight: sent, and without a complete response",
          d -> d.underWay());
      door("kept.bytes", "Bytes of held requests", d -> d.keptBytes());
      door("connections", "Client connections", d -> d.connections());
      door(
          "proxies",
          "Serve proxies that it forwards to",
          d -> d.proxies().stream().filter(DoorStatus.ProxyStatus::serves).count());
      doorCounter("held", "Requests that had to wait", d -> d.held());
      doorCounter("replayed", "Retries of requests", d -> d.replayed());
      doorCounter("hedged", "Slow requests sent to a second replica as well", d -> d.hedged());
    }
    for (DoorStatus.ReplicaStatus each : now.replicas()) {
      if (direct.add(each.app())) {
        Gauge.builder("seedcore.door.replicas", () -> ofDoor(d -> d.direct(each.app())))
            .description("Replicas to which it sends requests without a proxy")
            .tag("app", each.app())
            .register(registry);
      }
    }
    for (DoorStatus.Answered each : now.answered()) {
      if (answered.add(each.app() + " " + each.status())) {
        FunctionTimer.builder(
                "seedcore.door.request",
                this,
                self -> (long) self.answered(each, DoorStatus.Answered::times),
                self -> self.answered(each, DoorStatus.Answered::seconds),
                TimeUnit.SECONDS)
            .description("Requests by status code; 499: the client disconnected first")
            .tags("app", each.app(), "code", String.valueOf(each.status()))
            .register(registry);
      }
    }
    for (String code : now.refused().keySet()) {
      if (refused.add(code)) {
        FunctionCounter.builder(
                "seedcore.door.refused",
                this,
                self -> self.ofDoor(d -> d.refused().getOrDefault(code, 0L)))
            .description("Requests that the front door refused itself, by the code of its response")
            .tag("code", code)
            .register(registry);
      }
    }
  }

  private double answered(DoorStatus.Answered kind, ToDoubleFunction<DoorStatus.Answered> value) {
    return ofDoor(
        door ->
            door.answered().stream()
                .filter(a -> a.app().equals(kind.app()) && a.status() == kind.status())
                .mapToDouble(value)
                .sum());
  }

  private void door(String name, String description, ToDoubleFunction<DoorStatus> value) {
    Gauge.builder("seedcore.door." + name, () -> ofDoor(value))
        .description(description)
        .register(registry);
  }

  private void doorCounter(String name, String description, ToDoubleFunction<DoorStatus> value) {
    FunctionCounter.builder("seedcore.door." + name, this, self -> self.ofDoor(value))
        .description(description)
        .register(registry);
  }

  private double ofDoor(ToDoubleFunction<DoorStatus> value) {
    return read(now -> now.door() == null ? 0 : value.applyAsDouble(now.door()));
  }

  private void probe(AppStatus app) {
    if (app.probeMs() != null
        && app.probedAt() != null
        && !app.probedAt().equals(probed.put(app.name(), app.probedAt()))) {
      probes(app.name(), app.answers()).record(Duration.ofMillis(app.probeMs()));
    }
  }

  private Timer probes(String app, boolean answered) {
    return Timer.builder("seedcore.probe")
        .description("Duration of the daemon's own requests to the routes, by outcome")
        .tags("app", app, "outcome", answered ? "answered" : "failed")
        .serviceLevelObjectives(PROBE_BUCKETS)
        .register(registry);
  }

  private List<Meter> register(String app) {
    List<Meter> meters = new ArrayList<>();
    for (String state : APP_STATES) {
      meters.add(
          Gauge.builder("seedcore.app.state", () -> of(app, known -> is(known, state)))
              .description("Serve's status of the application")
              .tags("app", app, "state", state.toLowerCase(Locale.ROOT))
              .register(registry));
    }
    meters.add(
        perApp(
            app,
            "seedcore.app.ready",
            "Whether its route answers, or is at work",
            a -> a.serves() ? 1 : 0));
    meters.add(
        perApp(
            app,
            "seedcore.app.at.work",
            "Requests that its replicas are at work on while a probe gets no answer; 0: the probe"
                + " gets one",
            AppStatus::atWork));
    meters.add(perApp(app, "seedcore.app.replicas", "Running replicas", AppStatus::replicas));
    meters.add(
        perApp(
            app,
            "seedcore.app.version.on.trial",
            "Whether the declared version is on trial, and another one serves",
            now -> now.trial() != null && now.trial().rejected() == null ? 1 : 0));
    meters.add(
        perApp(
            app,
            "seedcore.app.version.rejected",
            "Whether the declared version was rejected, so that the previous one serves",
            now -> now.trial() != null && now.trial().rejected() != null ? 1 : 0));
    meters.add(
        perApp(
            app,
            "seedcore.app.attempts",
            "Submissions in this session of the cluster",
            AppStatus::attempts));
    meters.add(
        perApp(
            app,
            "seedcore.app.backoff.seconds",
            "Seconds until its next submission may start; 0 if it is not backing off",
            a -> until(a.nextAttempt())));
    outcome(meters, app, "accepted", a -> a.outcomes().accepted());
    outcome(meters, app, "rejected", a -> a.outcomes().rejected());
    outcome(meters, app, "failed", a -> a.outcomes().failed());
    meters.add(probes(app, true));
    meters.add(probes(app, false));
    return meters;
  }

  private Meter perApp(
      String app, String name, String description, ToDoubleFunction<AppStatus> value) {
    return Gauge.builder(name, () -> of(app, value))
        .description(description)
        .tag("app", app)
        .register(registry);
  }

  private void outcome(
      List<Meter> meters, String app, String outcome, ToDoubleFunction<AppStatus> value) {
    meters.add(
        FunctionCounter.builder("seedcore.deploys", this, self -> self.of(app, value))
            .description(
                "Submissions: accepted by Serve, rejected, or accepted and then failed to deploy")
            .tags("app", app, "outcome", outcome)
            .register(registry));
  }

  private double of(String name, ToDoubleFunction<AppStatus> value) {
    Status now = status;
    return now == null
        ? 0
        : now.apps().stream()
            .filter(app -> app.name().equals(name))
            .mapToDouble(value)
            .findFirst()
            .orElse(0);
  }

  private static double is(AppStatus app, String state) {
    boolean known = APP_STATES.contains(app.status());
    return (known ? app.status() : "UNKNOWN").equals(state) ? 1 : 0;
  }

  private void states(
      String name, String description, List<String> states, Function<Status, String> state) {
    for (String each : states) {
      Gauge.builder(name, () -> read(now -> state.apply(now).equals(each) ? 1 : 0))
          .description(description)
          .tag("state", each.toLowerCase(Locale.ROOT).replace(' ', '_'))
          .register(registry);
    }
  }

  private void flag(String name, String description, Predicate<Status> holds) {
    gauge(name, description, now -> holds.test(now) ? 1 : 0);
  }

  private void gauge(String name, String description, ToDoubleFunction<Status> value) {
    Gauge.builder(name, () -> read(value)).description(description).register(registry);
  }

  private void counter(String name, String description, ToDoubleFunction<Status> value) {
    FunctionCounter.builder(name, this, self -> self.read(value))
        .description(description)
        .register(registry);
  }

  private double read(ToDoubleFunction<Status> value) {
    Status now = status;
    return now == null ? 0 : value.applyAsDouble(now);
  }

  private static String node(Status now) {
    Status.NodeStatus node = now.node();
    return node.kind().equals("NONE")
        ? "none"
        : node.starting() ? "starting" : node.session() == null ? "away" : "joined";
  }

  private static double since(List<Status.Outage> outages) {
    return outages.isEmpty()
        ? 0
        : Math.max(
                0,
                Duration.between(outages.get(outages.size() - 1).from(), Instant.now()).toMillis())
            / 1000.0;
  }

  private static double until(@Nullable Instant time) {
    return time == null
        ? 0
        : Math.max(0, Duration.between(Instant.now(), time).toMillis()) / 1000.0;
  }

  private static List<String> names(Enum<?>[] values) {
    return Arrays.stream(values).map(Enum::name).toList();
  }

  private static Duration[] seconds(double... seconds) {
    return Arrays.stream(seconds)
        .mapToObj(s -> Duration.ofMillis(Math.round(s * 1000)))
        .toArray(Duration[]::new);
  }

  /** Returns all metrics in a content type of Prometheus' formats. */
  public String scrape(String type) {
    return registry.scrape(type);
  }

  @Override
  public void close() {
    registry.close();
  }
}
