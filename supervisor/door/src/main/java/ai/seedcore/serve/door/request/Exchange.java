package ai.seedcore.serve.door.request;

import ai.seedcore.serve.base.ErrorCode;
import ai.seedcore.serve.door.client.Client;
import ai.seedcore.serve.door.client.Connection;
import ai.seedcore.serve.door.upstream.Upstream;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpClientResponse;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpServerResponse;
import io.vertx.core.http.HttpVersion;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * One request, from its head to the end of its response.
 *
 * <p>The request waits in the queue of its route until it is sent upstream. If no response arrives
 * and no part of one has been sent to the client, the request is queued and sent again, a limited
 * number of times. It is sent again if the proxy reports that no replica received it, or if its
 * method or its route allows repetition. A response that comes from the deployment's class never
 * causes a retry.
 */
final class Exchange implements Connection.Current {

  /**
   * How often a request is sent in total. Failed attempts are separated by growing pauses of up to
   * two seconds.
   */
  private static final int MAX_ATTEMPTS = 32;

  /** How much longer than its time limit a request may take: the replica may end it, too. */
  private static final long TIMEOUT_GRACE_NANOS = 1_000_000_000L;

  /** How often a request is sent again if other requests succeed, so that the fault is its own. */
  private static final int MAX_OWN_FAULTS = 3;

  private static final long OWN_FAULT_MS = 50;

  /** How long Serve may go on sending requests to a replica that has died. */
  private static final long DEAD_REPLICA_NANOS = 10_000_000_000L;

  /** The field by which a client asks how its request was served. */
  private static final String EXPLAIN = "X-SeedCore-Explain";

  /** The approximate memory that a request takes in addition to its head and body, in bytes. */
  private static final int REQUEST_OVERHEAD = 1 << 10;

  private enum Stage {
    READING,
    QUEUED,
    SENT,
    RESPONDING,
    DONE
  }

  private final Services services;
  private final Dispatcher dispatcher;
  private final RouteEntry entry;
  private final HttpServerRequest request;
  private final Target target;
  private final Connection connection;
  private final Client client;
  private final RequestBody body;
  private final long arrived = System.nanoTime();
  private final long waitUntil;
  private final long deadline;
  private final @Nullable RequestTrace trace;

  private Stage stage = Stage.READING;
  private boolean bodyComplete;
  private int charged;
  private @Nullable Attempt attempt;

  /** A second attempt at another replica, because the first is slow. */
  private @Nullable Attempt hedge;

  private @Nullable Relay relay;
  private int attempts;
  private int failures;
  private long failedAt;
  private boolean hedged;
  private boolean queued;
  private boolean countedAsHeld;
  private long firstSentAt;
  private long answeredAt;
  private long readyAt = arrived;

  /**
   * Creates an exchange for a request whose head has been read.
   *
   * @param client the client that sent the request
   * @param limit the client's limit for the whole exchange, in nanoseconds; Long.MAX_VALUE: none
   */
  Exchange(
      Services services,
      Dispatcher dispatcher,
      RouteEntry entry,
      HttpServerRequest request,
      Target target,
      Connection connection,
      Client client,
      long limit) {
    this.services = services;
    this.dispatcher = dispatcher;
    this.entry = entry;
    this.request = request;
    this.target = target;
    this.connection = connection;
    this.client = client;
    this.body = new RequestBody(this, services);
    this.waitUntil = arrived + Math.min(services.settings().patience().toNanos(), limit);
    this.trace = RequestTrace.begin(services.tracer(), request, target, entry.route());
    this.deadline = limit == Long.MAX_VALUE ? Long.MAX_VALUE : arrived + limit;
  }

  RouteEntry entry() {
    return entry;
  }

  /** Returns the trace; null if the request is not traced. */
  @Nullable RequestTrace trace() {
    return trace;
  }

  HttpServerRequest request() {
    return request;
  }

  Target target() {
    return target;
  }

  /** Returns the client's connection. */
  Connection connection() {
    return connection;
  }

  /** Returns the client that sent the request. */
  Client client() {
    return client;
  }

