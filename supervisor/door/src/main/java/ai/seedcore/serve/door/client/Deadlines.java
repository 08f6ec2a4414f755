package ai.seedcore.serve.door.client;

import java.time.Duration;

/** Until when a client has to send the next part of its request, and to read its response. */
public final class Deadlines {

  /**
   * How long a body may make no progress, and how long it may take in total. A client that stops
   * reading its response gets the latter time, too.
   */
  private static final long PART_NANOS = Duration.ofSeconds(10).toNanos();

  private static final long BODY_NANOS = Duration.ofSeconds(60).toNanos();

  /**
   * How long a body that nobody wants is discarded in total, and without any bytes, as in nginx.
   * Closing the connection at once would make the kernel reset it, and the client might lose what
   * it has not read (RFC 9112, section 9.6).
   */
  private static final long LINGER_NANOS = Duration.ofSeconds(30).toNanos();

  private static final long LINGER_SILENCE_NANOS = Duration.ofSeconds(5).toNanos();

  private static final long FOREVER = Long.MAX_VALUE / 2;

  private long next;
  private long body;

  /** When a body that is discarded has to be complete. */
  private long linger;

  /** When the client has to have read what was written; apart, because it may send meanwhile. */
  private long read = System.nanoTime() + FOREVER;

  /** Creates deadlines of which the first is at the given time. */
  Deadlines(long first) {
    next = first;
  }

  boolean havePassed(long now) {
    return now - next >= 0 || now - read >= 0;
  }

  /** Sets the next deadline. */
  void set(long at) {
    next = at;
  }

  /** Drops the next deadline, as the client has sent everything and waits for the door. */
  public void clear(long now) {
    next = now + FOREVER;
  }

  void bodyStarted(long now) {
    body = now + BODY_NANOS;
    next = now + PART_NANOS;
  }

  /**
   * Drops the total deadline of a body that is streamed. It may take any time while it makes
   * progress.
   */
  public void bodyStreams(long now) {
    body = now + FOREVER;
    next = now + PART_NANOS;
  }

  /** Extends the deadline, as a part of the body has arrived. */
  public void bodyProgressed(long now) {
    next = body - now < PART_NANOS ? body : now + PART_NANOS;
  }

  /** Starts the deadline for the client to read its response. */
  public void readStarted(long now) {
    read = now + BODY_NANOS;
  }

  /** Drops the deadline for reading, as the client has read what was written. */
  public void readEnded(long now) {
    read = now + FOREVER;
  }

  void lingerStarted(long now) {
    linger = now + LINGER_NANOS;
    next = now + LINGER_SILENCE_NANOS;
  }

  /** Extends the deadline, as a part of a body that is discarded has arrived. */
  void discarded(long now) {
    if (linger - now > 0) {
      next = Math.min(now + LINGER_SILENCE_NANOS, linger);
    }
  }
}
