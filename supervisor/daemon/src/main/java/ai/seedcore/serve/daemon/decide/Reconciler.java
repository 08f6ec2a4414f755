package ai.seedcore.serve.daemon.decide;

import ai.seedcore.serve.daemon.decide.Action.Connect;
import ai.seedcore.serve.daemon.decide.Action.Delete;
import ai.seedcore.serve.daemon.decide.Action.Deploy;
import ai.seedcore.serve.daemon.decide.Action.EndDriver;
import ai.seedcore.serve.daemon.decide.Action.EnsureServe;
import ai.seedcore.serve.daemon.decide.Action.Rest;
import ai.seedcore.serve.daemon.decide.Action.StartDriver;
import ai.seedcore.serve.daemon.decide.Action.StartNode;
import ai.seedcore.serve.daemon.decide.Action.Upload;
import ai.seedcore.serve.daemon.observe.Head;
import ai.seedcore.serve.daemon.observe.Observation;
import ai.seedcore.serve.daemon.observe.Route;
import ai.seedcore.serve.daemon.observe.Serve;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Decides. Pure: no clock, no I/O, no log, no chance. Wanted minus seen, by name; what runs already
 * is left alone, and what could not be asked is waited for.
 */
public final class Reconciler {

  /** How often to look where all is well. */
  static final Duration AT_REST = Duration.ofSeconds(1);

  /** How often to look for a head that is away: its return is to be noticed within a second. */
  static final Duration AWAY = Duration.ofMillis(250);

  /** How often to look at work under way. */
  static final Duration AT_WORK = Duration.ofMillis(200);

  /** How often to look where only a person can help. */
  static final Duration STUCK = Duration.ofSeconds(2);

  /** How long Serve may take to show what was submitted. */
  static final Duration SETTLE = Duration.ofSeconds(10);

  private final List<Target> targets;
  private final Set<String> names;

  /** A reconciler towards those applications. */
  public Reconciler(List<Target> targets) {
    this.targets = List.copyOf(targets);
    this.names = targets.stream().map(Target::name).collect(Collectors.toUnmodifiableSet());
  }

  /** What to do next, given what is remembered and seen. */
  public Decision decide(
      State state, Observation seen, DriverView driver, NodeView node, Instant now) {
    if (seen.head() instanceof Head.Down down) {
      return away(down, driver, node, now);
    }
    Head.Up up = (Head.Up) seen.head();
    String session = up.identity().session();
    if (node.kind() == NodeView.Kind.WORKER && !session.equals(node.session())) {
      return startNode(node, driver, now, "our Ray node is not in session " + session);
    }
    if (driver.session() != null && !driver.session().equals(session)) {
      return work(new EndDriver(), "the driver belongs to a cluster that is no more");
    }
    if (!seen.full()) {
      return rest(driver, now);
    }
    if (seen.serve() instanceof Serve.Running running) {
      return serveRuns(state, up, running, seen, driver, now);
    }
    // Right after a head's start its dashboard takes seconds to look at Serve; but where we saw
    // the head come, nothing of ours can be there, and making sure of Serve harms nobody.
    boolean certainlyAbsent = state.fresh() && !state.deploys().keySet().containsAll(names);
    if (seen.serve() instanceof Serve.Unknown && allAnswer(seen)) {
      return rest(driver, now); // A page that is slow to say so changes nothing of it.
    }
    return seen.serve() instanceof Serve.Unknown unknown && !certainlyAbsent
        ? work(new Rest(), "Serve is unknown: " + unknown.reason())
        : serveAbsent(state, up, driver, now);
  }

  private boolean allAnswer(Observation seen) {
    return seen.routes().keySet().containsAll(names)
        && seen.routes().values().stream().allMatch(Route::answers);
  }

  private static Decision away(Head.Down head, DriverView driver, NodeView node, Instant now) {
    return node.kind() == NodeView.Kind.HEAD && node.session() == null
        ? startNode(node, driver, now, "our own head does not run")
        : new Decision(Phase.WAITING, warmUp(driver, now), head.reason(), AWAY);
  }

  private static Decision startNode(NodeView node, DriverView driver, Instant now, String reason) {
    boolean may = !node.starting() && !now.isBefore(node.notBefore());
    Action action = may ? new StartNode() : warmUp(driver, now);
    String words =
        node.starting()
            ? "our Ray node is starting"
            : node.trouble().isEmpty() ? reason : node.trouble();
    return new Decision(Phase.WAITING, action, words, AWAY);
  }

  /** A driver that is warm when there is work for it saves its start. */
  private static Action warmUp(DriverView driver, Instant now) {
    return driver.phase() == DriverView.Phase.ABSENT && !now.isBefore(driver.notBefore())
        ? new StartDriver()
        : new Rest();
  }

  private static Decision rest(DriverView driver, Instant now) {
    // A driver without a cluster cannot become a zombie of one: the next one waits unconnected.
    boolean done = driver.phase() == DriverView.Phase.CONNECTED && driver.busyWith() == null;
    Action action = done ? new EndDriver() : warmUp(driver, now);
    return new Decision(Phase.SERVING, action, "all declared routes answer", AT_REST);
  }

  private Decision serveAbsent(State state, Head.Up up, DriverView driver, Instant now) {
    boolean justEnsured = within(SETTLE, state.ensuredAt(), now);
    if (!state.trouble().isEmpty() && justEnsured) {
      return blocked(state.trouble());
    }
    if (justEnsured) {
      return deployNext(state, up, notSettled(state, targets, now), "", driver, now);
    }
    return withDriver(state, up, driver, now, new EnsureServe(), "Serve does not run");
  }

