package ai.seedcore.serve.daemon.decide;

import ai.seedcore.serve.daemon.decide.Action.Connect;
import ai.seedcore.serve.daemon.decide.Action.Delete;
import ai.seedcore.serve.daemon.decide.Action.Deploy;
import ai.seedcore.serve.daemon.decide.Action.EndDriver;
import ai.seedcore.serve.daemon.decide.Action.EnsureServe;
import ai.seedcore.serve.daemon.decide.Action.KillReplica;
import ai.seedcore.serve.daemon.decide.Action.RecordVersions;
import ai.seedcore.serve.daemon.decide.Action.ReplaceServe;
import ai.seedcore.serve.daemon.decide.Action.Rest;
import ai.seedcore.serve.daemon.decide.Action.StartDriver;
import ai.seedcore.serve.daemon.decide.Action.StartNode;
import ai.seedcore.serve.daemon.decide.Action.Upload;
import ai.seedcore.serve.daemon.observe.Head;
import ai.seedcore.serve.daemon.observe.Orphan;
import ai.seedcore.serve.daemon.observe.Route;
import ai.seedcore.serve.daemon.observe.Serve;
import ai.seedcore.serve.daemon.rollout.Versions;
import ai.seedcore.serve.daemon.rollout.Versions.Known;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Decides on the next action. This is a pure function: no clock, no I/O, no log, no randomness. It
 * compares the desired state with the observation by application name. It leaves alone what already
 * runs as declared, and waits for what is unknown.
 */
public final class Reconciler {

  /** The interval between looks while everything is served. */
  static final Duration AT_REST = Duration.ofSeconds(1);

  /**
   * The interval between looks while the head is down. Its return must be noticed within a second.
   */
  static final Duration AWAY = Duration.ofMillis(150);

  /** The interval between looks while work is in progress. */
  static final Duration AT_WORK = Duration.ofMillis(200);

  /** The interval between looks while only a person can help. */
  static final Duration STUCK = Duration.ofSeconds(2);

  /**
   * How long Serve's applications must be unknown before the proxy's route table is used instead.
   */
  static final Duration BELIEF = Duration.ofSeconds(15);

  /** How long an application must have been starting before the reason says what it waits for. */
  static final Duration SLOW = Duration.ofSeconds(60);

  /** How long Serve must not have listed a replica before the replica is killed, at least. */
  static final Duration FORGOTTEN = Duration.ofSeconds(30);

  /** How long Serve may take to show a submitted application. */
  static final Duration SETTLE = Duration.ofSeconds(10);

  private final List<DesiredApplication> applications;
  private final Set<String> names;
  private final Set<String> dropped;

  /**
   * Creates a reconciler for these applications.
   *
   * @param dropped the names of applications that are no longer declared and are to be deleted
   */
  public Reconciler(List<DesiredApplication> applications, Set<String> dropped) {
    this.dropped = Set.copyOf(dropped);
    this.applications = List.copyOf(applications);
    this.names =
        applications.stream().map(DesiredApplication::name).collect(Collectors.toUnmodifiableSet());
  }

  /** Returns the next decision for this situation. */
  public Decision decide(Situation now) {
    Decision wanted = withoutLimits(now);
    Action action = permitted(wanted, now);
    return action.equals(wanted.action())
        ? wanted
        : new Decision(wanted.phase(), action, wanted.cause(), wanted.reason(), wanted.lookAgain());
  }

  /**
   * Returns the action if it may begin now. Otherwise, or if there is no action to take, returns a
   * renewal of the packages if it is due, or {@link Rest}. An observation that is held permits
   * nothing that concerns the cluster.
   */
  private static Action permitted(Decision wanted, Situation now) {
    Action action = wanted.action();
    if (now.seen().held() && !(action instanceof StartDriver || action instanceof EndDriver)) {
      return new Rest(); // The head may have ended meanwhile.
    }
    boolean late = now.now().isBefore(now.work().notBefore());
    if (action instanceof Rest) {
      boolean renews =
          now.work().packagesDue()
              && !now.work().uploading()
              && now.role() instanceof Role.Leads
              && (now.state().uploaded() || wanted.phase() == Phase.SERVING);
      return renews && !late ? new Upload() : action;
    }
    if (action instanceof Upload) {
      return late || now.work().uploading() ? new Rest() : action;
    }
    boolean asksTheDriver =
        action instanceof Connect
            || action instanceof EnsureServe
            || action instanceof ReplaceServe
            || action instanceof Deploy
            || action instanceof Delete;
    if (action instanceof RecordVersions) {
      return late || now.work().recording() ? new Rest() : action;
    }
    return asksTheDriver && (late || now.work().recording()) ? new Rest() : action;
  }

