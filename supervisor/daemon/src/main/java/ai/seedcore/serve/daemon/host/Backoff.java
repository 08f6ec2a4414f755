package ai.seedcore.serve.daemon.host;

import io.github.resilience4j.core.IntervalFunction;
import io.github.resilience4j.retry.Retry;
import io.github.resilience4j.retry.RetryConfig;
import java.time.Duration;

/**
 * How long to wait after each failure in a row: doubling, capped, and then spread by chance, so
 * that a fleet of daemons does not come back in step. (Resilience4j's own random backoff caps last,
 * which takes the spread away just where it is wanted.)
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

  /** How long to wait after the n-th failure in a row, for a retry of Resilience4j's. */
  public static IntervalFunction interval(Duration first, Duration cap) {
    IntervalFunction doubling = IntervalFunction.ofExponentialBackoff(first.toMillis(), 2);
    return attempt -> {
      long clamped = Math.min(doubling.apply(Math.min(attempt, 30)), cap.toMillis());
      return (long) (clamped * (1 - SPREAD + 2 * SPREAD * Math.random()));
    };
  }

  /** Another failure: how long to wait now. */
  public Duration failed(Throwable error) {
    return Duration.ofMillis(Math.max(0, context.onError(error)));
  }

  /** It went well: the next failure is a first one. */
  public void succeeded() {
    context = retry.asyncContext();
  }
}
