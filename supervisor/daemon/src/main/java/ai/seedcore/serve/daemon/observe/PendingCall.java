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
 * A request that may take longer than a look may wait: it goes on from look to look until it is
 * answered, is not asked twice at a time, and until then its last answer holds. Used by one thread.
 */
final class PendingCall<T> {

  private final Supplier<CompletableFuture<T>> ask;
  private final Duration fresh;
  private @Nullable CompletableFuture<T> asked;
  private @Nullable T answer;
  private long answeredAt;

  /**
   * A question.
   *
   * @param ask asks it; its answer never fails
   * @param fresh for how long an answer is good enough
   */
  PendingCall(Supplier<CompletableFuture<T>> ask, Duration fresh) {
    this.ask = ask;
    this.fresh = fresh;
  }

  /** Asks, unless it is asked already or a fresh answer is at hand. */
  void ask() {
    ask(fresh);
  }

  /** Asks, unless it is asked already or an answer is at hand that is no older than that. */
  void ask(Duration age) {
    boolean stale = answer == null || System.nanoTime() - answeredAt > age.toNanos();
    if (asked == null && stale) {
      asked = ask.get();
    }
  }

  /** The answer, if it comes in time; else the last one, and the question stays asked. */
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
        throw new IllegalStateException(e); // Answers never fail.
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
    return Optional.ofNullable(answer);
  }

  /** The last answer; asks nothing. */
  Optional<T> last() {
    return Optional.ofNullable(answer);
  }

  /** Forgets the answer: it belonged to another cluster. */
  void forget() {
    asked = null;
    answer = null;
  }
}
