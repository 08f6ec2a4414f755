package ai.seedcore.serve.daemon.decide;

import ai.seedcore.serve.daemon.config.Upgrade.Order;
import ai.seedcore.serve.daemon.observe.Route;
import ai.seedcore.serve.daemon.observe.Serve;
import ai.seedcore.serve.daemon.rollout.Verdict;
import ai.seedcore.serve.daemon.rollout.Versions.Known;
import ai.seedcore.serve.daemon.rollout.Versions.Trial;
import java.time.Duration;
import java.time.Instant;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Decides which version of a Java application Serve should run: the declared one, or the one that
 * was accepted last, until the declared one has passed its trial.
 *
 * <p>The controller starts replicas of a version on trial beside those that serve, and holds them
 * back (java_support.py) until the version is recorded as accepted. If it is rejected, the previous
 * version is submitted again, which ends the replicas on trial.
 *
 * @param declared the declared application
 * @param app the application as Serve reports it; null if it does not, or if that is not known
 */
record Rollout(DesiredJava declared, Serve.@Nullable Application app, Situation now) {

  /**
   * How long a version must not have served before there is nothing left to protect by a trial. A
   * late probe, or a proxy that is still starting, says nothing about the version.
   */
  static final Duration FAILED = Duration.ofSeconds(30);

  /** Returns what Serve should run now. */
  DesiredApplication target() {
    Known known = known();
    if (known == null || !isDecided(known)) {
      return declared;
    }
    DesiredJava good = declared.withApplication(known.good());
    if (!known.tries(version()) || app == null) {
      return good;
    }
    boolean goesOn = version().equals(app.version()) ? !servesNothing() : hasStarted();
    return goesOn ? declared : good;
  }

  /** Returns whether the record decides which version should run now. */
  private boolean isDecided(Known known) {
    return canHold()
        && ((known.tries(version()) && !hasFailed())
            || known.rejects(version(), declared.terms())
            || runsAnotherTrial(known));
  }

  /**
   * Returns whether Serve's target is a version on trial that is no longer declared. It remains in
   * the record until the previous version is the target again: nothing else holds it back.
   */
  private boolean runsAnotherTrial(Known known) {
    Trial trial = known.trial();
    return trial != null
        && app != null
        && trial.version().equals(app.version())
        && !trial.version().equals(version())
        && !trial.version().equals(known.good().version());
  }

  /** Returns whether this Serve can hold a version back, as far as is known. */
  private boolean canHold() {
    State.Ensured ensured = now.state().ensured();
    return ensured == null || ensured.completed();
  }

  private boolean servesNothing() {
    Route route = now.seen().routes().get(declared.name());
    return app != null && app.replicas() == 0 && (route == null || !route.serves());
  }

  /** Returns what must be recorded before the target is submitted. */
  Known wanted() {
    Known known = known();
    if (known != null && isDecided(known)) {
      return known;
    }
    return known != null && isTried(known)
        ? new Known(known.good(), new Trial(version(), declared.terms(), null))
        : accepted();
  }

  /** Returns whether the declared version has to pass a trial before it replaces a good one. */
  private boolean isTried(Known known) {
    return app != null
        && now.state().ensured() != null
        && canHold()
        && !known.good().version().equals(version())
        // Otherwise somebody else's version runs, or the beginning of another trial.
        && (known.trial() != null || known.good().version().equals(app.version()))
        && app.replicas() > 0
        && whyReplaced().isEmpty();
  }

  /** Returns whether the version that Serve runs has come up, whether or not it responds well. */
  private boolean hasStarted() {
    return isServed()
        || (app != null && app.running() && now.seen().routes().get(declared.name()) != null);
  }

  /** Returns whether the old version had replicas, but has not served for long. */
  private boolean hasFailed() {
    Instant since = now.state().unserved().get(declared.name());
    return since != null && !now.now().isBefore(since.plus(FAILED));
  }

  private boolean isServed() {
    Route route = now.seen().routes().get(declared.name());
    return app != null && app.replicas() > 0 && route != null && route.serves();
  }

