package ai.seedcore.serve.daemon.observe;

import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A repeated request that may take longer than one look waits. The call stays pending across looks
 * until its response arrives. There is at most one call at a time, and the last response stays
 * valid meanwhile. Used by one thread.
 */
final class PendingCall<T> {

  private final Supplier<CompletableFuture<T>> ask;
  private final Duration fresh;
  private @Nullable CompletableFuture<T> asked;
  private @Nullable T answer;
  private long answeredAt;

  /**
   * Creates a call that has not been started.
   *
   * @param ask starts the request; its future never fails
   * @param fresh how long a response stays fresh
   */
  PendingCall(Supplier<CompletableFuture<T>> ask, Duration fresh) {
    this.ask = ask;
    this.fresh = fresh;
  }

  /** Starts the request, unless one is pending or the last response is fresh. */
  void ask() {
    ask(fresh);
  }

  /** Starts the request, unless one is pending or the last response is no older than this. */
  void ask(Duration age) {
    boolean stale = answer == null || System.nanoTime() - answeredAt > age.toNanos();
    if (asked == null && stale) {
      asked = ask.get();
    }
  }

  /**
   * Returns the response if it arrives in time. Otherwise returns the last one, and the call stays
   * pending.
   */
  Optional<T> within(Duration patience) {
    ask();
    if (asked != null) {
      try {
        answer = asked.get(patience.toMillis(), TimeUnit.MILLISECONDS);
        answeredAt = System.nanoTime();
        asked = null;
      } catch (TimeoutException e) {
        return Optional.ofNullable(answer);
      } catch (ExecutionException e) {
        throw new IllegalStateException(e); // These futures never fail.
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
    return Optional.ofNullable(answer);
  }

  /** Returns the last response without starting a request. */
  Optional<T> last() {
    return Optional.ofNullable(answer);
  }

  /** Discards the response and the pending call: they belong to another session. */
  void forget() {
    asked = null;
    answer = null;
  }
}
