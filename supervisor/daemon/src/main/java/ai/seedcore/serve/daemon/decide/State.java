package ai.seedcore.serve.daemon.decide;

import ai.seedcore.serve.daemon.observe.Head;
import ai.seedcore.serve.daemon.observe.Identity;
import ai.seedcore.serve.daemon.observe.Observation;
import ai.seedcore.serve.daemon.observe.Serve;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What is remembered from look to look. All but the identity belongs to one life of the cluster and
 * is forgotten with it.
 *
 * @param identity the life of the cluster that was seen last; null: none yet
 * @param controller the Serve controller that was seen last; null: there is none
 * @param ensured what the driver learned when it made sure of that Serve; null: it did not yet
 * @param opaqueSince since when nobody says what Serve runs; null: it is known
 * @param uploaded whether the packages are where the cluster's nodes fetch them
 * @param deploys what was submitted, by application
 */
public record State(
    @Nullable Identity identity,
    @Nullable String controller,
    @Nullable Ensured ensured,
    @Nullable Instant opaqueSince,
    boolean uploaded,
    Map<String, Deploys> deploys) {

  /** How long a Serve that we started may take to serve before others are asked about it. */
  static final Duration OWN = Duration.ofSeconds(15);

  /** Nothing is known. */
  public static final State EMPTY = new State(null, null, null, null, false, Map.of());

  /**
   * What the driver learned of a Serve.
   *
   * @param started whether it started it: then nothing runs there that we did not submit
   * @param completed whether it supports Java replicas in full
   * @param trouble why it is of no use to us; empty where it is
   */
  public record Ensured(boolean started, boolean completed, String trouble) {}

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

  /** Whether an application was submitted, or put off, in this life of the cluster. */
  public boolean wasSubmitted(String name) {
    return deploys.containsKey(name);
  }

  /** The state after a look: a new life of the cluster forgets the old one's. */
  public State seen(Observation observation, Instant now) {
    if (!(observation.head() instanceof Head.Up up) || !observation.full()) {
      return this;
    }
    State next = this;
    if (identity == null || !identity.sameAs(up.identity())) {
      next = new State(up.identity(), null, null, null, false, Map.of());
    } else if (up.identity().headNode() != null) {
      next = new State(up.identity(), controller, ensured, opaqueSince, uploaded, deploys);
    }
    return next.seen(observation.serve(), now);
  }

  private State seen(Serve serve, Instant now) {
    if (serve instanceof Serve.Unknown) {
      return this;
    }
    Instant opaque = serve instanceof Serve.Opaque ? opaqueSince == null ? now : opaqueSince : null;
    String id = serve.controllerId();
    boolean another = controller != null && !controller.equals(id);
    // Where there was none, the one that is there now may be the one that we just made sure of.
    return another
        ? new State(identity, id, null, opaque, uploaded, Map.of())
        : new State(identity, id, ensured, opaque, uploaded, deploys);
  }

  /**
   * Whether we know what Serve runs without being told: we started it just now, and what we submit
   * has time to come up.
   */
  public boolean knowsServe(Instant now) {
    return ensured != null
        && ensured.started()
        && opaqueSince != null
        && now.isBefore(opaqueSince.plus(OWN));
  }

  /** The state after the driver made sure of Serve. */
  public State withEnsured(Ensured learned) {
    return new State(identity, controller, learned, opaqueSince, uploaded, deploys);
  }

  /** The state after an upload. */
  public State withUploaded(boolean done) {
    return new State(identity, controller, ensured, opaqueSince, done, deploys);
  }

  /**
   * The state after the wishes changed: what was submitted says nothing of them, and what Serve
   * runs has to be asked again.
   */
  public State withNewWishes() {
    Ensured known =
        ensured == null ? null : new Ensured(false, ensured.completed(), ensured.trouble());
    return new State(identity, controller, known, opaqueSince, false, Map.of());
  }

  /** The state after an application was submitted or taken down. */
  public State withDeploy(String name, Instant at, Instant notBefore) {
    return with(name, new Deploys(deploysOf(name).attempts() + 1, at, notBefore));
  }

  /** The state after an application was not submitted after all, and is to wait. */
  public State withDelay(String name, Instant notBefore) {
    Deploys old = deploysOf(name);
    return with(name, new Deploys(old.attempts(), old.last(), notBefore));
  }

  private State with(String name, Deploys deployed) {
    Map<String, Deploys> next = new HashMap<>(deploys);
    next.put(name, deployed);
    return new State(identity, controller, ensured, opaqueSince, uploaded, Map.copyOf(next));
  }
}