  private Decision serveRuns(
      State state,
      Head.Up up,
      Serve.Running serve,
      Observation seen,
      DriverView driver,
      Instant now) {
    List<Target> wanting = new ArrayList<>();
    List<String> why = new ArrayList<>();
    List<String> pending = new ArrayList<>();
    Decision redo = null;
    for (Target target : targets) {
      Serve.App app = serve.apps().get(target.name());
      Optional<String> difference =
          app == null ? Optional.of("is missing") : target.difference(app);
      if (app != null && app.status().equals("DELETING")) {
        pending.add(target.name() + " is being deleted");
      } else if (app != null && app.config().isMissingNode()) {
        pending.add(target.name() + " is taken in by Serve");
      } else if (difference.isPresent()) {
        wanting.add(target);
        why.add(target.name() + " " + difference.get());
      } else if (app != null && app.status().equals("DEPLOY_FAILED")) {
        redo = redo == null ? redo(state, up, target, app, driver, now) : redo;
      } else if (app != null && !app.running()) {
        pending.add(target.name() + " is " + app.status() + because(app.message()));
      } else {
        Route route = seen.routes().get(target.name());
        if (route == null) {
          pending.add(target.name() + " runs, its route is asked next");
        } else if (!route.answers()) {
          pending.add(target.name() + " runs, but its route " + route.reason());
        }
      }
    }
    if (!wanting.isEmpty()) {
      if (!state.trouble().isEmpty()) {
        return blocked(state.trouble());
      }
      if (state.ensuredAt() == null) {
        return withDriver(state, up, driver, now, new EnsureServe(), String.join("; ", why));
      }
      return deployNext(
          state, up, notSettled(state, wanting, now), String.join("; ", why), driver, now);
    }
    if (redo != null) {
      return redo;
    }
    return pending.isEmpty() ? rest(driver, now) : work(new Rest(), String.join("; ", pending));
  }

  private static List<Target> notSettled(State state, List<Target> targets, Instant now) {
    return targets.stream()
        .filter(target -> !within(SETTLE, state.deploysOf(target.name()).last(), now))
        .toList();
  }

  private Decision deployNext(
      State state, Head.Up up, List<Target> wanting, String why, DriverView driver, Instant now) {
    if (wanting.isEmpty()) {
      return work(new Rest(), why.isEmpty() ? "submitted; Serve starts the replicas" : why);
    }
    if (!state.uploaded()) {
      return work(new Upload(), why.isEmpty() ? "the packages are not on the cluster" : why);
    }
    for (Target target : wanting) {
      if (!now.isBefore(state.deploysOf(target.name()).notBefore())) {
        return withDriver(
            state,
            up,
            driver,
            now,
            new Deploy(target.name()),
            why.isEmpty() ? target.name() + " is missing" : why);
      }
    }
    return work(
        new Rest(),
        "%s; tried %d times, next at %s"
            .formatted(
                why,
                state.deploysOf(wanting.get(0).name()).attempts(),
                state.deploysOf(wanting.get(0).name()).notBefore()));
  }

  private Decision redo(
      State state, Head.Up up, Target target, Serve.App app, DriverView driver, Instant now) {
    State.Deploys deploys = state.deploysOf(target.name());
    String reason = target.name() + " failed to deploy" + because(app.message());
    return now.isBefore(deploys.notBefore())
        ? work(new Rest(), reason + "; next try at " + deploys.notBefore())
        : withDriver(state, up, driver, now, new Delete(target.name()), reason);
  }

  /** The action, once there is a driver that can do it; until then what brings one about. */
  private static Decision withDriver(
      State state, Head.Up up, DriverView driver, Instant now, Action action, String reason) {
    String nodeIp = up.localNode();
    if (nodeIp == null && driver.session() == null) {
      return new Decision(
          Phase.WAITING,
          new Rest(),
          "no Ray node of this cluster runs on this machine, and a driver needs one: start one with"
              + " 'ray start --address=...', or let --join bring one",
          AWAY);
    }
    if (!up.rayVersion().equals(driver.rayVersion())) {
      return blocked(
          "the cluster runs Ray %s, the Ray of this machine is %s: install %1$s here, or name its"
                  .formatted(up.rayVersion(), driver.rayVersion())
              + " command with --ray");
    }
    Action next =
        switch (driver.phase()) {
          case ABSENT -> now.isBefore(driver.notBefore()) ? new Rest() : new StartDriver();
          case STARTING -> new Rest();
          case WARM ->
              driver.busyWith() == null && nodeIp != null
                  ? new Connect(up.identity().session(), nodeIp)
                  : new Rest();
          case CONNECTED -> driver.busyWith() == null ? action : new Rest();
        };
    // While the driver is busy or on its way, there is time for what it will need.
    return work(next instanceof Rest && !state.uploaded() ? new Upload() : next, reason);
  }

  private static Decision work(Action action, String reason) {
    return new Decision(Phase.RECOVERING, action, reason, AT_WORK);
  }

  private static Decision blocked(String reason) {
    return new Decision(Phase.BLOCKED, new Rest(), reason, STUCK);
  }

  private static boolean within(Duration duration, @Nullable Instant since, Instant now) {
    return since != null && now.isBefore(since.plus(duration));
  }

  private static String because(String message) {
    return message.isBlank() ? "" : ": " + message.strip().replaceAll("\\s+", " ");
  }
}
