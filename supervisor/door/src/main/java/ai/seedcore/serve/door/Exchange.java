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
 * One request, from its head to the end of its answer. It waits in its route's queue, is sent, and,
 * where the answer does not come and nothing of one has gone out, waits and is sent again, a
 * limited number of times: where no replica can have had it, as the proxy says so itself, else
 * where its method or its route allows it. What a class answers is never taken for a sign of
 * either.
 */
final class Exchange implements Pace.Deferred {

  /** How much of an answer is looked at before its status is sent: errors are shorter. */
  private static final int LOOKED_AT = 16 << 10;

  /** How often a request is sent in all, with pauses that grow up to two seconds. */
  private static final int TRIES = 32;

  /** How often one is sent again that others' success shows to be at fault itself. */
  private static final int OWN_FAULTS = 3;

  private static final long OWN_FAULT_MS = 50;

  /** For how long Serve may send requests to a replica that has died. */
  private static final long DEAD_REPLICA_NANOS = 10_000_000_000L;

  /** What stands around a request, about. */
  private static final int AROUND = 1 << 10;

  /** How much of a body is written at a time, and then about how much waits to be taken. */
  private static final int PART = 32 << 10;

  /** What is kept of an answer while it is paused, about. */
  private static final int PAUSED = 64 << 10;

  /** Request Timeout, Content Too Large, URI Too Long, Request Header Fields Too Large. */
  private static final Set<Integer> REFUSED_UNREAD = Set.of(408, 413, 414, 431);

  /** How long it takes to pass on a part of an answer, and to compress it, about. */
  private static final long PART_NANOS = 50_000;

  private static final long PACKED_PART_NANOS = 100_000;

  /** What a compressor takes outside of the heap (zlib's windowBits 15 and memLevel 8). */
  private static final int PACKING = 256 << 10;

  /** How many answers of one client are compressed at a time. */
  private static final int MOST_PACKING = 64;

  /** How many bodies of one client may wait to be unpacked. */
  private static final int UNPACKING = 4;

  private enum Stage {
    READING,
    UNPACKING,
    WAITING,
    SENT,
    ANSWERING,
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
  private final long answerBy;

  private Stage stage = Stage.READING;
  private @Nullable Body body;
  private boolean unpacked;
  private Unpacking.@Nullable Job unpacking;
  private int counted;
  private @Nullable HttpClientResponse relayed;
  private @Nullable Buffer relayedHead;
  private boolean unread;
  private boolean paced;
  private boolean packs;
  private int pausedBytes;
  private @Nullable Proxy proxy;
  private @Nullable HttpClientRequest upstream;
  private int attempt;
  private boolean sentInFull;
  private boolean answeredInFull;
  private int failures;
  private long failedAt;
  private boolean waits;
  private boolean waited;
  private long sentAt;
  private int crowd;

  /**
   * One request.
   *
   * @param client whose it is
   * @param patience how long it may wait for its route, in nanoseconds
   * @param limit how long its client gives the whole of it, in nanoseconds; none: Long.MAX_VALUE
   */
  Exchange(
      FrontDoor door,
      RouteEntry entry,
      HttpServerRequest request,
      Target target,
      Connection connection,
      Client client,
      long patience,
      long limit) {
    this.door = door;
    this.entry = entry;
    this.request = request;
    this.target = target;
    this.connection = connection;
    this.client = client;
    this.waitUntil = arrived + Math.min(patience, limit);
    this.answerBy = limit == Long.MAX_VALUE ? Long.MAX_VALUE : arrived + limit;
  }

  RouteEntry entry() {
    return entry;
  }

  HttpServerRequest request() {
    return request;
  }

  /** Whose it is. */
  Client client() {
    return client;
  }

  /** When it came, in nanoseconds. */
  long arrived() {
    return arrived;
  }

  boolean isTired(long now) {
    return now - waitUntil >= 0;
  }

  /** Whether its client's patience is over while it is under way. */
  boolean isLate(long now) {
    return answerBy != Long.MAX_VALUE && now - answerBy >= 0;
  }