  /** Returns what a person should know before the version is replaced, as the end of a sentence. */
  String warning() {
    Known known = known();
    boolean replaces =
        known != null && wanted().trial() == null && !known.good().version().equals(version());
    return replaces && app != null && app.replicas() > 0
        ? whyReplaced().map(why -> "; the old version is stopped first, because " + why).orElse("")
        : "";
  }

  /** Returns why the old version is stopped before the new one starts; empty if it is not. */
  private Optional<String> whyReplaced() {
    Order order = declared.upgrade();
    if (hasFailed()) {
      return Optional.of("its route has not been served for %d s".formatted(FAILED.toSeconds()));
    }
    Known known = known();
    if (known != null && !Objects.equals(known.good().route(), declared.application().route())) {
      return Optional.of("its route changes");
    }
    if (order == Order.STOP_FIRST) {
      return Optional.of("upgrade.order is stop-first");
    }
    return order == Order.AUTO && !Shortage.hasRoom(declared.application(), now.seen().capacity())
        ? Optional.of("no node has the resources for a replica of each")
        : Optional.empty();
  }

  /** Returns whether the declared version is on trial now. */
  boolean isOnTrial() {
    Known known = known();
    return known != null
        && app != null
        && known.tries(version())
        && version().equals(app.version())
        && (!servesNothing() || hasFailed());
  }

  /**
   * Returns whether neither version serves: the good one has failed to start. Then the declared one
   * is deployed, whatever is known of it.
   */
  boolean isLost() {
    Known known = known();
    return known != null
        && app != null
        && app.replicas() == 0
        && app.status().equals("DEPLOY_FAILED")
        && known.good().version().equals(app.version())
        && isDecided(known);
  }

  /** Returns what is known once the declared version is the one to serve. */
  Known accepted() {
    return new Known(declared.application(), null);
  }

  /** Returns whether as many replicas run as are declared, while Serve ends others. */
  boolean isTakingOver() {
    Integer replicas = declared.replicas();
    return app != null
        && app.status().equals("DEPLOYING")
        && app.replicas() >= (replicas == null ? 1 : replicas)
        && isServed();
  }

  /** Returns the end of the trial, to be recorded; empty while it goes on. */
  Optional<Known> ended() {
    Known known = known();
    if (known == null || app == null) {
      return Optional.empty();
    }
    Verdict verdict = verdict();
    if (app.status().equals("DEPLOY_FAILED")) {
      return Optional.of(rejected(known, "does not start: " + app.message().strip()));
    } else if (verdict.outcome() == Verdict.Outcome.FAILED) {
      return Optional.of(rejected(known, verdict.why()));
    }
    // If it runs, nothing has held it back.
    return verdict.outcome() == Verdict.Outcome.PASSED || app.running() || hasFailed()
        ? Optional.of(accepted())
        : Optional.empty();
  }

  private Known rejected(Known known, String why) {
    return new Known(
        known.good(), new Trial(version(), declared.terms(), why.replaceAll("\\s+", " ")));
  }

  /** Returns what a person should know about a rejected version; empty if it was not rejected. */
  Optional<String> rejection() {
    Known known = known();
    return known == null || known.trial() == null || !known.rejects(version(), declared.terms())
        ? Optional.empty()
        : Optional.of(
            "%s: version %s was rejected, and version %s serves on: it %s"
                .formatted(
                    declared.name(), version(), known.good().version(), known.trial().rejected()));
  }

  /** Returns how far the trial is. */
  String progress() {
    Known known = known();
    String what = verdict().why();
    return "%s: version %s is on trial%s%s"
        .formatted(
            declared.name(),
            version(),
            known == null ? "" : " beside version " + known.good().version(),
            what.isEmpty() ? "" : ": " + what);
  }

  private Verdict verdict() {
    Verdict verdict = now.seen().trials().get(declared.name());
    return verdict != null && verdict.version().equals(version())
        ? verdict
        : new Verdict(version(), Verdict.Outcome.OPEN, "");
  }

  private @Nullable Known known() {
    return now.state().versions().of(declared.name());
  }

  private String version() {
    return declared.version();
  }
}
