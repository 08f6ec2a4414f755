package ai.seedcore.serve.daemon.decide;

import ai.seedcore.serve.daemon.observe.Head;
import ai.seedcore.serve.daemon.observe.Identity;
import ai.seedcore.serve.daemon.observe.Observation;
import ai.seedcore.serve.daemon.observe.Serve;
import ai.seedcore.serve.daemon.rollout.Versions;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What the control loop remembers between observations. All of it except the identity and the
 * versions belongs to one session and is discarded with it.
 *
 * @param identity the session seen last; null if none was seen yet
 * @param controller the actor id of the Serve controller seen last; null if there is none
 * @param ensured what the driver learned when it ensured that Serve runs; null if it has not yet
 * @param opaqueSince since when Serve's applications have been unknown; null if they are known
 * @param uploaded whether the packages are in the GCS, from which the nodes fetch them
 * @param deploys the submissions, by application
 * @param versions the versions of the applications. They outlive a session: a new cluster starts
 *     with what worked in the previous one
 * @param recorded whether this session's cluster has recorded the versions
 * @param unserved since when applications that had replicas have not been served
 */
public record State(
    @Nullable Identity identity,
    @Nullable String controller,
    @Nullable Ensured ensured,
    @Nullable Instant opaqueSince,
    boolean uploaded,
    Map<String, Deploys> deploys,
    Versions versions,
    boolean recorded,
    Map<String, Instant> unserved) {

  /** How long a Serve that the daemon started may take until its applications must be asked for. */
  static final Duration OWN = Duration.ofSeconds(15);

  /** The initial state: nothing is known. */
  public static final State EMPTY =
      new State(null, null, null, null, false, Map.of(), Versions.NONE, false, Map.of());

  /**
   * What the driver learned about a running Serve.
   *
   * @param started whether the driver started it; then nothing runs there that the daemon did not
   *     submit
   * @param completed whether it fully supports Java replicas
   * @param obstacle why it cannot be used; null if it can
   * @param replaceable whether another Serve may take its place if everything that it runs can be
   *     deployed again
   */
  public record Ensured(
      boolean started, boolean completed, @Nullable String obstacle, boolean replaceable) {

    /** Creates what was learned about a Serve that nothing may replace. */
    public Ensured(boolean started, boolean completed, @Nullable String obstacle) {
      this(started, completed, obstacle, false);
    }
  }

  /**
   * The submissions of one application in this session.
   *
   * @param attempts how many there were
   * @param last the time of the last one; null if there was none
   * @param notBefore the earliest time for the next one
   * @param refusal why Serve did not accept the last one; null if it did
   */
  public record Deploys(
      int attempts, @Nullable Instant last, Instant notBefore, @Nullable String refusal) {
    static final Deploys NONE = new Deploys(0, null, Instant.MIN, null);
  }

  Deploys deploysOf(String name) {
    return deploys.getOrDefault(name, Deploys.NONE);
  }

  /** Returns whether an application was submitted or delayed in this session. */
  public boolean wasSubmitted(String name) {
    return deploys.containsKey(name);
  }

  /** Returns the state after an observation. A new session discards what belongs to the old one. */
  public State seen(Observation observation, Instant now) {
    if (!(observation.head() instanceof Head.Up up) || !observation.full()) {
      return this;
    }
    State old =
        identity != null && identity.sameAs(up.identity())
            ? this
            : new State(
                up.identity(), null, null, null, false, Map.of(), versions, false, Map.of());
    State next =
        new State(
            up.identity().headNode() == null ? old.identity : up.identity(),
            old.controller,
            old.ensured,
            old.opaqueSince,
            old.uploaded,
            old.deploys,
            old.versions,
            old.recorded,
            old.unservedAfter(observation, now));
    return next.seen(observation.versions()).seen(observation.serve(), now);
  }

  /** A cluster that has recorded nothing is new: what was known before remains. */
  private State seen(@Nullable Versions found) {
    return found == null || found.apps().isEmpty() ? this : withVersions(found);
  }

  private State seen(Serve serve, Instant now) {
    if (serve instanceof Serve.Unknown) {
      return this;
    }
    Instant opaque = serve instanceof Serve.Opaque ? opaqueSince == null ? now : opaqueSince : null;
    String id = serve.controllerId();
    boolean another = controller != null && !controller.equals(id);
    // If no controller was known, this one may be the one that was just ensured.
    return another
        ? new State(identity, id, null, opaque, uploaded, Map.of(), versions, recorded, unserved)
        : new State(identity, id, ensured, opaque, uploaded, deploys, versions, recorded, unserved);
  }

  /**
   * Returns since when applications have not been served. They count once they have replicas, and
   * until they are served or gone.
   */
  private Map<String, Instant> unservedAfter(Observation observation, Instant now) {
    Map<String, Instant> since = new HashMap<>(unserved);
    if (observation.serve() instanceof Serve.Running running) {
      since.keySet().retainAll(running.apps().keySet());
      running
          .apps()
          .forEach(
              (name, app) -> {
                if (app.replicas() > 0) {
                  since.putIfAbsent(name, now);
                }
              });
    }
    observation
        .routes()
        .forEach(
            (name, route) -> {
              if (route.serves()) {
                since.remove(name);
              }
            });
    return Map.copyOf(since);
  }

  /**
   * Returns whether the daemon knows what Serve runs without asking: it has just started this
   * Serve, and its submissions still have time to come up.
   */
  public boolean knowsServe(Instant now) {
    return ensured != null
        && ensured.started()
        && opaqueSince != null
        && now.isBefore(opaqueSince.plus(OWN));
  }

  /** Returns the state after the driver ensured that Serve runs. */
  public State withEnsured(Ensured learned) {
    return new State(
        identity,
        controller,
        learned,
        opaqueSince,
        uploaded,
        deploys,
        versions,
        recorded,
        unserved);
  }

  /** Returns the state after an upload, or without one. */
  public State withUploaded(boolean done) {
    return new State(
        identity, controller, ensured, opaqueSince, done, deploys, versions, recorded, unserved);
  }

  /** Returns the state in which the cluster has recorded these versions. */
  public State withVersions(Versions now) {
    return new State(
        identity, controller, ensured, opaqueSince, uploaded, deploys, now, true, unserved);
  }

  /**
   * Returns the state after the desired state changed. Earlier submissions no longer apply, and
   * Serve's applications must be asked for again.
   */
  public State withNewWishes() {
    Ensured known =
        ensured == null
            ? null
            : new Ensured(false, ensured.completed(), ensured.obstacle(), ensured.replaceable());
    return new State(
        identity, controller, known, opaqueSince, false, Map.of(), versions, recorded, unserved);
  }

  /** Returns the state after an application was submitted or deleted. */
  public State withDeploy(String name, Instant at, Instant notBefore) {
    return with(name, new Deploys(deploysOf(name).attempts() + 1, at, notBefore, null));
  }

  /** Returns the state in which the next action on this application or replica waits. */
  public State withDelay(String name, Instant notBefore) {
    Deploys old = deploysOf(name);
    return with(name, new Deploys(old.attempts(), old.last(), notBefore, old.refusal()));
  }

  /** Returns the state after Serve refused an application, so that it does not show up. */
  public State withRefusal(String name, String reason, Instant notBefore) {
    Deploys old = deploysOf(name);
    Instant later = notBefore.isAfter(old.notBefore()) ? notBefore : old.notBefore();
    return with(name, new Deploys(old.attempts(), null, later, reason));
  }

  private State with(String name, Deploys deployed) {
    Map<String, Deploys> next = new HashMap<>(deploys);
    next.put(name, deployed);
    return new State(
        identity,
        controller,
        ensured,
        opaqueSince,
        uploaded,
        Map.copyOf(next),
        versions,
        recorded,
        unserved);
  }
}
