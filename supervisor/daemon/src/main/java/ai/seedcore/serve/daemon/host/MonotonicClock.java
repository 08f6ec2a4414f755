package ai.seedcore.serve.daemon.host;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;

/**
 * A clock that only moves forward, whoever sets the machine's: all waiting and all deadlines are by
 * it. It starts with the machine's time and may drift from it; what people read is {@link #wall}.
 */
public final class MonotonicClock extends Clock {

  private final Instant start = Instant.now();
  private final long nanos = System.nanoTime();

  @Override
  public Instant instant() {
    return start.plusNanos(System.nanoTime() - nanos);
  }

  /** A time of this clock as the machine's clock tells it now. */
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
