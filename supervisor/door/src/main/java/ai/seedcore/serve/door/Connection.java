package ai.seedcore.serve.door;

import io.netty.channel.Channel;
import io.netty.channel.WriteBufferWaterMark;
import io.netty.util.AttributeKey;
import io.vertx.core.http.HttpConnection;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** A client's connection: what comes over it, and by when that has to be something whole. */
final class Connection implements Intake.Owner {

  /** How long a new connection, or one between two requests, may say nothing whole. */
  private static final long IDLE_NANOS = Duration.ofSeconds(75).toNanos();

  /** How long a body may stand still, and how long it may take in all. */
  private static final long PART_NANOS = Duration.ofSeconds(10).toNanos();

  private static final long BODY_NANOS = Duration.ofSeconds(60).toNanos();

  private static final long FOR_EVER = Long.MAX_VALUE / 2;

  /** What may wait to be read before it counts as unread. */
  private static final WriteBufferWaterMark UNREAD = new WriteBufferWaterMark(1 << 10, 4 << 10);

  private static final AttributeKey<Connection> KEY =
      AttributeKey.valueOf(Connection.class, "connection");

  private final Connections all;
  private final HttpConnection connection;
  private final Channel channel;
  private final Client client;
  private final Room room;
  private final Pace pace;
  private final Intake intake;

  private boolean idle = true;
  private long turn;
  private long deadline;
  private long last;
  private boolean closing;
  private boolean answered;
  private long unread;
  private @Nullable Exchange exchange;

  Connection(
      Connections all,
      HttpConnection connection,
      Channel channel,
      Client client,
      Room room,
      Pace pace) {
    this.all = all;
    this.connection = connection;
    this.channel = channel;
    this.client = client;
    this.room = room;
    this.pace = pace;
    channel.config().setWriteBufferWaterMark(UNREAD);
    channel.attr(KEY).set(this);
    this.intake = Intake.of(channel, client, room, pace, this);
    this.deadline = System.nanoTime() + IDLE_NANOS;
  }

  /** The connection of a channel; null: it has none yet. */
  static @Nullable Connection of(Channel channel) {
    return channel.attr(KEY).get();
  }

  Client client() {
    return client;
  }

  Pace pace() {
    return pace;
  }

  Intake intake() {
    return intake;
  }

  HttpConnection http() {
    return connection;
  }

  boolean isIdle() {
    return idle;
  }

  boolean isLate(long now) {
    return now - deadline >= 0;
  }

  /**
   * Its request's head is here; its body is to follow.
   *
   * @param body how long that is; Long.MAX_VALUE: it says so itself
   * @param isLast whether the connection ends with the answer
   * @return which of its requests that is
   */
  long speaks(long body, boolean isLast, long now) {
    idle = false;
    closing |= isLast;
    last = now + BODY_NANOS;
    deadline = now + PART_NANOS;
    intake.begins(body);
    return ++turn;
  }

  /** Who is to be told what becomes of it. */
  void serves(Exchange next) {
    exchange = next;
  }

  /** Its body is passed on as it comes, and may take as long as it goes on. */
  void streams(long now) {
    last = now + FOR_EVER;
    deadline = now + PART_NANOS;
  }

  /** It is to read what there is of its answer. */
  void reads(long now) {
    deadline = now + BODY_NANOS;
  }

  /** A part of its body is here. */
  void goesOn(long now) {
    deadline = last - now < PART_NANOS ? last : now + PART_NANOS;
  }

  /** It has said all, and is waiting for us. */
  void waits(long now) {
    deadline = now + FOR_EVER;
  }

  /**
   * That one of its requests was answered: the next one may come, once it has read that. (It may
   * have come already, as its beginning stood behind the end of this one.)
   */
  void rests(long which, long now) {
    if (which != turn) {
      return;
    }
    exchange = null;
    if (!channel.isWritable()) {
      waitForReader(now);
      return;
    }
    answered = false;
    read();
    idle = true;
    deadline = now + IDLE_NANOS;
    all.restsLast(this);
    if (closing) {
      intake.end();
      connection.close();
    } else {
      intake.answered();
    }
  }

  /** Its client has not read what was written: no more of its requests until then. */
  private void waitForReader(long now) {
    if (answered) {
      return;
    }
    answered = true;
    reads(now);
    if (!channel.isActive() || !all.has(this)) {
      return; // It has gone, or made room.
    }
    long pending = channel.bytesBeforeWritable() + UNREAD.low();
    if (room.take(pending, client.usage.bytes, null)) {
      unread = pending;
    } else {
      all.overfull(this);
      abort();
    }
  }

  /** It has read that, or never will. */
  void read() {
    room.give(unread, client.usage.bytes, null);
    unread = 0;
  }

  @Override
  public void drained() {
    if (answered) {
      rests(turn, System.nanoTime());
    }
  }

  /** It ends with the answer. */
  void ends() {
    closing = true;
  }

  @Override
  public boolean clientEnds() {
    return answered || (exchange != null && exchange.isToBeAnswered());
  }

  @Override
  public void overfull() {
    all.overfull(this);
  }

  @Override
  public void close() {
    connection.close();
  }

  /** Closes it now: {@link #close} waits for a client that does not read what was written. */
  void abort() {
    abort(channel);
  }

  static void abort(Channel channel) {
    channel.unsafe().close(channel.voidPromise());
  }
}