  /** Returns what there is to do, regardless of backoffs and limits. */
  private Decision withoutLimits(Situation now) {
    if (now.seen().head() instanceof Head.Down down) {
      return away(down, now);
    }
    Head.Up up = (Head.Up) now.seen().head();
    String session = up.identity().session();
    if (now.node().kind() == NodeView.Kind.WORKER && !session.equals(now.node().session())) {
      if (now.node().besideHead() && up.identity().headNode() == null) {
        // Two Ray nodes that start at the same time on one machine interfere with each other.
        return new Decision(
            Phase.WAITING,
            warmUp(now),
            Cause.HEAD_STARTING,
            "the head is starting: its own node has not registered yet",
            AWAY);
      }
      return startNode(now, "the daemon's Ray node is not in session " + session);
    }
    if (now.driver().session() != null && !now.driver().session().equals(session)) {
      return work(
          new EndDriver(), Cause.DRIVER_STALE, "the driver belongs to a cluster that has ended");
    }
    if (now.role() instanceof Role.StandsBy other) {
      return new Decision(Phase.STANDBY, idle(now), Cause.OTHER_LEADS, other.reason(), AT_REST);
    }
    if (!now.seen().full()) {
      return rest(now);
    }
    Serve serve = now.seen().serve();
    if (serve instanceof Serve.Running running) {
      return serveRuns(now, up, running);
    } else if (now.seen().allServe(names)) {
      return rest(now); // No other observation could change this decision.
    } else if (serve instanceof Serve.Opaque opaque) {
      return serveOpaque(now, up, opaque);
    } else if (serve instanceof Serve.Unknown unknown) {
      return work(
          new Rest(), Cause.SERVE_UNKNOWN, "the state of Serve is unknown: " + unknown.reason());
    }
    return withDriver(now, up, new EnsureServe(), Cause.SERVE_ABSENT, "Serve is not running");
  }

  private static Decision away(Head.Down head, Situation now) {
    return now.node().kind() == NodeView.Kind.HEAD && now.node().session() == null
        ? startNode(now, "the daemon's Ray head is not running")
        : new Decision(Phase.WAITING, warmUp(now), Cause.HEAD_DOWN, head.reason(), AWAY);
  }

  private static Decision startNode(Situation now, String reason) {
    NodeView node = now.node();
    boolean may = !node.starting() && !now.now().isBefore(node.notBefore());
    String words =
        node.starting()
            ? "the daemon's Ray node is starting"
            : node.failure() == null ? reason : node.failure();
    return new Decision(
        Phase.WAITING, may ? new StartNode() : warmUp(now), Cause.NODE_MISSING, words, AWAY);
  }

  /**
   * Starts a driver if there is none and its backoff allows. A warm driver saves startup time
   * later.
   */
  private static Action warmUp(Situation now) {
    return now.driver().phase() == DriverView.Phase.ABSENT
            && !now.now().isBefore(now.driver().notBefore())
        ? new StartDriver()
        : new Rest();
  }

  /**
   * Ends an idle connected driver, and otherwise keeps one warm. A driver that is not connected
   * cannot become a zombie of a cluster that ended.
   */
  private static Action idle(Situation now) {
    boolean done =
        now.driver().phase() == DriverView.Phase.CONNECTED && now.driver().busyWith() == null;
    return done ? new EndDriver() : warmUp(now);
  }

  private Decision rest(Situation now) {
    List<String> busy =
        now.seen().routes().entrySet().stream()
            .filter(route -> route.getValue().busy())
            .map(Map.Entry::getKey)
            .sorted()
            .toList();
    List<String> rejected =
        applications.stream()
            .filter(DesiredJava.class::isInstance)
            .map(desired -> new Rollout((DesiredJava) desired, null, now).rejection())
            .flatMap(Optional::stream)
            .toList();
    String answers =
        busy.isEmpty()
            ? "all declared routes answer"
            : "all declared routes answer, or are at work: %s busy"
                .formatted(String.join(", ", busy) + (busy.size() == 1 ? " is" : " are"));
    return serving(
        idle(now),
        rejected.isEmpty() ? Cause.ALL_WELL : Cause.VERSION_REJECTED,
        rejected.isEmpty() ? answers : answers + "; " + String.join("; ", rejected),
        AT_REST);
  }