  /** Returns the time at which the request arrived, in nanoseconds. */
  long arrived() {
    return arrived;
  }

  /**
   * Returns how long the request waited for its response, in nanoseconds: from its complete arrival
   * to the beginning of the response. A client that sends or reads slowly does not prolong it.
   */
  long latency() {
    return Math.max(0, (answeredAt == 0 ? System.nanoTime() : answeredAt) - readyAt);
  }

  boolean hasWaitedTooLong(long now) {
    return now - waitUntil >= 0;
  }

  /** Returns whether the client's limit has passed. */
  boolean isPastDeadline(long now) {
    return deadline != Long.MAX_VALUE && now - deadline >= 0;
  }

  boolean hasLimit() {
    return deadline != Long.MAX_VALUE;
  }

  @Override
  public boolean isResponding() {
    return stage == Stage.RESPONDING;
  }

  @Override
  public boolean awaitsResponse() {
    return (stage == Stage.SENT && request.isEnded()) || stage == Stage.RESPONDING;
  }

  // The request.

  /**
   * Starts to read the body. A declared route's body is read completely, so that it can be sent
   * twice.
   */
  void begin() {
    dispatcher.began(this);
    boolean declared = entry.route().declared();
    if (declared && body.isTooLong()) {
      services.refusals().tooLarge(this);
      return;
    }
    connection.setCurrent(this);
    request.response().closeHandler(nothing -> clientGone());
    request.exceptionHandler(nothing -> clientGone());
    int head = REQUEST_OVERHEAD + connection.headCost();
    if (!charge(head)) {
      services.refusals().overBudget(this, head);
      return;
    }
    request.handler(this::read);
    if (declared) {
      sendContinue();
      request.endHandler(nothing -> bodyComplete());
    } else {
      // The body may be large or endless, so it is streamed.
      connection.hold();
      ready();
    }
  }

  /** Asks a client for the body that it holds back until then. */
  void sendContinue() {
    if (request.version() != HttpVersion.HTTP_1_0
        && "100-continue".equalsIgnoreCase(request.getHeader("Expect"))) {
      request.response().writeContinue();
    }
  }

  /** Charges bytes to the client and the route. Returns false if the budget does not allow them. */
  boolean charge(int bytes) {
    boolean fits = services.bytes().take(bytes, client.usage().bytes(), entry.usage().bytes());
    charged += fits ? bytes : 0;
    return fits;
  }

  /** Takes back a part of what was charged. */
  void refund(int bytes) {
    services.bytes().give(bytes, client.usage().bytes(), entry.usage().bytes());
    charged -= bytes;
  }

  private void read(Buffer part) {
    boolean wanted = stage == Stage.READING ? !bodyComplete : !entry.route().declared();
    if (wanted && stage != Stage.DONE) {
      body.append(part);
    }
  }

  private void bodyComplete() {
    if (stage == Stage.READING) {
      bodyComplete = true;
      connection.bodyEnds();
      body.complete();
    }
  }

  /** Sends the request, or queues it, because as much of its body has arrived as is needed. */
  void ready() {
    long now = System.nanoTime();
    connection.deadlines().clear(now);
    stage = Stage.QUEUED;
    readyAt = now;
    entry.budget().deposit();
    entry.hedging().deposit();
    Upstream free =
        entry.queue().canSend(this, now) ? services.upstreams().pick(entry.route()) : null;
    if (free != null) {
      entry.queue().begin(this);
      send(free);
    } else if (services.waiting().take(1, client.usage().waiting(), entry.usage().waiting())) {
      queued = true;
      countAsHeld();
      dispatcher.queue(this);
    } else {
      services.refusals().queueFull(this);
    }
  }

  private void countAsHeld() {
    if (trace != null) {
      trace.held();
    }
    if (!countedAsHeld) {
      countedAsHeld = true;
      services.counts().held();
    }
  }

  private void leaveQueue() {
    if (queued) {
      queued = false;
      services.waiting().give(1, client.usage().waiting(), entry.usage().waiting());
      if (trace != null) {
        trace.released();
      }
    }
  }

