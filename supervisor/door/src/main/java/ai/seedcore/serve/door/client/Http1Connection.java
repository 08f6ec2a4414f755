package ai.seedcore.serve.door.client;

import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.vertx.core.http.HttpConnection;
import io.vertx.core.http.HttpServerRequest;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** An HTTP/1 connection, with its intake and its deadline for the next complete request. */
final class Http1Connection extends Transport implements Connection, Intake.Owner {

  /** How long a client that has closed its sending side may wait for its response. */
  private static final long HALF_CLOSED_NANOS = Duration.ofMinutes(5).toNanos();

  private final Deadlines deadlines;
  private final Intake intake;

  private boolean idle = true;
  private long turn;
  private boolean closing;
  private boolean awaitingReader;

  /** What is charged for an unread response or, while a body is discarded, for its head. */
  private long charged;

  private @Nullable Current current;

  Http1Connection(Connections all, HttpConnection http, Channel channel, Client client) {
    super(all, http, channel, client);
    this.intake = Intake.of(channel, client, budget, pace, this);
    this.deadlines = new Deadlines(System.nanoTime() + all.idleNanos());
  }

  @Override
  public Client client() {
    return client;
  }

  @Override
  Connection carrier(HttpServerRequest request) {
    return this;
  }

  @Override
  Gate gate() {
    return intake;
  }

  @Override
  int weight() {
    return 1;
  }

  @Override
  boolean isIdle() {
    return idle;
  }

  @Override
  void sweep(long now) {
    if (isPastDeadline(now)) {
      abort();
    }
  }

  boolean isPastDeadline(long now) {
    return deadlines.havePassed(now);
  }

  @Override
  public long requestStarted(long body, boolean isLast, long now) {
    idle = false;
    closing |= isLast;
    deadlines.bodyStarted(now);
    intake.startRequest(body);
    return ++turn;
  }

  /** Keeps what arrives until the protocol has changed. */
  void expectNothing() {
    intake.expectNothing();
  }

  /** Ends this connection, as the channel becomes another's. Returns what has arrived for it. */
  @Nullable ByteBuf handOver() {
    ByteBuf kept = intake.handOver();
    all.gone(http);
    return kept;
  }

  @Override
  public void setCurrent(Current next) {
    current = next;
  }

  @Override
  public int headCost() {
    return intake.headCost();
  }

  @Override
  public void hold() {
    intake.hold();
  }

  @Override
  public void resume() {
    intake.release();
  }

  @Override
  public void bodyEnds() {
    intake.bodyEnds();
  }

  @Override
  public boolean clientHasEnded() {
    return intake.hasEnded();
  }

  @Override
  public void discardInput() {
    intake.discard();
  }

  @Override
  public Deadlines deadlines() {
    return deadlines;
  }

  @Override
  public void responseStreams() {
    // The channel says how much the client has not read.
  }

  /**
   * Ends a request whose response has been written. The next request may follow once the client has
   * read the response. (It may have arrived already, if its first bytes came with the end of this
   * one.)
   */
  @Override
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
    stopCharging();
    idle = true;
    deadlines.set(now + all.idleNanos());
    deadlines.readEnded(now);
    all.moveToEnd(this);
    if (intake.discardBody()) {
      linger(now);
    } else if (closing) {
      intake.discard();
      http.close();
    } else {
      intake.responseSent();
    }
  }

  @Override
  public void headBegun(long now) {
    deadlines.set(now + all.headerNanos());
  }

  private void linger(long now) {
    long head = intake.headCost();
    if (!budget.take(head, client.usage().bytes(), null)) {
      abort();
      return;
    }
    charged = head;
    deadlines.lingerStarted(now);
  }

  @Override
  public void discarded(long now) {
    deadlines.discarded(now);
  }

  /** Holds back further requests until the client has read the response. */
  private void waitForReader(long now) {
    if (awaitingReader) {
      return;
    }
    awaitingReader = true;
    deadlines.readStarted(now);
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

  @Override
  void stopCharging() {
    budget.give(charged, client.usage().bytes(), null);
    charged = 0;
  }

  @Override
  public void drained() {
    if (awaitingReader) {
      responseWritten(turn, System.nanoTime());
    }
  }

  @Override
  public void tunnel(Runnable ended) {
    deadlines.clear(System.nanoTime());
    channel
        .closeFuture()
        .addListener(
            nothing -> {
              all.gone(http);
              ended.run();
            });
    intake.tunnel();
  }

  @Override
  public void closeAfterResponse() {
    closing = true;
  }

  @Override
  public boolean inputEnded() {
    boolean awaits = awaitingReader || (current != null && current.awaitsResponse());
    if (awaits && !awaitingReader && current != null && !current.isResponding()) {
      // It may also have left: the door cannot tell.
      deadlines.set(System.nanoTime() + HALF_CLOSED_NANOS);
    }
    return awaits;
  }

  @Override
  public void overBudget() {
    all.overBudget(this);
  }

  @Override
  public void close() {
    http.close();
  }
}