  boolean hasLimit() {
    return answerBy != Long.MAX_VALUE;
  }

  /** Whether its client, who has said all that he will, is to have an answer. */
  boolean isToBeAnswered() {
    return (stage == Stage.SENT && request.isEnded()) || stage == Stage.ANSWERING;
  }

  /** Reads the body, as far as it has to be here to be sent twice. */
  void begin() {
    connection.serves(this);
    request.response().closeHandler(nothing -> gone());
    request.exceptionHandler(nothing -> gone());
    int head = AROUND + connection.intake().headCost();
    if (!take(head)) {
      door.overfull(this, head);
      return;
    }
    request.handler(this::read);
    if (entry.route().declared()) {
      sayContinue();
      request.endHandler(nothing -> wholeBody());
    } else {
      // Whatever it is, it may be large, or endless, and is streamed.
      connection.intake().hold();
      ready();
    }
  }

  private void sayContinue() {
    if (request.version() == HttpVersion.HTTP_1_1
        && "100-continue".equalsIgnoreCase(request.getHeader("Expect"))) {
      request.response().writeContinue();
    }
  }

  /** Keeps so many bytes, where there is room; says whether there is. */
  private boolean take(int bytes) {
    boolean room = door.bytes().take(bytes, client.usage.bytes, entry.usage().bytes);
    counted += room ? bytes : 0;
    return room;
  }

  private void give(int bytes) {
    door.bytes().give(bytes, client.usage.bytes, entry.usage().bytes);
    counted -= bytes;
  }

  private void read(Buffer part) {
    if (stage == Stage.DONE || (stage != Stage.READING && entry.route().declared())) {
      return;
    }
    if (!take(part.length())) {
      door.overfull(this, part.length());
      return;
    }
    keep(part, Forwarding.bodyBytes(request));
    if (body != null && body.length() > door.settings().bodyBytes()) {
      door.tooLarge(this);
    } else {
      connection.goesOn(System.nanoTime());
    }
  }

  private void keep(Buffer part, long whole) {
    if (part.length() > 0) {
      body = body == null ? new Body() : body;
      body.append(part, whole);
    }
  }

  private void forgetBody() {
    if (body != null) {
      body.release();
      body = null;
    }
  }

  private void wholeBody() {
    if (stage != Stage.READING) {
      return;
    }
    connection.intake().bodyEnds();
    String coding = request.getHeader("Content-Encoding");
    if (body != null && coding != null && !coding.strip().equalsIgnoreCase("identity")) {
      unpack(coding, body);
    } else {
      check();
    }
  }