  /**
   * Decides when Serve runs but its applications are unknown. This is normal right after Serve has
   * started. If the daemon started this Serve, nothing runs there that the daemon did not submit.
   * Later it is a failure of the dashboard. After {@link #BELIEF}, the proxy's route table is used
   * instead. That is safe, because submitting an application again that already runs changes
   * nothing.
   */
  private Decision serveOpaque(Situation now, Head.Up up, Serve.Opaque serve) {
    State state = now.state();
    String reason = "Serve's applications are unknown: " + serve.reason();
    State.Ensured ensured = state.ensured();
    if (ensured == null) {
      return withDriver(now, up, new EnsureServe(), Cause.SERVE_UNKNOWN, reason);
    }
    if (ensured.obstacle() != null) {
      return ensured.replaceable()
          ? work(new Rest(), Cause.SERVE_UNUSABLE, ensured.obstacle() + " " + reason)
          : blocked(Cause.SERVE_UNUSABLE, ensured.obstacle());
    }
    boolean believed = !within(BELIEF, state.opaqueSince(), now.now());
    Set<String> listed = now.seen().listed();
    List<DesiredApplication> wanting =
        applications.stream()
            .filter(
                desired ->
                    (ensured.started() && state.deploysOf(desired.name()).last() == null)
                        || (believed && listed != null && !listed.contains(desired.name())))
            .toList();
    return deployNext(now, up, wanting, Cause.SERVE_UNKNOWN, reason);
  }

  private Decision serveRuns(Situation now, Head.Up up, Serve.Running serve) {
    State state = now.state();
    Optional<Orphan> orphan =
        now.seen().orphans().stream()
            .filter(each -> each.age().compareTo(grace(each.app())) >= 0)
            .filter(each -> !now.now().isBefore(state.deploysOf(each.name()).notBefore()))
            .findFirst();
    if (orphan.isPresent() && now.role() instanceof Role.Leads) {
      return work(
          new KillReplica(orphan.get().actor(), orphan.get().name()),
          Cause.REPLICA_ORPHANED,
          "Serve no longer lists %s, which holds %s; the daemon kills it"
              .formatted(orphan.get().name(), orphan.get().resources()));
    }
    List<DesiredApplication> wanting = new ArrayList<>();
    List<String> why = new ArrayList<>();
    List<String> pending = new ArrayList<>();
    List<DesiredApplication> failed = new ArrayList<>();
    List<String> failures = new ArrayList<>();
    List<String> notes = new ArrayList<>();
    Map<String, Known> news = new HashMap<>();
    Map<String, Known> ended = new HashMap<>();
    for (DesiredApplication declared : applications) {
      String name = declared.name();
      Serve.Application app = serve.apps().get(name);
      Rollout rollout = declared instanceof DesiredJava java ? new Rollout(java, app, now) : null;
      DesiredApplication desired = rollout == null ? declared : rollout.target();
      Optional<String> difference =
          app == null
              ? Optional.of("is missing")
              : desired.difference(app, state.deploysOf(name).last() != null);
      Instant deployed = state.deploysOf(name).last();
      if (deployed != null && deployed.isAfter(serve.asked())) {
        // Only its route can tell: this report of Serve is older than the deployment.
        checkRoute(desired, "was deployed", now).ifPresent(pending::add);
      } else if (app != null && app.status().equals("DELETING")) {
        pending.add(name + " is being deleted");
      } else if (app != null && app.isEmpty()) {
        pending.add("Serve has accepted " + name);
      } else if (rollout != null && app != null && rollout.isLost()) {
        ended.put(name, rollout.accepted());
        pending.add(failed(desired, app));
      } else if (difference.isPresent()) {
        wanting.add(declared);
        why.add(name + " " + difference.get() + (rollout == null ? "" : rollout.warning()));
      } else if (rollout != null && rollout.isOnTrial()) {
        notes.add(rollout.progress() + shortage(now, desired, app));
        rollout.ended().ifPresent(known -> ended.put(name, known));
        checkRoute(desired, "is on trial", now).ifPresent(pending::add);
      } else if (app != null && app.status().equals("DEPLOY_FAILED")) {
        // The running replicas are left alone. Serve itself keeps retrying, except to import
        // Python.
        if (app.replicas() > 0 && desired instanceof DesiredJava) {
          pending.add(
              failed(desired, app)
                  + "; its running replicas are left alone: %d".formatted(app.replicas()));
        } else {
          failed.add(desired);
          failures.add(failed(desired, app));
        }
      } else if (rollout != null && rollout.isTakingOver()) {
        notes.add(name + " is DEPLOYING: the replicas of the previous version end");
      } else if (app != null && !app.running()) {
        Route route = now.seen().routes().get(name);
        String unserved =
            app.replicas() > 0 && route != null && !route.serves()
                ? ", and its route " + route.reason()
                : "";
        pending.add(name + " is " + app.status() + unserved + slow(now, desired, app));
      } else {
        checkRoute(desired, "runs", now).ifPresent(pending::add);
        if (rollout != null && desired == declared) {
          news.put(name, rollout.wanted());
        }
      }
    }
    boolean serves = pending.isEmpty() && now.seen().allServe(names);
    if (!ended.isEmpty() && now.role() instanceof Role.Leads) {
      // Neither a driver nor the other applications are needed for that.
      String reason = String.join("; ", notes.isEmpty() ? pending : notes);
      Action end = recording(now, ended);
      return serves
          ? serving(end, Cause.VERSION_ON_TRIAL, reason, AT_WORK)
          : work(end, Cause.APP_PENDING, reason);
    }
    if (!wanting.isEmpty()) {
      State.Ensured ensured = state.ensured();
      if (ensured == null) {
        return withDriver(now, up, new EnsureServe(), Cause.APP_DIFFERS, String.join("; ", why));
      }
      Decision next =
          ensured.obstacle() == null
              ? deployNext(now, up, wanting, Cause.APP_DIFFERS, String.join("; ", why))
              : replace(now, up, serve, ensured);
      // Nobody notices a new version that starts beside the old one.
      return serves && next.phase() == Phase.RECOVERING && beside(now, wanting, serve)
          ? serving(next.action(), Cause.VERSION_ON_TRIAL, next.reason(), AT_WORK)
          : next;
    }
    if (!failed.isEmpty()) {
      return redo(now, up, failed, String.join("; ", failures));
    }
    for (String name : dropped) {
      Serve.Application app = serve.apps().get(name);
      boolean ours = app != null && app.version() != null && !app.status().equals("DELETING");
      if (ours && !now.now().isBefore(state.deploysOf(name).notBefore())) {
        return withDriver(
            now, up, new Delete(name), Cause.APP_DROPPED, name + " is no longer declared");
      }
    }
    Action record = now.role() instanceof Role.Leads ? recording(now, news) : new Rest();
    if (!pending.isEmpty()) {
      return work(record, Cause.APP_PENDING, String.join("; ", pending));
    }
    if (!notes.isEmpty()) {
      return serving(record, Cause.VERSION_ON_TRIAL, String.join("; ", notes), AT_WORK);
    }
    Decision rest = rest(now);
    return record instanceof Rest
        ? rest
        : serving(record, rest.cause(), rest.reason(), rest.lookAgain());
  }

