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

/**
 * The replicas of the declared applications, as the GCS reports them. They complement what Serve's
 * controller reports: which replicas it no longer lists, and how many requests they are at work on.
 * Used by one thread.
 */
final class Replicas {

  /** The interval between reads of the actors while all is well. There may be thousands. */
  private static final Duration HEALTHY_INTERVAL = Duration.ofSeconds(60);

  private static final Duration TROUBLE_INTERVAL = Duration.ofSeconds(5);

  /**
   * The minimum age of an orphan. By then the actors have been read again, so a replica that has
   * just ended does not count.
   */
  private static final Duration MIN_ORPHAN_AGE = TROUBLE_INTERVAL.plusSeconds(1);

  private final Gcs gcs;
  private final PendingCall<Optional<List<Gcs.Actor>>> actors;
  private final Map<String, PendingCall<Optional<Integer>>> atWork = new HashMap<>();
  private final Map<String, Long> unlistedSince = new HashMap<>();
  private String controller = "";

  Replicas(Gcs gcs) {
    this.gcs = gcs;
    this.actors =
        new PendingCall<>(
            () -> gcs.actors().thenApply(Optional::of).exceptionally(e -> Optional.empty()),
            HEALTHY_INTERVAL);
  }

  /** Reads the actors, unless the last response is recent enough. */
  void ask(boolean troubled) {
    // An unlisted replica may have ended since the last response.
    actors.ask(troubled || !unlistedSince.isEmpty() ? TROUBLE_INTERVAL : HEALTHY_INTERVAL);
  }

  /** Discards everything that belongs to another session. */
  void forget() {
    actors.forget();
    atWork.clear();
    unlistedSince.clear();
  }

  /** Returns the living actors; empty if they are not known yet. */
  Optional<List<Gcs.Actor>> known(Duration patience) {
    return actors.within(patience).flatMap(told -> told);
  }

  /**
   * Returns how many requests an application's replicas are at work on. Asks each replica. A
   * replica that hangs or is unreachable counts as 0. Returns empty if the number is not known, or
   * not yet.
   */
  Optional<Integer> atWork(String app, Duration patience) {
    return atWork
        .computeIfAbsent(app, name -> new PendingCall<>(() -> count(name), Duration.ofSeconds(3)))
        .within(patience)
        .flatMap(told -> told);
  }

  /** Discards what is known about an application's work. It does not apply to a later request. */
  void forgetWork(String app) {
    atWork.remove(app);
  }

  private CompletableFuture<Optional<Integer>> count(String app) {
    return gcs.actors()
        .thenCompose(
            living -> {
              CompletableFuture<Integer> sum = CompletableFuture.completedFuture(0);
              for (Gcs.Actor actor : living) {
                if (app.equals(ReplicaName.app(actor))) {
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
   * Returns the living replicas of these applications that Serve does not list. Serve will never
   * stop them, so they hold their resources forever.
   *
   * @param serve the current state of Serve
   * @param ours the names of the applications
   * @param patience how long to wait for the actors
   */
  List<Orphan> orphans(Serve.Running serve, Collection<String> ours, Duration patience) {
    if (!serve.controller().equals(controller)) {
      controller = serve.controller();
      unlistedSince.clear(); // A controller that has just started still recovers its replicas.
    }
    Map<String, Long> since = new HashMap<>();
    List<Orphan> orphans = new ArrayList<>();
    for (Gcs.Actor actor : known(patience).orElse(List.of())) {
      String app = ReplicaName.app(actor);
      if (app == null || !ours.contains(app) || listed(serve, app, Foreign.name(actor.name()))) {
        continue;
      }
      long first = unlistedSince.getOrDefault(actor.id(), System.nanoTime());
      since.put(actor.id(), first);
      Duration age = Duration.ofNanos(System.nanoTime() - first);
      if (age.compareTo(MIN_ORPHAN_AGE) >= 0) {
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
    Serve.Application known = serve.apps().get(app);
    if (known == null) {
      return false;
    }
    // Serve lists no replicas of an application that it is deleting, and lets them finish.
    boolean told = !known.config().isMissingNode() && !known.status().equals("DELETING");
    return !told || known.actors().contains(actor);
  }
}
