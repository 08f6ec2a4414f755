package ai.seedcore.serve.daemon.observe;

import ai.seedcore.serve.base.Foreign;
import ai.seedcore.serve.gcs.Gcs;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * The replicas of our applications as the GCS knows them, beside what Serve's controller says:
 * which ones it has forgotten, and how many requests one is at work on. Used by one thread.
 */
final class Replicas {

  private static final String NAMESPACE = "serve";

  /** Before the application's name in the name of a replica's actor; behind it stands a '#'. */
  private static final String PREFIX = "SERVE_REPLICA::";

  /** How often the actors are asked for where all is well: there may be thousands. */
  private static final Duration CALM = Duration.ofSeconds(60);

  private static final Duration TROUBLED = Duration.ofSeconds(5);

  /** By then the actors have been asked for once more: one that has just ended is not forgotten. */
  private static final Duration CONFIRMED = TROUBLED.plusSeconds(1);

  private final Gcs gcs;
  private final PendingCall<Optional<List<Gcs.Actor>>> actors;
  private final Map<String, PendingCall<Optional<Integer>>> atWork = new HashMap<>();
  private final Map<String, Long> unlistedSince = new HashMap<>();
  private String controller = "";

  Replicas(Gcs gcs) {
    this.gcs = gcs;
    this.actors =
        new PendingCall<>(
            () -> gcs.actors().thenApply(Optional::of).exceptionally(e -> Optional.empty()), CALM);
  }

  /** Asks for the actors, where they are not known well enough. */
  void ask(boolean troubled) {
    // One that is not listed may have ended since the actors were told.
    actors.ask(troubled || !unlistedSince.isEmpty() ? TROUBLED : CALM);
  }

  /** What belonged to another cluster is forgotten. */
  void forget() {
    actors.forget();
    atWork.clear();
    unlistedSince.clear();
  }

  /** The living actors; empty where they are not known yet. */
  Optional<List<Gcs.Actor>> known(Duration patience) {
    return actors.within(patience).flatMap(told -> told);
  }

  /**
   * How many requests an application's replicas are at work on, each asked itself; one that is
   * frozen or out of reach counts none. Empty where it is not known, or not yet.
   */
  Optional<Integer> atWork(String app, Duration patience) {
    return atWork
        .computeIfAbsent(app, name -> new PendingCall<>(() -> count(name), Duration.ofSeconds(3)))
        .within(patience)
        .flatMap(told -> told);
  }

  /** What was known of an application's work says nothing of a later request. */
  void forgetWork(String app) {
    atWork.remove(app);
  }

  private CompletableFuture<Optional<Integer>> count(String app) {
    return gcs.actors()
        .thenCompose(
            living -> {
              CompletableFuture<Integer> sum = CompletableFuture.completedFuture(0);
              for (Gcs.Actor actor : living) {
                if (app.equals(app(actor))) {
                  sum =
                      sum.thenCombine(
                          gcs.runningTasks(actor).exceptionally(frozenOrGone -> 0), Integer::sum);
                }
              }
              return sum;
            })
        .thenApply(Optional::of)
        .exceptionally(unknown -> Optional.empty());
  }

  /**
   * The replicas of those applications that live, and that Serve does not list: it has forgotten
   * them, and they hold their resources for ever.
   *
   * @param serve what Serve runs, seen just now
   */
  List<Orphan> orphans(Serve.Running serve, Collection<String> ours, Duration patience) {
    if (!serve.controller().equals(controller)) {
      controller = serve.controller();
      unlistedSince.clear(); // One that has just started finds its replicas again.
    }
    Map<String, Long> since = new HashMap<>();
    List<Orphan> orphans = new ArrayList<>();
    for (Gcs.Actor actor : known(patience).orElse(List.of())) {
      String app = app(actor);
      if (app == null || !ours.contains(app) || listed(serve, app, Foreign.name(actor.name()))) {
        continue;
      }
      long first = unlistedSince.getOrDefault(actor.id(), System.nanoTime());
      since.put(actor.id(), first);
      Duration age = Duration.ofNanos(System.nanoTime() - first);
      if (age.compareTo(CONFIRMED) >= 0) {
        orphans.add(
            new Orphan(
                actor.id(),
                Foreign.name(actor.name()),
                app,
                actor.pid(),
                Foreign.name(actor.host()),
                actor.resources(),
                age));
      }
    }
    unlistedSince.clear();
    unlistedSince.putAll(since);
    return orphans;
  }

  private static boolean listed(Serve.Running serve, String app, String actor) {
    Serve.App known = serve.apps().get(app);
    if (known == null) {
      return false;
    }
    // Of an application that is being deleted Serve lists no replicas, and lets them finish.
    boolean told = !known.config().isMissingNode() && !known.status().equals("DELETING");
    return !told || known.actors().contains(actor);
  }

  /** The application that an actor is a replica of; null: it is none. */
  private static @Nullable String app(Gcs.Actor actor) {
    int end = actor.name().indexOf('#');
    return actor.namespace().equals(NAMESPACE) && actor.name().startsWith(PREFIX) && end > 0
        ? actor.name().substring(PREFIX.length(), end)
        : null;
  }
}
