package ai.seedcore.serve.door;

import ai.seedcore.serve.base.Fatal;
import ai.seedcore.serve.base.http.HeadLimits;
import ai.seedcore.serve.base.http.Http;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpClientRequest;
import io.vertx.core.http.HttpClientResponse;
import io.vertx.core.http.HttpConnection;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpServerResponse;
import io.vertx.core.http.HttpVersion;
import io.vertx.core.net.impl.VertxConnection;
import java.util.Map;
import java.util.Set;
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
final class Exchange {

  /** How many bytes of a response are buffered before its status is sent. Errors are shorter. */
  private static final int PEEK_BYTES = 16 << 10;

  /**
   * How often a request is sent in total. Failed attempts are separated by growing pauses of up to
   * two seconds.
   */
  private static final int MAX_ATTEMPTS = 32;

  /** How often a request is sent again if other requests succeed, so that the fault is its own. */
  private static final int MAX_OWN_FAULTS = 3;

  private static final long OWN_FAULT_MS = 50;

  /** How long Serve may go on sending requests to a replica that has died. */
  private static final long DEAD_REPLICA_NANOS = 10_000_000_000L;

  /** The approximate memory that a request takes in addition to its head and body, in bytes. */
  private static final int REQUEST_OVERHEAD = 1 << 10;

  /**
   * How many bytes of a body are written at a time. About as many may then be queued for the
   * socket.
   */
  private static final int PART_BYTES = 32 << 10;

  /**
   * Request Timeout, Content Too Large, URI Too Long, Request Header Fields Too Large. Servers send
   * them without reading the body.
   */
  private static final Set<Integer> REFUSED_UNREAD = Set.of(408, 413, 414, 431);

  /** How many bodies of one client may be queued for decompression. */
  private static final int MAX_DECOMPRESSIONS = 4;

  private enum Stage {
    READING,
    DECOMPRESSING,
    QUEUED,
    SENT,
    RESPONDING,
    DONE
  }

  private final FrontDoor door;
  private final RouteEntry entry;
  private final HttpServerRequest request;
  private final Target target;
  private final Connection connection;
  private final Client client;
  private final long arrived = System.nanoTime();
  private final long waitUntil;
  private final long deadline;

  private Stage stage = Stage.READING;
  private @Nullable Body body;
  private boolean decompressed;
  private Unpacking.@Nullable Job unpacking;
  private int counted;
  private @Nullable Relay relay;
  private @Nullable Proxy proxy;
  private @Nullable HttpClientRequest upstream;
  private int attempt;
  private boolean fullySent;
  private boolean reusable;
  private int failures;
  private long failedAt;
  private boolean queued;
  private boolean countedAsHeld;
  private long sentAt;
  private int inFlightAtSend;

  /**
   * Creates an exchange for a request whose head has been read.
   *
   * @param client the client that sent the request
   * @param maxWait how long the request may wait for its route, in nanoseconds
   * @param limit the client's limit for the whole exchange, in nanoseconds; Long.MAX_VALUE: none
   */
  Exchange(
      FrontDoor door,
      RouteEntry entry,
      HttpServerRequest request,
      Target target,
      Connection connection,
      Client client,
      long maxWait,
      long limit) {
    this.door = door;
    this.entry = entry;
    this.request = request;
    this.target = target;
    this.connection = connection;
    this.client = client;
    this.waitUntil = arrived + Math.min(maxWait, limit);
    this.deadline = limit == Long.MAX_VALUE ? Long.MAX_VALUE : arrived + limit;
  }

  RouteEntry entry() {
    return entry;
  }

  HttpServerRequest request() {
    return request;
  }

  /** Returns the client that sent the request. */
  Client client() {
    return client;
  }