  private void unpack(String coding, Body packed) {
    if (!Inflation.knows(coding)) {
      request.response().putHeader("Accept-Encoding", "gzip, deflate");
      refuse(
          415,
          "unknown_coding",
          "Content-Encoding: found '%s', expected gzip or deflate".formatted(Replies.cut(coding)));
      return;
    }
    if (client.unpacking >= UNPACKING) {
      door.tooMany(this, "other bodies of this client are being unpacked already");
      return;
    }
    connection.waits(System.nanoTime());
    stage = Stage.UNPACKING;
    client.unpacking++;
    Unpacking.Job job =
        door.unpacking()
            .job(
                client,
                coding,
                packed,
                door.settings().bodyBytes(),
                new Unpacking.Receiver() {
                  @Override
                  public boolean grows(int bytes) {
                    boolean room = take(bytes);
                    if (!room) {
                      door.overfull(Exchange.this, bytes);
                    }
                    return room;
                  }

                  @Override
                  public void unpacked(Buffer whole) {
                    unpacksNoMore();
                    give(packed.length());
                    unpacked = true;
                    forgetBody();
                    keep(whole, whole.length());
                    check();
                  }

                  @Override
                  public void failed(Throwable error) {
                    if (error instanceof Inflation.TooLong) {
                      door.tooLarge(Exchange.this);
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

  private void unpacksNoMore() {
    if (unpacking != null) {
      unpacking.cancel();
      unpacking = null;
      client.unpacking--;
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
    connection.waits(now);
    stage = Stage.WAITING;
    entry.budget().deposit();
    Proxy free =
        entry.queue().isFree(this, now) ? door.proxies().pick(entry.route().prefix()) : null;
    if (free != null) {
      entry.queue().begin(this);
      send(free);
    } else if (door.waiting().take(1, client.usage.waiting, entry.usage().waiting)) {
      waits = true;
      waited();
      door.queue(this);
    } else {
      door.overfull(this);
    }
  }

  private void waited() {
    if (!waited) {
      waited = true;
      door.counts().held();
    }
  }

  private void waitsNoMore() {
    if (waits) {
      waits = false;
      door.waiting().give(1, client.usage.waiting, entry.usage().waiting);
    }
  }

  /** Sends it, now. */
  void send(Proxy to) {
    waitsNoMore();
    stage = Stage.SENT;
    sentAt = System.nanoTime();
    crowd = entry.queue().underWay();
    int mine = ++attempt;
    proxy = to;
    to.underWay().add(this);
    door.client()
        .request(
            Forwarding.options(
                request.method(), target, to, !entry.route().declared() || body == null))
        .onComplete(
            begun -> {
              if (stage != Stage.SENT || attempt != mine) {
                if (begun.succeeded()) {
                  // Its client, or the proxy, has gone meanwhile.
                  begun.result().exceptionHandler(nothing -> {}).reset();
                }
              } else if (begun.failed()) {
                to.refuses();
                again(0);
              } else {
                write(begun.result());
              }
            });
  }

  private void write(HttpClientRequest begun) {
    upstream = begun;
    sentInFull = false;
    if (begun.connection() instanceof VertxConnection used) {
      UpstreamTime.charge(used.channel(), door.pace(), connection.client());
    }
    begun.exceptionHandler(Fatal::ifOutOfMemory); // Its answer fails, too, and is told of it.
    boolean streamed = !entry.route().declared();
    Forwarding.headers(request, target, begun, streamed, door.isLocked(), door.via());
    if (unpacked) {
      begun.headers().remove("Content-Encoding");
    }
    begun
        .response()
        .onSuccess(answer -> answered(begun, answer))
        .onFailure(
            error -> {
              Fatal.ifOutOfMemory(error);
              if (upstream == begun) {
                lost(Http.reason(error));
              }
            });
    if (entry.route().declared()) {
      if (body == null) {
        endOf(begun);
      } else {
        begun.setWriteQueueMaxSize(PART);
        begun.putHeader("Content-Length", String.valueOf(body.length()));
        write(begun, body, 0);
      }
    } else {
      stream(begun);
    }
  }

  private void sent(HttpClientRequest begun) {
    sentInFull |= upstream == begun;
  }

  /** Ends its connection now: Vert.x waits for a proxy that does not read, and keeps the body. */
  private static void abort(HttpClientRequest request) {
    HttpConnection used = request.connection();
    if (used != null) {
      used.close(); // Else it is offered to others until its end has been noticed.
    }
    if (used instanceof VertxConnection connection) {
      Connection.abort(connection.channel());
    }
  }

  private void endOf(HttpClientRequest begun) {
    begun.end().onSuccess(nothing -> sent(begun));
  }

  /** Writes a body from there on, no faster than it is taken: what is written is copied. */
  private void write(HttpClientRequest begun, Body whole, int from) {
    int at = from;
    while (upstream == begun && whole.length() - at > PART) {
      whole.write(begun, at, at + PART);
      at += PART;
      if (begun.writeQueueFull()) {
        int next = at;
        begun.drainHandler(nothing -> write(begun, whole, next));
        return;
      }
    }
    if (upstream == begun) {
      whole.end(begun, at).onSuccess(nothing -> sent(begun));
    }
  }

  /**
   * Sends a body as it comes, no faster than it is taken. One that breaks off ends the exchange,
   * and is not ended itself: the application is not to take it for whole.
   */
  private void stream(HttpClientRequest begun) {
    if (body != null) { // What had come before it was its turn.
      body.write(begun, 0, body.length());
      give(body.length());
      forgetBody();
    }
    if (request.isEnded() || !Forwarding.hasBody(request)) {
      endOf(begun);
      return;
    }
    sayContinue();
    connection.streams(System.nanoTime());
    request.handler(
        part -> {
          begun.write(part);
          connection.goesOn(System.nanoTime());
          if (begun.writeQueueFull()) {
            connection.intake().hold();
            connection.waits(System.nanoTime());
            begun.drainHandler(
                nothing -> {
                  connection.streams(System.nanoTime());
                  connection.intake().release();
                });
          }
        });
    request.endHandler(
        nothing -> {
          connection.intake().bodyEnds();
          endOf(begun);
          connection.waits(System.nanoTime());
        });
    connection.intake().release();
  }

  /** What was sent is not going to be answered, and nothing of an answer has gone out. */
  void lost(String why) {
    if (stage == Stage.ANSWERING) {
      breakOff();
    } else if (stage == Stage.SENT) {
      long now = System.nanoTime();
      fails(now);
      if (!isRepeatable()) {
        lose(why, "its route is not declared idempotent");
      } else if (!mayTryAgain() || !entry.budget().withdraw(client, now)) {
        lose(why, "it, or too many of its route, have been already");
      } else {
        again(0);
      }
    }
  }

  private void lose(String why, String whyNotAgain) {
    refuse(
        502,
        "lost",
        "the request was sent, and its answer lost (%s); it may have been carried out, and is not sent"
                .formatted(why)
            + " again, as "
            + whyNotAgain);
  }

  /** Whether it may be carried out twice, and can be sent twice. */
  private boolean isRepeatable() {
    return entry.route().idempotence().covers(request.method().name())
        && (entry.route().declared() || !Forwarding.hasBody(request));
  }

  private void fails(long now) {
    entry.queue().failed(this, now);
    if (failures == 0) {
      failedAt = now;
    }
    failures++;
  }

  /** It is the request's own fault where others are answered well and it is not. */
  private boolean isOwnFault() {
    return failures > 1 && entry.queue().wellSince(failedAt);
  }

  private boolean mayTryAgain() {
    return attempt < TRIES && !(failures > OWN_FAULTS && isOwnFault());
  }

  /** Back into the queue, behind those that are there. */
  private void again(long afterMs) {
    if (upstream != null) {
      door.counts().replayed();
    }
    leaveProxy();
    if (connection.intake().hasEnded()) {
      gone(); // Whether he is still there cannot be seen, and may be long in coming.
      connection.close();
      return;
    }
    stage = Stage.WAITING;
    waits = true;
    door.waiting().force(1, client.usage.waiting, entry.usage().waiting);
    waited();
    if (afterMs > 0) {
      door.after(
          afterMs,
          () -> {
            if (stage == Stage.WAITING) {
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
      proxy.underWay().remove(this);
      proxy = null;
      entry.queue().end(this);
    }
    if (sent != null && !answeredInFull) {
      sent.reset();
      abort(sent);
    }
    answeredInFull = false;
  }

  /** The event loop has worked on it since then. */
  void spent(long since) {
    door.pace().spent(connection.client(), System.nanoTime() - since);
  }

  private void answered(HttpClientRequest by, HttpClientResponse answer) {
    answer.exceptionHandler(nothing -> {}); // Whoever reads it says what an end means.
    if (stage != Stage.SENT || upstream != by) {
      return;
    }
    if (answer.statusCode() < 200) {
      lost("the proxy answers %d, which is no answer".formatted(answer.statusCode()));
      return;
    }
    if (Forwarding.hasTooManyFields(answer)) {
      refuse(
          502,
          "lost",
          "the response has more than %d header fields".formatted(HeadLimits.MAX_FIELDS));
      return;
    }
    if (!entry.route().declared()) {
      well();
      relay(answer, Buffer.buffer());
      return;
    }
    Buffer head = Buffer.buffer();
    answer.handler(
        part -> {
          if (upstream == by && stage == Stage.SENT) {
            head.appendBuffer(part);
            if (head.length() > LOOKED_AT) {
              well();
              relay(answer, head);
            }
          }
        });
    answer.exceptionHandler(
        error -> {
          if (upstream == by) {
            lost(Http.reason(error));
          }
        });
    answer.endHandler(
        nothing -> {
          if (upstream == by && stage == Stage.SENT) {
            answeredInFull(by, answer.statusCode());
            judge(answer, head);
          }
        });
  }

  /**
   * Its connection is of use to others, unless a part of the body has not been sent on it, or its
   * server has refused to read on, and is about to close it, whether it says so or not.
   */
  private void answeredInFull(@Nullable HttpClientRequest by, int status) {
    answeredInFull = sentInFull && !REFUSED_UNREAD.contains(status);
    if (!answeredInFull && by != null) {
      abort(by);
    }
  }

  private void well() {
    long now = System.nanoTime();
    entry.queue().well(this, now - sentAt, crowd, now);
  }

  /** Answers with a whole answer, or takes it for none. */
  private void judge(HttpClientResponse answer, Buffer whole) {
    long now = System.nanoTime();
    int status = answer.statusCode();
    String code = status == 200 || status == 500 ? Contract.code(whole) : null;
    if (status == 404 || status == 503) {
      // The proxy's own words, as a Java replica cannot give a status: none has had the request.
      fails(now);
      if (proxy != null) {
        proxy.doubt();
      }
      if (mayTryAgain()) {
        again(isOwnFault() ? OWN_FAULT_MS << failures : 0);
      } else {
        finish(status, answer, whole);
      }
    } else if (status == 500 && code == null) {
      // Serve's words for a replica that has died, as well as for a class that threw, or for a
      // request that Serve cannot read.
      fails(now);
      boolean dead = !entry.queue().failsForGood(now, DEAD_REPLICA_NANOS);
      if (isRepeatable() && dead && mayTryAgain() && entry.budget().withdraw(client, now)) {
        again(isOwnFault() ? OWN_FAULT_MS << failures : 0);
      } else {
        finish(status, answer, whole);
      }
    } else {
      // The class's answer, or, with a 500, the agent's word that the class has failed.
      well();
      if (Contract.OVERLOADED.equals(code)) {
        request.response().putHeader("Retry-After", "1");
      }
      int meant = Contract.status(status, code);
      finish(door.settings().contractCodes() && status == 200 ? status : meant, answer, whole);
    }
  }

  private void finish(int status, HttpClientResponse answer, Buffer whole) {
    HttpServerResponse response = request.response();
    Forwarding.answer(answer, response);
    String type = answer.getHeader("Content-Type");
    if ((type == null || type.startsWith("text/plain")) && Contract.isJson(whole.getBytes())) {
      response.putHeader("Content-Type", "application/json");
    }
    stage = Stage.ANSWERING;
    end(status);
    response.setStatusCode(status).end(whole);
  }

  /** Streams an answer, no faster than its client reads it. */
  private void relay(HttpClientResponse answer, Buffer head) {
    stage = Stage.ANSWERING;
    HttpServerResponse response = request.response();
    Forwarding.answer(answer, response);
    String length = answer.getHeader("Content-Length");
    if (length != null) {
      response.putHeader("Content-Length", length);
    } else {
      response.setChunked(true);
    }
    response.setStatusCode(answer.statusCode());
    if (request.getHeader("Accept-Encoding") != null
        && answer.getHeader("Content-Encoding") == null) {
      pack(response);
    }
    relayed = answer;
    relayedHead = head;
    answer.handler(
        part -> {
          long began = System.nanoTime();
          writeHead();
          response.write(part);
          long now = System.nanoTime();
          door.pace().read(connection.client(), now - began);
          if (response.writeQueueFull() && !unread) {
            unread = true;
            connection.reads(now);
            response.drainHandler(nothing -> drained());
          }
          if (!paced && !door.pace().allows(connection.client(), now)) {
            putOff(now);
          }
          if (unread || paced) {
            pause(answer);
          }
        });
    answer.exceptionHandler(nothing -> breakOff());
    answer.endHandler(
        nothing -> {
          if (stage == Stage.ANSWERING) {
            writeHead();
            answeredInFull(upstream, answer.statusCode());
            end(answer.statusCode());
            response.end();
            if (length == null && request.version() == HttpVersion.HTTP_1_0) {
              connection.close(); // The only way to tell such a client the end.
            }
          }
        });
    long now = System.nanoTime();
    if (door.pace().allows(connection.client(), now)) {
      writeHead();
    } else {
      putOff(now);
      pause(answer);
    }
  }

  /** A compressor takes memory: a client has some of them, and the rest of its answers as is. */
  private void pack(HttpServerResponse response) {
    packs = client.packing < MOST_PACKING && take(PACKING);
    if (packs) {
      client.packing++;
    } else {
      response.putHeader("Content-Encoding", "identity"); // Vert.x does not compress it, then.
    }
  }

  private void writeHead() {
    Buffer head = relayedHead;
    relayedHead = null;
    if (head != null && head.length() > 0) {
      request.response().write(head);
    }
  }

  private void putOff(long now) {
    paced = true;
    door.pace().defer(this, connection.client(), now);
  }

  /** What has come of an answer when it is paused is kept, and counted. */
  private void pause(HttpClientResponse answer) {
    if (pausedBytes > 0) {
      return;
    }
    if (take(PAUSED)) {
      pausedBytes = PAUSED;
      answer.pause();
    } else {
      breakOff();
    }
  }

  /** Its client has read what there was. */
  private void drained() {
    if (stage == Stage.ANSWERING) {
      unread = false;
      connection.waits(System.nanoTime());
      resume();
    }
  }

  /** Its client has time again: more of the answer is relayed. */
  @Override
  public void goOn() {
    long now = System.nanoTime();
    if (stage == Stage.ANSWERING && !door.pace().allows(connection.client(), now)) {
      door.pace().defer(this, connection.client(), now);
    } else {
      paced = false;
      resume();
    }
  }

  private void resume() {
    if (stage == Stage.ANSWERING && relayed != null && !unread && !paced) {
      give(pausedBytes);
      pausedBytes = 0;
      writeHead();
      relayed.resume();
      // What waits is passed on later in this turn: all would be resumed before any is charged.
      door.pace().read(connection.client(), packs ? PACKED_PART_NANOS : PART_NANOS);
    }
  }

  /**
   * The client has had a part of an answer that has no end: that it can see by the connection's.
   */
  private void breakOff() {
    if (stage == Stage.ANSWERING) {
      end(502);
      connection.close();
    }
  }

  /** Answers it ourselves, whatever stage it is in. */
  void refuse(int status, String code, String why) {
    refuse(status, code, why, Map.of());
  }

  void refuse(int status, String code, String why, Map<String, Object> more) {
    if (stage == Stage.DONE || stage == Stage.ANSWERING) {
      return;
    }
    end(status);
    door.counts().refused(code);
    Replies.error(request, status, code, why, more);
  }

  /** Its client has gone: so has all that was for him. */
  private void gone() {
    if (stage != Stage.DONE) {
      if (stage == Stage.WAITING) {
        entry.queue().remove(this);
      }
      end(499);
    }
  }

  private void end(int status) {
    stage = Stage.DONE;
    leaveProxy();
    waitsNoMore();
    unpacksNoMore();
    client.packing -= packs ? 1 : 0;
    packs = false;
    forgetBody();
    give(counted);
    door.ended(this, status);
    door.dispatchSoon(entry);
  }
}