  // The attempts.

  /** Sends the request now. */
  void send(Upstream to) {
    leaveQueue();
    stage = Stage.SENT;
    attempts++;
    if (firstSentAt == 0) {
      firstSentAt = System.nanoTime();
      services.counts().waited(dispatcher.label(this), firstSentAt - readyAt);
    }
    services.mirror().sent(this, to, body);
    attempt = new Attempt(this, services, body, to);
    attempt.begin();
  }

  /** Charges the client for the event loop's time since a given moment. */
  void chargeSince(long since) {
    services.pace().chargeOther(connection.client(), System.nanoTime() - since);
  }

  /** Handles a refused connection: nothing has been sent. */
  void notSent(Attempt from) {
    if (!isDispensable(from)) {
      requeue(0);
    }
  }

  /** Checks a request in flight that has no response yet. */
  void onInFlight(Attempt from, long nanos) {
    if (stage != Stage.SENT) {
      return;
    }
    long limit = entry.route().timeout().toNanos();
    if (limit > 0 && from.isDirect() && from.isOpened() && nanos > limit + TIMEOUT_GRACE_NANOS) {
      from.recordOutcome(false);
      from.fail("request_timeout_s");
      refuse(
          504,
          ErrorCode.TIMEOUT,
          "the deployment did not answer within its request_timeout_s of %s s"
              .formatted(entry.route().timeout().toMillis() / 1e3));
    } else if (!hedged && from == attempt && nanos > entry.hedging().delay()) {
      hedge(from);
    }
  }

  /** Sends a slow request to another replica as well, if it may be executed twice. */
  private void hedge(Attempt slow) {
    Upstream other = isRepeatable() ? slow.alternative() : null;
    if (other != null && entry.hedging().withdraw()) {
      hedged = true;
      services.counts().hedged();
      entry.queue().begin(this);
      hedge = new Attempt(this, services, body, other);
      hedge.begin();
    }
  }

  /** Ends one of two attempts, as the other may succeed. Returns false if there is only one. */
  private boolean isDispensable(Attempt one) {
    Attempt other = one == attempt ? hedge : attempt;
    if (other == null) {
      return false;
    }
    one.close();
    attempt = other;
    hedge = null;
    return true;
  }

  /** Ends the other attempt, if there are two, because one has a response. */
  private void settleOn(Attempt winner) {
    Attempt other = winner == attempt ? hedge : attempt;
    if (other != null) {
      other.recordOutcome(false);
      other.close();
    }
    attempt = winner;
    hedge = null;
  }

  /**
   * Handles the loss of a request or its response upstream: sends the request again or refuses it,
   * or breaks off a response that has begun.
   */
  void onUpstreamLost(Attempt from, String why) {
    if (stage == Stage.RESPONDING) {
      breakOff();
    } else if (stage == Stage.SENT && !isDispensable(from)) {
      long now = System.nanoTime();
      recordFailure(now);
      if (!isRepeatable()) {
        refuseAsLost(why, "its route is not declared idempotent");
      } else if (!mayRetry() || !entry.budget().withdraw(client, now)) {
        refuseAsLost(why, "its retry limit, or the retry budget of its route, is exhausted");
      } else {
        requeue(0);
      }
    }
  }

  /**
   * Handles a server that does not respond any more: tries another one, if the request may be
   * executed twice. Otherwise it waits, as the server may still respond.
   */
  void onUpstreamDoubted(Attempt from, String why) {
    // The proxies would send it to the same replica.
    boolean others = services.upstreams().replicas().serves(entry.route().app());
    if (stage == Stage.SENT && isRepeatable() && others) {
      onUpstreamLost(from, why);
    }
  }

  private void refuseAsLost(String why, String whyNotAgain) {
    refuse(
        502,
        "lost",
        "the request was sent, but its response was lost (%s); it may have been executed, and is"
                .formatted(why)
            + " not sent again, because "
            + whyNotAgain);
  }