  private static Decision serving(Action action, Cause cause, String reason, Duration again) {
    return new Decision(Phase.SERVING, action, cause, reason, again);
  }

  /** Returns whether all these applications go on serving while another version is submitted. */
  private static boolean beside(
      Situation now, List<DesiredApplication> wanting, Serve.Running serve) {
    return wanting.stream()
        .allMatch(
            desired ->
                desired instanceof DesiredJava java
                    && new Rollout(java, serve.apps().get(java.name()), now).wanted().trial()
                        != null);
  }

  /** Returns the recording of what is known, unless the cluster has recorded just that. */
  private Action recording(Situation now, Map<String, Known> news) {
    State state = now.state();
    Versions next = state.versions().with(news, names);
    boolean unknown = now.seen().versions() == null && !state.recorded();
    return unknown || (state.recorded() && next.equals(state.versions()))
        ? new Rest()
        : new RecordVersions(next);
  }

  /**
   * Replaces a Serve that cannot be used if everything that it runs is declared, or can be deployed
   * again from the config that it was deployed from.
   */
  private Decision replace(Situation now, Head.Up up, Serve.Running serve, State.Ensured ensured) {
    String obstacle = String.valueOf(ensured.obstacle());
    if (!ensured.replaceable()) {
      return blocked(Cause.SERVE_UNUSABLE, obstacle);
    }
    Map<String, String> restored = new TreeMap<>();
    List<String> lost = new ArrayList<>();
    serve
        .apps()
        .forEach(
            (name, app) -> {
              if (names.contains(name) || app.status().equals("DELETING")) {
                return;
              }
              if (app.submitted().isMissingNode()) {
                lost.add(name);
              } else {
                restored.put(name, app.submitted().toString());
              }
            });
    return lost.isEmpty()
        ? withDriver(
            now,
            up,
            new ReplaceServe(restored),
            Cause.SERVE_UNUSABLE,
            "Serve was started without Java support; the daemon replaces it"
                + (restored.isEmpty() ? "" : " and deploys again " + restored.keySet()))
        : blocked(
            Cause.SERVE_UNUSABLE,
            "%s The daemon does not, because it could not deploy again: %s."
                .formatted(obstacle, String.join(", ", lost)));
  }

