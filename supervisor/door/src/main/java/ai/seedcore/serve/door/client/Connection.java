package ai.seedcore.serve.door.client;

import ai.seedcore.serve.base.http.Abort;
import io.netty.channel.Channel;
import io.netty.channel.WriteBufferWaterMark;
import io.netty.util.AttributeKey;
import io.vertx.core.http.HttpConnection;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** A client's connection, with its intake and its deadline for the next complete request. */
public final class Connection implements Intake.Owner {

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

  /** How long a client that has closed its sending side may wait for its response. */
  private static final long HALF_CLOSED_NANOS = Duration.ofMinutes(5).toNanos();

  private static final long FOREVER = Long.MAX_VALUE / 2;

  /** How many written bytes may be unread before the response counts as unread. */
  private static final WriteBufferWaterMark WATER_MARKS =
      new WriteBufferWaterMark(1 << 10, 4 << 10);

  private static final AttributeKey<Connection> KEY =
      AttributeKey.valueOf(Connection.class, "connection");

  /** What handles the connection's current request. */
  public interface Current {

    /** Returns whether a client that has closed its sending side still gets a response. */
    boolean awaitsResponse();

    /** Returns whether a part of the response has been sent. */
    boolean isResponding();
  }

  private final Connections all;
  private final HttpConnection connection;
  private final Channel channel;
  private final Client client;
  private final Room budget;
  private final Pace pace;
  private final Intake intake;

  private boolean idle = true;
  private long turn;
  private long deadline;
  private long bodyDeadline;

  /** When the client has to have read what was written; apart, because it may send meanwhile. */
  private long readDeadline = System.nanoTime() + FOREVER;

  private boolean closing;
  private boolean awaitingReader;

  /** When a body that is discarded has to be complete. */
  private long lingerDeadline;

  /** What is charged for an unread response or, while a body is discarded, for its head. */
  private long charged;

  private @Nullable Current current;

  Connection(
      Connections all,
      HttpConnection connection,
      Channel channel,
      Client client,
      Room budget,
      Pace pace) {
    this.all = all;
    this.connection = connection;
    this.channel = channel;
    this.client = client;
    this.budget = budget;
    this.pace = pace;
    channel.config().setWriteBufferWaterMark(WATER_MARKS);
    channel.attr(KEY).set(this);
    this.intake = Intake.of(channel, client, budget, pace, this);
    this.deadline = System.nanoTime() + all.idleNanos();
  }

  /** Returns the connection of a channel; null if it has none yet. */
  static @Nullable Connection of(Channel channel) {
    return channel.attr(KEY).get();
  }

  /** Returns the client at the other end, which may be a trusted proxy. */
  public Client client() {
    return client;
  }

  Pace pace() {
    return pace;
  }

  /** Returns the bytes that arrive. */
  public Intake intake() {
    return intake;
  }

  HttpConnection http() {
    return connection;
  }

  boolean isIdle() {
    return idle;
  }

  boolean isPastDeadline(long now) {
    return now - deadline >= 0 || now - readDeadline >= 0;
  }

  /**
   * Starts a request whose head has arrived.
   *
   * @param body the length of its body in bytes; Long.MAX_VALUE: unknown
   * @param isLast whether the connection ends after the response
   * @return the number of the request on this connection
   */
  public long requestStarted(long body, boolean isLast, long now) {
    idle = false;
    closing |= isLast;
    bodyDeadline = now + BODY_NANOS;
    deadline = now + PART_NANOS;
    intake.startRequest(body);
    return ++turn;
  }

  /** Sets what handles the current request. */
  public void setCurrent(Current next) {
    current = next;
  }

  /**
   * Drops the total deadline of a body that is streamed. It may take any time while it makes
   * progress.
   */
  public void bodyStreams(long now) {
    bodyDeadline = now + FOREVER;
    deadline = now + PART_NANOS;
  }

  /** Starts the deadline for the client to read its response. */
  public void startReadDeadline(long now) {
    readDeadline = now + BODY_NANOS;
  }

  /** Drops the deadline for reading, as the client has read what was written. */
  public void clearReadDeadline(long now) {
    readDeadline = now + FOREVER;
  }

  /** Extends the deadline, as a part of the body has arrived. */
  public void bodyProgressed(long now) {
    deadline = bodyDeadline - now < PART_NANOS ? bodyDeadline : now + PART_NANOS;
  }

  /** Drops the deadline, as the client has sent everything and waits for the door. */
  public void clearDeadline(long now) {
    deadline = now + FOREVER;
  }

  /**
   * Ends a request whose response has been written. The next request may follow once the client has
   * read the response. (It may have arrived already, if its first bytes came with the end of this
   * one.)
   */
  public void responseWritten(long which, long now) {
    if (which != turn) {
      return;
    }
    current = null;
    if (!channel.isWritable()) {
      waitForReader(now);
      return;
    }
    awaitingReader = false;
    release();
    idle = true;
    deadline = now + all.idleNanos();
    clearReadDeadline(now);
    all.moveToEnd(this);
    if (intake.discardBody()) {
      linger(now);
    } else if (closing) {
      intake.discard();
      connection.close();
    } else {
      intake.responseSent();
    }
  }

  private void linger(long now) {
    long head = intake.headCost();
    if (!budget.take(head, client.usage().bytes(), null)) {
      abort();
      return;
    }
    charged = head;
    lingerDeadline = now + LINGER_NANOS;
    deadline = now + LINGER_SILENCE_NANOS;
  }

  @Override
  public void discarded(long now) {
    if (lingerDeadline - now > 0) {
      deadline = Math.min(now + LINGER_SILENCE_NANOS, lingerDeadline);
    }
  }

  /** Holds back further requests until the client has read the response. */
  private void waitForReader(long now) {
    if (awaitingReader) {
      return;
    }
    awaitingReader = true;
    startReadDeadline(now);
    if (!channel.isActive() || !all.has(this)) {
      return; // The connection was closed, or evicted in favor of another.
    }
    long pending = channel.bytesBeforeWritable() + WATER_MARKS.low();
    if (budget.take(pending, client.usage().bytes(), null)) {
      charged = pending;
    } else {
      all.overBudget(this);
      abort();
    }
  }

  /** Stops charging the unread response or the head. */
  void release() {
    budget.give(charged, client.usage().bytes(), null);
    charged = 0;
  }

  @Override
  public void drained() {
    if (awaitingReader) {
      responseWritten(turn, System.nanoTime());
    }
  }

  /**
   * Passes on all bytes from now on, whatever they mean. They are no longer HTTP.
   *
   * @param ended runs when the connection has ended, which Vert.x no longer reports
   */
  public void tunnel(Runnable ended) {
    clearDeadline(System.nanoTime());
    channel
        .closeFuture()
        .addListener(
            nothing -> {
              all.gone(connection);
              ended.run();
            });
    intake.tunnel();
  }

  /** Closes the connection after the current response. */
  public void closeAfterResponse() {
    closing = true;
  }

  @Override
  public boolean inputEnded() {
    boolean awaits = awaitingReader || (current != null && current.awaitsResponse());
    if (awaits && !awaitingReader && current != null && !current.isResponding()) {
      // It may also have left: the door cannot tell.
      deadline = System.nanoTime() + HALF_CLOSED_NANOS;
    }
    return awaits;
  }

  @Override
  public void overBudget() {
    all.overBudget(this);
  }

  @Override
  public void close() {
    connection.close();
  }

  /**
   * Closes the connection now. {@link #close} waits for a client that does not read what was
   * written.
   */
  void abort() {
    Abort.now(channel);
  }
}
