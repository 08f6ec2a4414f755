package ai.seedcore.serve.daemon.host;

import io.github.resilience4j.core.IntervalFunction;
import io.github.resilience4j.retry.Retry;
import io.github.resilience4j.retry.RetryConfig;
import java.time.Duration;

/**
 * The delay after each failure in a row: it doubles, is capped, and then varies at random, so that
 * a fleet of daemons does not retry in step. Resilience4j's own random backoff applies the cap
 * last, which removes the variation just where it is needed.
 */
public final class Backoff {

  private static final double SPREAD = 0.2;

  private final Retry retry;
  private Retry.AsyncContext<?> context;

  public Backoff(String name, Duration first, Duration cap) {
    retry =
        Retry.of(
            name,
            RetryConfig.custom()
                .maxAttempts(Integer.MAX_VALUE)
                .intervalFunction(interval(first, cap))
                .build());
    context = retry.asyncContext();
  }

  /** Returns the delay after the n-th failure in a row, as Resilience4j's retry needs it. */
  public static IntervalFunction interval(Duration first, Duration cap) {
    IntervalFunction doubling = IntervalFunction.ofExponentialBackoff(first.toMillis(), 2);
    return attempt -> {
      long clamped = Math.min(doubling.apply(Math.min(attempt, 30)), cap.toMillis());
      return (long) (clamped * (1 - SPREAD + 2 * SPREAD * Math.random()));
    };
  }

  /** Records a failure and returns how long to wait now. */
  public Duration failed(Throwable error) {
    return Duration.ofMillis(Math.max(0, context.onError(error)));
  }

  /** Resets the backoff: the next failure counts as the first. */
  public void succeeded() {
    context = retry.asyncContext();
  }
}