  /** Returns why an application is not served although it should be; empty if it is served. */
  private static Optional<String> checkRoute(
      DesiredApplication desired, String state, Situation now) {
    Route route = now.seen().routes().get(desired.name());
    if (route == null) {
      return Optional.of(
          "%s %s, but the proxy does not answer for its route yet"
              .formatted(desired.name(), state));
    }
    return route.serves()
        ? Optional.empty()
        : Optional.of("%s %s, but its route %s".formatted(desired.name(), state, route.reason()));
  }

  private Decision deployNext(
      Situation now, Head.Up up, List<DesiredApplication> wanting, Cause cause, String why) {
    State state = now.state();
    Map<String, Rollout> rollouts = new HashMap<>();
    Map<String, Known> news = new HashMap<>();
    for (DesiredApplication desired : wanting) {
      if (desired instanceof DesiredJava java) {
        Serve.Application app =
            now.seen().serve() instanceof Serve.Running running
                ? running.apps().get(java.name())
                : null;
        Rollout rollout = new Rollout(java, app, now);
        rollouts.put(java.name(), rollout);
        news.put(java.name(), rollout.wanted());
      }
    }
    Versions next = state.versions().with(news, names);
    boolean recorded = state.recorded() && next.equals(state.versions());
    List<DesiredApplication> due = // A recent submission gets time to show up.
        wanting.stream()
            .filter(desired -> !within(SETTLE, state.deploysOf(desired.name()).last(), now.now()))
            .toList();
    if (due.isEmpty()) {
      return work(new Rest(), cause, why);
    }
    if (!state.uploaded()) {
      return now.role() instanceof Role.Leads
          ? obstacle(now, up).orElse(work(new Upload(), cause, why))
          : undecided();
    }
    if (!recorded && now.role() instanceof Role.Leads) {
      return obstacle(now, up).orElse(work(new RecordVersions(next), cause, why));
    }
    List<String> limited = new ArrayList<>();
    for (DesiredApplication desired : due) {
      if (state.wasSubmitted(desired.name()) && now.work().limited().contains(desired.name())) {
        limited.add(desired.name());
      } else if (!now.now().isBefore(state.deploysOf(desired.name()).notBefore())) {
        return withDriver(now, up, deploy(desired, rollouts.get(desired.name())), cause, why);
      }
    }
    if (limited.size() == due.size()) {
      return work(
          new Rest(),
          cause,
          "%s; redeployed too often, waiting: %s".formatted(why, String.join(", ", limited)));
    }
    State.Deploys first = state.deploysOf(due.get(0).name());
    return work(
        new Rest(),
        cause,
        "%s; tried %d times, waiting for the next attempt%s"
            .formatted(
                why,
                first.attempts(),
                first.refusal() == null ? "" : "; the last one was refused: " + first.refusal()));
  }

  private static Deploy deploy(DesiredApplication desired, @Nullable Rollout rollout) {
    return rollout != null && rollout.target() instanceof DesiredJava target && target != desired
        ? new Deploy(desired.name(), target.application())
        : new Deploy(desired.name());
  }

  /** Begins another attempt for the first failed application whose backoff allows it. */
  private static Decision redo(
      Situation now, Head.Up up, List<DesiredApplication> failed, String reason) {
    for (DesiredApplication desired : failed) {
      if (now.now().isBefore(now.state().deploysOf(desired.name()).notBefore())) {
        continue;
      }
      // Serve imports a Python application again if it is submitted again.
      boolean again = desired instanceof DesiredPython;
      Action action =
          !again
              ? new Delete(desired.name())
              : now.state().ensured() == null ? new EnsureServe() : new Deploy(desired.name());
      return withDriver(now, up, action, Cause.APP_FAILED, reason);
    }
    return work(new Rest(), Cause.APP_FAILED, reason + "; waiting for the next attempt");
  }

