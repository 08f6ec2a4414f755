package ai.seedcore.serve.daemon.host;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;

/**
 * A clock that never goes back, even if somebody sets the machine's clock. All waits and deadlines
 * use it. It starts with the machine's time and may drift from it. Use {@link #wall} for times that
 * people read.
 */
public final class MonotonicClock extends Clock {

  private final Instant start = Instant.now();
  private final long nanos = System.nanoTime();

  @Override
  public Instant instant() {
    return start.plusNanos(System.nanoTime() - nanos);
  }

  /** Converts a time of this clock to the machine's current time. */
  public Instant wall(Instant time) {
    return Instant.now().plus(Duration.between(instant(), time));
  }

  @Override
  public ZoneId getZone() {
    return ZoneOffset.UTC;
  }

  @Override
  public Clock withZone(ZoneId zone) {
    return this;
  }
}