  /** Returns the time at which the request arrived, in nanoseconds. */
  long arrived() {
    return arrived;
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

  /** Returns whether the response is being relayed. */
  boolean isResponding() {
    return stage == Stage.RESPONDING;
  }

  /** Returns the client's connection. */
  Connection connection() {
    return connection;
  }

  /** Returns whether a client that has closed its sending side still gets a response. */
  boolean awaitsResponse() {
    return (stage == Stage.SENT && request.isEnded()) || stage == Stage.RESPONDING;
  }

  /**
   * Starts to read the body. A declared route's body is read completely, so that it can be sent
   * twice.
   */
  void begin() {
    connection.setExchange(this);
    request.response().closeHandler(nothing -> clientGone());
    request.exceptionHandler(nothing -> clientGone());
    int head = REQUEST_OVERHEAD + connection.intake().headCost();
    if (!charge(head)) {
      door.refuseOverBudget(this, head);
      return;
    }
    request.handler(this::read);
    if (entry.route().declared()) {
      sendContinue();
      request.endHandler(nothing -> bodyComplete());
    } else {
      // The body may be large or endless, so it is streamed.
      connection.intake().hold();
      ready();
    }
  }

  private void sendContinue() {
    if (request.version() == HttpVersion.HTTP_1_1
        && "100-continue".equalsIgnoreCase(request.getHeader("Expect"))) {
      request.response().writeContinue();
    }
  }

  /** Charges bytes to the client and the route. Returns false if the budget does not allow them. */
  boolean charge(int bytes) {
    boolean fits = door.bytes().take(bytes, client.usage.bytes, entry.usage().bytes);
    counted += fits ? bytes : 0;
    return fits;
  }

  /** Takes back a part of what was charged. */
  void refund(int bytes) {
    door.bytes().give(bytes, client.usage.bytes, entry.usage().bytes);
    counted -= bytes;
  }

  private void read(Buffer part) {
    if (stage == Stage.DONE || (stage != Stage.READING && entry.route().declared())) {
      return;
    }
    if (!charge(part.length())) {
      door.refuseOverBudget(this, part.length());
      return;
    }
    keep(part, Forwarding.bodyBytes(request));
    if (body != null && body.length() > door.settings().bodyBytes()) {
      door.refuseTooLarge(this);
    } else {
      connection.bodyProgressed(System.nanoTime());
    }
  }

  private void keep(Buffer part, long whole) {
    if (part.length() > 0) {
      body = body == null ? new Body() : body;
      body.append(part, whole);
    }
  }

  private void releaseBody() {
    if (body != null) {
      body.release();
      body = null;
    }
  }

  private void bodyComplete() {
    if (stage != Stage.READING) {
      return;
    }
    connection.intake().bodyEnds();
    String coding = request.getHeader("Content-Encoding");
    if (body != null && coding != null && !coding.strip().equalsIgnoreCase("identity")) {
      decompress(coding, body);
    } else {
      check();
    }
  }

  private void decompress(String coding, Body compressed) {
    if (!Inflation.isSupported(coding)) {
      request.response().putHeader("Accept-Encoding", "gzip, deflate");
      refuse(
          415,
          "unknown_coding",
          "Content-Encoding: found '%s', expected gzip or deflate".formatted(Replies.cut(coding)));
      return;
    }
    if (client.decompressing >= MAX_DECOMPRESSIONS) {
      door.refuseTooMany(this, "other bodies of this client are being unpacked already");
      return;
    }
    connection.clearDeadline(System.nanoTime());
    stage = Stage.DECOMPRESSING;
    client.decompressing++;
    Unpacking.Job job =
        door.unpacking()
            .job(
                client,
                coding,
                compressed,
                door.settings().bodyBytes(),
                new Unpacking.Receiver() {
                  @Override
                  public boolean progressed(int bytes) {
                    boolean fits = charge(bytes);
                    if (!fits) {
                      door.refuseOverBudget(Exchange.this, bytes);
                    }
                    return fits;
                  }

                  @Override
                  public void completed(Buffer whole) {
                    stopDecompressing();
                    refund(compressed.length());
                    decompressed = true;
                    releaseBody();
                    keep(whole, whole.length());
                    check();
                  }

                  @Override
                  public void failed(Throwable error) {
                    if (error instanceof Inflation.TooLong) {
                      door.refuseTooLarge(Exchange.this);
                    } else {
                      refuse(
                          400,
                          "unknown_coding",
                          "body: found bytes that are not packed as it says");
                    }
                  }
                });
    unpacking = job;
    job.begin();
  }

  private void stopDecompressing() {
    if (unpacking != null) {
      unpacking.cancel();
      unpacking = null;
      client.decompressing--;
    }
  }

  private void check() {
    if (body != null && !body.isUtf8()) {
      refuse(400, Contract.INVALID_JSON, "body: found bytes that are not UTF-8, expected JSON");
      return;
    }
    String query = target.query();
    if (body == null && query != null && !query.isEmpty() && query.indexOf('=') < 0) {
      refuse(
          400,
          "invalid_field",
          "query: found '%s', expected NAME=VALUE, or a body".formatted(Replies.cut(query)));
      return;
    }
    ready();
  }

  private void ready() {
    long now = System.nanoTime();
    connection.clearDeadline(now);
    stage = Stage.QUEUED;
    entry.budget().deposit();
    Proxy free =
        entry.queue().canSend(this, now) ? door.proxies().pick(entry.route().prefix()) : null;
    if (free != null) {
      entry.queue().begin(this);
      send(free);
    } else if (door.waiting().take(1, client.usage.waiting, entry.usage().waiting)) {
      queued = true;
      countAsHeld();
      door.queue(this);
    } else {
      door.refuseOverBudget(this);
    }
  }

  private void countAsHeld() {
    if (!countedAsHeld) {
      countedAsHeld = true;
      door.counts().held();
    }
  }

  private void leaveQueue() {
    if (queued) {
      queued = false;
      door.waiting().give(1, client.usage.waiting, entry.usage().waiting);
    }
  }

  /** Sends the request to a proxy now. */
  void send(Proxy to) {
    leaveQueue();
    stage = Stage.SENT;
    sentAt = System.nanoTime();
    inFlightAtSend = entry.queue().inFlight();
    int mine = ++attempt;
    proxy = to;
    to.inFlight().add(this);
    door.client()
        .request(
            Forwarding.options(
                request.method(), target, to, !entry.route().declared() || body == null))
        .onComplete(
            opened -> {
              if (stage != Stage.SENT || attempt != mine) {
                if (opened.succeeded()) {
                  // The client or the proxy has closed its connection in the meantime.
                  opened.result().exceptionHandler(nothing -> {}).reset();
                }
              } else if (opened.failed()) {
                to.refused();
                requeue(0);
              } else {
                write(opened.result());
              }
            });
  }

  private void write(HttpClientRequest upstreamRequest) {
    upstream = upstreamRequest;
    fullySent = false;
    if (upstreamRequest.connection() instanceof VertxConnection used) {
      UpstreamTime.charge(used.channel(), door.pace(), connection.client());
    }
    // The response future fails, too, and reports the error.
    upstreamRequest.exceptionHandler(Fatal::ifOutOfMemory);
    boolean streamed = !entry.route().declared();
    Forwarding.headers(request, target, upstreamRequest, streamed, door.hasToken(), door.via());
    if (decompressed) {
      upstreamRequest.headers().remove("Content-Encoding");
    }
    upstreamRequest
        .response()
        .onSuccess(upstreamResponse -> responseArrived(upstreamRequest, upstreamResponse))
        .onFailure(
            error -> {
              Fatal.ifOutOfMemory(error);
              if (upstream == upstreamRequest) {
                onUpstreamLost(Http.reason(error));
              }
            });
    if (entry.route().declared()) {
      if (body == null) {
        endUpstream(upstreamRequest);
      } else {
        upstreamRequest.setWriteQueueMaxSize(PART_BYTES);
        upstreamRequest.putHeader("Content-Length", String.valueOf(body.length()));
        write(upstreamRequest, body, 0);
      }
    } else {
      stream(upstreamRequest);
    }
  }

  private void sent(HttpClientRequest upstreamRequest) {
    fullySent |= upstream == upstreamRequest;
  }

  /**
   * Closes the request's connection now. Vert.x would wait for a proxy that does not read, and
   * would keep the body until then.
   */
  private static void abort(HttpClientRequest request) {
    HttpConnection used = request.connection();
    if (used != null) {
      // Otherwise the pool offers the connection to other requests until it notices the close.
      used.close();
    }
    if (used instanceof VertxConnection connection) {
      Connection.abort(connection.channel());
    }
  }

  private void endUpstream(HttpClientRequest upstreamRequest) {
    upstreamRequest.end().onSuccess(nothing -> sent(upstreamRequest));
  }

  /**
   * Writes a body from an offset. Waits while the write queue is full, because written bytes are
   * copied.
   */
  private void write(HttpClientRequest upstreamRequest, Body whole, int from) {
    int at = from;
    while (upstream == upstreamRequest && whole.length() - at > PART_BYTES) {
      whole.write(upstreamRequest, at, at + PART_BYTES);
      at += PART_BYTES;
      if (upstreamRequest.writeQueueFull()) {
        int next = at;
        upstreamRequest.drainHandler(nothing -> write(upstreamRequest, whole, next));
        return;
      }
    }
    if (upstream == upstreamRequest) {
      whole.end(upstreamRequest, at).onSuccess(nothing -> sent(upstreamRequest));
    }
  }

  /**
   * Streams a body as it arrives, and waits while the write queue is full. If the body breaks off,
   * the exchange ends without ending the upstream request, so that the application does not take
   * the body as complete.
   */
  private void stream(HttpClientRequest upstreamRequest) {
    if (body != null) { // The bytes that arrived while the request was queued.
      body.write(upstreamRequest, 0, body.length());
      refund(body.length());
      releaseBody();
    }
    if (request.isEnded() || !Forwarding.hasBody(request)) {
      endUpstream(upstreamRequest);
      return;
    }
    sendContinue();
    connection.bodyStreams(System.nanoTime());
    request.handler(
        part -> {
          upstreamRequest.write(part);
          connection.bodyProgressed(System.nanoTime());
          if (upstreamRequest.writeQueueFull()) {
            connection.intake().hold();
            connection.clearDeadline(System.nanoTime());
            upstreamRequest.drainHandler(
                nothing -> {
                  connection.bodyStreams(System.nanoTime());
                  connection.intake().release();
                });
          }
        });
    request.endHandler(
        nothing -> {
          connection.intake().bodyEnds();
          endUpstream(upstreamRequest);
          connection.clearDeadline(System.nanoTime());
        });
    connection.intake().release();
  }

  /**
   * Handles the loss of a request or its response upstream: sends the request again or refuses it,
   * or breaks off a response that has begun.
   */
  void onUpstreamLost(String why) {
    if (stage == Stage.RESPONDING) {
      breakOff();
    } else if (stage == Stage.SENT) {
      long now = System.nanoTime();
      recordFailure(now);
      if (!isRepeatable()) {
        refuseAsLost(why, "its route is not declared idempotent");
      } else if (!mayRetry() || !entry.budget().withdraw(client, now)) {
        refuseAsLost(why, "it, or too many of its route, have been already");
      } else {
        requeue(0);
      }
    }
  }

  private void refuseAsLost(String why, String whyNotAgain) {
    refuse(
        502,
        "lost",
        "the request was sent, and its answer lost (%s); it may have been carried out, and is not sent"
                .formatted(why)
            + " again, as "
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
    return attempt < MAX_ATTEMPTS && !(failures > MAX_OWN_FAULTS && isOwnFault());
  }

  /** Puts the request back into the queue, behind the client's other requests. */
  private void requeue(long afterMs) {
    if (upstream != null) {
      door.counts().replayed();
    }
    leaveProxy();
    if (connection.intake().clientHasEnded()) {
      // A client that has closed its sending side may have left. The door cannot tell, and the next
      // response may take long.
      clientGone();
      connection.close();
      return;
    }
    stage = Stage.QUEUED;
    queued = true;
    door.waiting().force(1, client.usage.waiting, entry.usage().waiting);
    countAsHeld();
    if (afterMs > 0) {
      door.after(
          afterMs,
          () -> {
            if (stage == Stage.QUEUED) {
              door.queue(this);
            }
          });
    } else {
      door.queue(this);
    }
  }

  private void leaveProxy() {
    HttpClientRequest sent = upstream;
    upstream = null;
    if (proxy != null) {
      proxy.inFlight().remove(this);
      proxy = null;
      entry.queue().end(this);
    }
    if (sent != null && !reusable) {
      sent.reset();
      abort(sent);
    }
    reusable = false;
  }

  /** Charges the client for the event loop's time since a given moment. */
  void chargeSince(long since) {
    door.pace().chargeOther(connection.client(), System.nanoTime() - since);
  }

  private void responseArrived(HttpClientRequest by, HttpClientResponse upstreamResponse) {
    // The handlers below decide what a failure means.
    upstreamResponse.exceptionHandler(nothing -> {});
    if (stage != Stage.SENT || upstream != by) {
      return;
    }
    if (upstreamResponse.statusCode() < 200) {
      onUpstreamLost(
          "the proxy answers %d, which is no answer".formatted(upstreamResponse.statusCode()));
      return;
    }
    if (Forwarding.hasTooManyFields(upstreamResponse)) {
      refuse(
          502,
          "lost",
          "the response has more than %d header fields".formatted(HeadLimits.MAX_FIELDS));
      return;
    }
    if (!entry.route().declared()) {
      recordSuccess();
      relay(upstreamResponse, Buffer.buffer());
      return;
    }
    Buffer head = Buffer.buffer();
    upstreamResponse.handler(
        part -> {
          if (upstream == by && stage == Stage.SENT) {
            head.appendBuffer(part);
            if (head.length() > PEEK_BYTES) {
              recordSuccess();
              relay(upstreamResponse, head);
            }
          }
        });
    upstreamResponse.exceptionHandler(
        error -> {
          if (upstream == by) {
            onUpstreamLost(Http.reason(error));
          }
        });
    upstreamResponse.endHandler(
        nothing -> {
          if (upstream == by && stage == Stage.SENT) {
            checkReusable(by, upstreamResponse.statusCode());
            relayOrRetry(upstreamResponse, head);
          }
        });
  }

  /**
   * Decides whether the connection can be reused. It cannot if a part of the body has not been
   * sent, or if the server refused to read the body: it closes the connection then, whether it
   * announces that or not.
   */
  private void checkReusable(@Nullable HttpClientRequest by, int status) {
    reusable = fullySent && !REFUSED_UNREAD.contains(status);
    if (!reusable && by != null) {
      abort(by);
    }
  }

  private void recordSuccess() {
    long now = System.nanoTime();
    entry.queue().recordSuccess(this, now - sentAt, inFlightAtSend, now);
  }

  /** Relays a complete response, or treats it as a failed attempt. */
  private void relayOrRetry(HttpClientResponse upstreamResponse, Buffer whole) {
    long now = System.nanoTime();
    int status = upstreamResponse.statusCode();
    String code = status == 200 || status == 500 ? Contract.code(whole) : null;
    if (status == 404 || status == 503) {
      // These statuses come from the proxy, because a Java replica cannot set one. No replica has
      // received the request.
      recordFailure(now);
      if (proxy != null) {
        proxy.askSoon();
      }
      if (mayRetry()) {
        requeue(isOwnFault() ? OWN_FAULT_MS << failures : 0);
      } else {
        respond(status, upstreamResponse, whole);
      }
    } else if (status == 500 && code == null) {
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
      recordSuccess();
      if (Contract.OVERLOADED.equals(code)) {
        request.response().putHeader("Retry-After", "1");
      }
      int meant = Contract.status(status, code);
      respond(
          door.settings().contractCodes() && status == 200 ? status : meant,
          upstreamResponse,
          whole);
    }
  }

  private void respond(int status, HttpClientResponse upstreamResponse, Buffer whole) {
    HttpServerResponse response = request.response();
    Forwarding.responseHeaders(upstreamResponse, response);
    String type = upstreamResponse.getHeader("Content-Type");
    if ((type == null || type.startsWith("text/plain")) && Contract.isJson(whole.getBytes())) {
      response.putHeader("Content-Type", "application/json");
    }
    stage = Stage.RESPONDING;
    end(status);
    response.setStatusCode(status).end(whole);
  }

  /** Streams a response to the client. */
  private void relay(HttpClientResponse upstreamResponse, Buffer head) {
    stage = Stage.RESPONDING;
    relay = new Relay(this, upstreamResponse, door.pace());
    relay.begin(head);
  }

  /**
   * Gives the connection back, because it has carried the whole response. From then on it may carry
   * another client's.
   */
  void upstreamComplete(int status) {
    checkReusable(upstream, status);
    leaveProxy();
    door.dispatchSoon(entry);
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
    end(status);
    door.counts().refused(code);
    Replies.error(request, status, code, why, more);
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
    leaveProxy();
    leaveQueue();
    stopDecompressing();
    if (relay != null) {
      relay.close();
    }
    releaseBody();
    refund(counted);
    door.ended(this, status);
    door.dispatchSoon(entry);
  }
}
