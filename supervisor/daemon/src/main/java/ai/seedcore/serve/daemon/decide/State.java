package ai.seedcore.serve.daemon.decide;

import ai.seedcore.serve.daemon.observe.Head;
import ai.seedcore.serve.daemon.observe.Identity;
import ai.seedcore.serve.daemon.observe.Observation;
import ai.seedcore.serve.daemon.observe.Serve;
import java.time.Instant;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What is remembered from look to look. All but the identity belongs to one life of the cluster and
 * is forgotten with it.
 *
 * @param identity the life of the cluster that was seen last; null: none yet
 * @param fresh whether we saw this life begin: then nobody else can have served anything in it yet
 * @param ensuredAt when the driver last made sure of Serve; null: not in this life
 * @param trouble why the Serve that runs is of no use to us; empty where it is
 * @param controller the Serve controller that was seen last; null: none yet
 * @param uploaded whether the packages are where the cluster's nodes fetch them
 * @param deploys what was submitted, by application
 */
public record State(
    @Nullable Identity identity,
    boolean fresh,
    @Nullable Instant ensuredAt,
    String trouble,
    @Nullable String controller,
    boolean uploaded,
    Map<String, Deploys> deploys) {

  /** Nothing is known. */
  public static final State EMPTY = new State(null, false, null, "", null, false, Map.of());

  /**
   * What was submitted of one application in this life of the cluster.
   *
   * @param attempts how often
   * @param last when last; null: never
   * @param notBefore no next one before this time
   */
  public record Deploys(int attempts, @Nullable Instant last, Instant notBefore) {
    static final Deploys NONE = new Deploys(0, null, Instant.MIN);
  }

  Deploys deploysOf(String name) {
    return deploys.getOrDefault(name, Deploys.NONE);
  }

  /** The state after a look: a new life of the cluster forgets the old one's. */
  public State seen(Observation observation) {
    if (!(observation.head() instanceof Head.Up up)) {
      return this;
    }
    State next = this;
    if (identity == null || !identity.sameAs(up.identity())) {
      // Another head of the same session is one that got its state back, with all that it served.
      boolean witnessed = identity != null && !identity.session().equals(up.identity().session());
      next = new State(up.identity(), witnessed, null, "", null, false, Map.of());
    } else {
      Identity known = up.identity().headNode() == null ? identity : up.identity();
      next = new State(known, fresh, ensuredAt, trouble, controller, uploaded, deploys);
    }
    if (observation.serve() instanceof Serve.Running running) {
      if (next.controller == null) {
        next = next.withServe(next.ensuredAt, next.trouble, running.controller());
      } else if (!running.controller().equals(next.controller)) {
        next = next.withServe(null, "", running.controller()); // It deserves a fresh look.
      }
    }
    return next;
  }

  /** The state after the driver made sure of Serve. */
  public State withServe(@Nullable Instant at, String newTrouble, @Nullable String of) {
    return new State(identity, fresh, at, newTrouble, of, uploaded, deploys);
  }

  /** The state after an upload. */
  public State withUploaded(boolean done) {
    return new State(identity, fresh, ensuredAt, trouble, controller, done, deploys);
  }

  /** The state after an application was submitted or taken down. */
  public State withDeploy(String name, Instant at, Instant notBefore) {
    Map<String, Deploys> next = new HashMap<>(deploys);
    next.put(name, new Deploys(deploysOf(name).attempts() + 1, at, notBefore));
    return new State(identity, fresh, ensuredAt, trouble, controller, uploaded, Map.copyOf(next));
  }

  /** The state after an application was not submitted after all, and is to wait. */
  public State withDelay(String name, Instant notBefore) {
    Map<String, Deploys> next = new HashMap<>(deploys);
    Deploys old = deploysOf(name);
    next.put(name, new Deploys(old.attempts(), old.last(), notBefore));
    return new State(identity, fresh, ensuredAt, trouble, controller, uploaded, Map.copyOf(next));
  }
}