  /** Returns whether the request may be executed twice and can be sent twice. */
  private boolean isRepeatable() {
    return entry.route().idempotence().covers(request.method().name())
        && (entry.route().declared() || !Forwarding.hasBody(request));
  }

  private void recordFailure(long now) {
    entry.queue().recordFailure(this, now);
    if (failures == 0) {
      failedAt = now;
    }
    failures++;
  }

  /**
   * Returns whether the failure is the request's own fault: other requests succeeded since it
   * failed first.
   */
  private boolean isOwnFault() {
    return failures > 1 && entry.queue().succeededSince(failedAt);
  }

  private boolean mayRetry() {
    return attempts < MAX_ATTEMPTS && !(failures > MAX_OWN_FAULTS && isOwnFault());
  }

  /** Puts the request back into the queue, behind the client's other requests. */
  private void requeue(long afterMs) {
    if (attempt != null && attempt.isOpened()) {
      services.counts().replayed();
    }
    endAttempt();
    if (connection.clientHasEnded()) {
      // A client that has closed its sending side may have left. The door cannot tell, and the next
      // response may take long.
      clientGone();
      connection.close();
      return;
    }
    stage = Stage.QUEUED;
    queued = true;
    services.waiting().force(1, client.usage().waiting(), entry.usage().waiting());
    countAsHeld();
    if (afterMs > 0) {
      services
          .vertx()
          .setTimer(
              afterMs,
              timer -> {
                if (stage == Stage.QUEUED) {
                  dispatcher.queue(this);
                }
              });
    } else {
      dispatcher.queue(this);
    }
  }

  private void endAttempt() {
    if (attempt != null) {
      attempt.close();
      attempt = null;
    }
    if (hedge != null) {
      hedge.close();
      hedge = null;
    }
  }

  // The response.

  /** Relays a complete response, or treats it as a failed attempt. */
  void responded(Attempt from, HttpClientResponse upstreamResponse, Buffer whole) {
    boolean ofClass = from.isOfClass(upstreamResponse);
    if ((!ofClass || upstreamResponse.statusCode() >= 500) && isDispensable(from)) {
      // The other attempt may succeed.
      if (ofClass) {
        from.recordOutcome(false);
      } else {
        from.recordRefusal(Attempt.refusal(upstreamResponse));
      }
      return;
    }
    settleOn(from);
    long now = System.nanoTime();
    int status = upstreamResponse.statusCode();
    boolean contract = services.settings().contractCodes();
    boolean chosen = Attempt.hasChosen(upstreamResponse);
    boolean mapped = contract || (!chosen && (status == 200 || status == 500));
    String code = mapped ? Contract.code(whole) : null;
    String refusal = from.isDirect() ? Attempt.refusal(upstreamResponse) : null;
    boolean tooLarge = refusal != null && status == 413;
    if ((refusal != null && !tooLarge) || (!ofClass && (status == 404 || status == 503))) {
      // No replica has executed the request: the proxy has chosen the status.
      if ("draining".equals(refusal) || "overloaded".equals(refusal)) {
        attempts--; // The request waits for its turn. That is no failure.
      } else {
        recordFailure(now);
      }
      from.recordRefusal(refusal);
      if (mayRetry()) {
        requeue(isOwnFault() ? OWN_FAULT_MS << failures : 0);
      } else {
        respond(status, upstreamResponse, whole);
      }
    } else if (!ofClass && status == 500 && code == null) {
      // Serve responds like this if a replica has died, but also if a class threw an exception, or
      // if Serve cannot parse the request.
      recordFailure(now);
      boolean dead = !entry.queue().hasFailedFor(now, DEAD_REPLICA_NANOS);
      if (isRepeatable() && dead && mayRetry() && entry.budget().withdraw(client, now)) {
        requeue(isOwnFault() ? OWN_FAULT_MS << failures : 0);
      } else {
        respond(status, upstreamResponse, whole);
      }
    } else {
      // The class's response, or a 500 with which the agent reports that the class failed.
      from.recordSuccess();
      from.recordOutcome(status < 500);
      if (ErrorCode.OVERLOADED.equals(code)
          && !upstreamResponse.headers().contains("Retry-After")) {
        request.response().putHeader("Retry-After", "1");
      }
      respond(Contract.status(status, code, contract), upstreamResponse, whole);
    }
  }

