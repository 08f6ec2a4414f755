package ai.seedcore.serve.daemon.observe;

import ai.seedcore.serve.base.http.Http;
import ai.seedcore.serve.base.http.Http.Answer;
import ai.seedcore.serve.daemon.config.Probe;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/**
 * Probes one route repeatedly, as a client would. While its replicas are at work, the pending probe
 * is kept, so that no second one queues behind it.
 */
final class Probing {

  /** The reason for a route that does not respond. */
  static final String SILENCE = "does not answer in time";

  /** The limit of a probe while its replicas are at work: as long as they are. */
  private static final Duration MAX_WAIT = Duration.ofDays(1);

  /** How long the GCS and the replicas may take to report the requests in progress. */
  private static final Duration WORK_DEADLINE = Duration.ofSeconds(3);

  private final Http http;
  private final String app;
  private final String url;
  private final Probe probe;
  private final Replicas replicas;
  private @Nullable CompletableFuture<Answer> asked;
  private long askedAt;
  private @Nullable Route last;
  private @Nullable Route good;
  private long goodAt;
  private boolean resent;

  Probing(Http http, String url, String app, Probe probe, Replicas replicas) {
    this.http = http;
    this.app = app;
    this.url = url;
    this.probe = probe;
    this.replicas = replicas;
  }

  /**
   * Returns one with another probe. Until that is answered, the results so far remain valid: a
   * change of a declaration is no outage.
   */
  Probing with(Probe another) {
    if (probe.equals(another)) {
      return this;
    }
    Probing next = new Probing(http, url, app, another, replicas);
    next.last = last;
    next.good = good;
    next.goodAt = goodAt;
    return next;
  }

  /** Sends a probe, unless one is pending. */
  void ask() {
    if (asked == null) {
      askedAt = System.nanoTime();
      replicas.forgetWork(app);
      asked = http.call(url, Map.of(), probe.bodyText(), MAX_WAIT);
    }
  }

  void forget() {
    abandon();
    last = null;
    good = null;
  }

  private void abandon() {
    if (asked != null) {
      asked.cancel(false);
      asked = null;
    }
  }

  /**
   * Returns the latest result. If the route is silent and no replica is at work, the last good
   * result stays valid for a while: one lost packet is not an outage. A refusal takes effect at
   * once.
   */
  Optional<Route> within(Duration patience) {
    ask();
    collect(patience);
    if (last != null && last.silent() && !last.busy() && good != null) {
      return Optional.of(System.nanoTime() - goodAt < Observer.GRACE.toNanos() ? good : last);
    }
    return Optional.ofNullable(last);
  }

  private void collect(Duration patience) {
    if (asked == null) {
      return;
    }
    try {
      Answer answer = asked.get(patience.toMillis(), TimeUnit.MILLISECONDS);
      Optional<String> mismatch = probe.mismatch(answer);
      answered(new Route(mismatch.isEmpty(), mismatch.orElse(""), millis(), Instant.now(), false));
    } catch (TimeoutException e) {
      overdue(patience);
    } catch (ExecutionException | CancellationException e) {
      Throwable cause = e.getCause() == null ? e : e.getCause();
      if (Http.brokenOff(cause) && !resent) {
        resent = true;
        asked = null;
        ask();
        return;
      }
      String reason = Http.reason(cause);
      answered(new Route(false, reason, millis(), Instant.now(), Http.silent(cause)));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void answered(Route route) {
    asked = null;
    resent = false;
    last = route;
    if (route.answers()) {
      good = route;
      goodAt = System.nanoTime();
    } else if (!route.silent()) {
      good = null;
    }
  }

  /** Evaluates a probe without a response, once the declared timeout has passed. */
  private void overdue(Duration patience) {
    if (millis() < probe.timeout().toMillis()) {
      return;
    }
    Optional<Integer> told = replicas.atWork(app, patience);
    boolean wasBusy = last != null && last.busy();
    if (told.isEmpty() && (wasBusy || millis() < probe.timeout().plus(WORK_DEADLINE).toMillis())) {
      return; // The replicas are being asked, or cannot be asked at the moment.
    }
    int atWork = told.orElse(0);
    last =
        new Route(
            false,
            atWork > 0
                ? "is busy: at work on %d requests for longer than the probe's timeout"
                    .formatted(atWork)
                : SILENCE,
            millis(),
            Instant.now(),
            true,
            atWork);
    if (atWork == 0) {
      abandon(); // The request may be lost. The next look sends another.
    }
  }

  private long millis() {
    return (System.nanoTime() - askedAt) / 1_000_000;
  }

  /** Returns whether the last result was silence. */
  boolean doubtful() {
    return last != null && last.silent();
  }
}