  /**
   * Returns how long a replica may live that Serve does not list. It may still be finishing
   * requests.
   */
  private Duration grace(String app) {
    return applications.stream()
        .filter(desired -> desired.name().equals(app))
        .filter(DesiredJava.class::isInstance)
        .map(DesiredJava.class::cast)
        .mapToDouble(desired -> desired.application().lifecycle().gracefulShutdownTimeoutS())
        .mapToObj(seconds -> Duration.ofMillis(Math.round(seconds * 1_000)).plusSeconds(10))
        .filter(grace -> grace.compareTo(FORGOTTEN) > 0)
        .findFirst()
        .orElse(FORGOTTEN);
  }

  /**
   * Returns what an application waits for once it has waited for {@link #SLOW}, and Serve's message
   * before that.
   */
  private static String slow(Situation now, DesiredApplication desired, Serve.Application app) {
    Duration age = now.seen().starting().get(desired.name());
    return desired instanceof DesiredJava java && age != null && age.compareTo(SLOW) >= 0
        ? Shortage.explain(
            java.application(), app.replicas(), age, now.seen().capacity(), now.seen().orphans())
        : because(app.message());
  }

  /** Returns what a version on trial lacks, once it has been starting for long. */
  private static String shortage(
      Situation now, DesiredApplication desired, Serve.@Nullable Application app) {
    Duration age = now.seen().starting().get(desired.name());
    return app != null && age != null && age.compareTo(SLOW) >= 0
        ? slow(now, desired, app).replaceFirst("^ for \\d+ s", "") // It would change all the time.
        : "";
  }

  private static String failed(DesiredApplication desired, Serve.Application app) {
    return desired.name() + " failed to deploy" + because(app.message());
  }

  /** Returns the action if a connected driver is idle. Otherwise returns the step towards one. */
  private static Decision withDriver(
      Situation now, Head.Up up, Action action, Cause cause, String reason) {
    Optional<Decision> obstacle = obstacle(now, up);
    if (obstacle.isPresent()) {
      return obstacle.get();
    }
    DriverView driver = now.driver();
    Action next =
        switch (driver.phase()) {
          case ABSENT -> warmUp(now);
          case STARTING -> new Rest();
          case WARM ->
              driver.busyWith() == null && up.localNode() != null
                  ? new Connect(up.identity().session(), up.localNode())
                  : new Rest();
          case CONNECTED -> driver.busyWith() == null ? action : new Rest();
        };
    if (next.equals(action) && !(now.role() instanceof Role.Leads)) {
      // Connecting is allowed before: it takes a while and changes nothing in the cluster.
      return undecided();
    }
    // While the driver is busy or starting, the packages that it will need can be uploaded.
    boolean spare = next instanceof Rest && now.role() instanceof Role.Leads;
    return work(spare && !now.state().uploaded() ? new Upload() : next, cause, reason);
  }

  /** Returns why the daemon cannot or must not work on this cluster; empty if it can. */
  private static Optional<Decision> obstacle(Situation now, Head.Up up) {
    if (up.rayVersion().equals(Head.VERSION_UNKNOWN)) {
      return Optional.of(
          work(new Rest(), Cause.VERSION, "the cluster has not reported its Ray version yet"));
    }
    if (!up.rayVersion().equals(now.driver().rayVersion())) {
      return Optional.of(
          blocked(
              Cause.VERSION,
              "the cluster runs Ray %s, but this machine has Ray %s: install %1$s here, or name its"
                      .formatted(up.rayVersion(), now.driver().rayVersion())
                  + " 'ray' command with --ray"));
    }
    if (up.localNode() == null && now.driver().session() == null) {
      return Optional.of(
          new Decision(
              Phase.WAITING,
              warmUp(now),
              Cause.NODE_MISSING,
              "no Ray node of this cluster runs on this machine, but the driver needs one: run"
                  + " 'ray start --address=...', or start the daemon with --join",
              AWAY));
    }
    return Optional.empty();
  }

  private static Decision undecided() {
    return work(
        new Rest(), Cause.LEAD_UNKNOWN, "waiting for the cluster to report which daemon leads");
  }

  private static Decision work(Action action, Cause cause, String reason) {
    return new Decision(Phase.RECOVERING, action, cause, reason, AT_WORK);
  }

  private static Decision blocked(Cause cause, String reason) {
    return new Decision(Phase.BLOCKED, new Rest(), cause, reason, STUCK);
  }

  private static boolean within(Duration duration, @Nullable Instant since, Instant now) {
    return since != null && now.isBefore(since.plus(duration));
  }

  private static String because(String message) {
    return message.isBlank() ? "" : ": " + message.strip().replaceAll("\\s+", " ");
  }
}