  private void respond(int status, HttpClientResponse upstreamResponse, Buffer whole) {
    HttpServerResponse response = request.response();
    Forwarding.responseHeaders(upstreamResponse, response, services.cors());
    String type = upstreamResponse.getHeader("Content-Type");
    boolean guess = type == null || type.startsWith("text/plain");
    if (guess && !Attempt.hasChosen(upstreamResponse) && Contract.isJson(whole.getBytes())) {
      response.putHeader("Content-Type", "application/json");
    }
    Replies.leaveSmall(request, whole.length());
    explain(attempt);
    answeredAt = System.nanoTime();
    end(status);
    response.setStatusCode(status).end(whole);
  }

  /** Streams a response to the client. */
  void relay(Attempt from, HttpClientResponse upstreamResponse, Buffer head) {
    if (upstreamResponse.statusCode() >= 500 && isDispensable(from)) {
      from.recordOutcome(false);
      return;
    }
    settleOn(from);
    from.recordOutcome(upstreamResponse.statusCode() < 500);
    stage = Stage.RESPONDING;
    answeredAt = System.nanoTime();
    explain(from);
    relay = new Relay(this, upstreamResponse, services);
    relay.begin(head);
  }

  /**
   * Gives the connection back, because it has carried the whole response. From then on it may carry
   * another client's.
   */
  void upstreamComplete(int status) {
    if (attempt != null) {
      attempt.responseComplete(status);
    }
    endAttempt();
    dispatcher.dispatchSoon(entry);
  }

  /**
   * Breaks off a response of which a part has been relayed. The client recognizes this by the end
   * of the connection.
   */
  void breakOff() {
    if (stage == Stage.RESPONDING) {
      end(502);
      connection.close();
    }
  }

  /** Responds with an error of the door, unless the exchange has ended or a response has begun. */
  void refuse(int status, String code, String why) {
    refuse(status, code, why, Map.of());
  }

  void refuse(int status, String code, String why, Map<String, Object> more) {
    if (stage == Stage.DONE || stage == Stage.RESPONDING) {
      return;
    }
    explain(null);
    answeredAt = System.nanoTime();
    end(status);
    services.counts().refused(code);
    Replies.error(request, status, code, why, more);
  }

  /**
   * Tells a client that asks for it how its request was served (Server Timing, W3C): how long it
   * was held, and the path and the time of the attempt that was answered, in milliseconds.
   *
   * @param answered null if the door itself answers
   */
  private void explain(@Nullable Attempt answered) {
    if (!request.headers().contains(EXPLAIN)) {
      return;
    }
    long now = System.nanoTime();
    String timing =
        String.format(
            Locale.ROOT,
            "hold;dur=%.1f, attempts;desc=\"%d\"",
            ((firstSentAt == 0 ? now : firstSentAt) - readyAt) / 1e6,
            attempts);
    request
        .response()
        .putHeader(
            "Server-Timing",
            answered == null
                ? timing + ", door"
                : String.format(
                    Locale.ROOT,
                    "%s, %s;dur=%.1f",
                    timing,
                    answered.isDirect() ? "direct" : "proxy",
                    (now - answered.sentAt()) / 1e6));
  }

  /** Releases everything that was held for a client that has closed its connection. */
  private void clientGone() {
    if (stage != Stage.DONE) {
      if (stage == Stage.QUEUED) {
        entry.queue().remove(this);
      }
      end(499);
    }
  }

  /** Ends the exchange, and releases everything that was held for it. */
  void end(int status) {
    stage = Stage.DONE;
    endAttempt();
    leaveQueue();
    body.close();
    if (relay != null) {
      relay.close();
    }
    refund(charged);
    dispatcher.ended(this, status);
    dispatcher.dispatchSoon(entry);
  }
}
