package ai.seedcore.serve.door.request;

import ai.seedcore.serve.base.Fatal;
import ai.seedcore.serve.base.http.Abort;
import ai.seedcore.serve.base.http.HeadLimits;
import ai.seedcore.serve.base.http.Http;
import ai.seedcore.serve.door.client.Connection;
import ai.seedcore.serve.door.upstream.Proxy;
import ai.seedcore.serve.door.upstream.Replica;
import ai.seedcore.serve.door.upstream.Upstream;
import ai.seedcore.serve.door.upstream.UpstreamTime;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.StatusCode;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpClientRequest;
import io.vertx.core.http.HttpClientResponse;
import io.vertx.core.net.impl.VertxConnection;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * One attempt to send a request upstream. Reports the response, or the loss of it, to its exchange,
 * and nothing after it was closed.
 */
final class Attempt implements Upstream.InFlight {

  /** How many bytes of a response are buffered before its status is sent. Errors are shorter. */
  private static final int PEEK_BYTES = 16 << 10;

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

  private final Exchange exchange;
  private final Services services;
  private final RequestBody body;
  private final boolean declared;
  private final Upstream to;
  private final long sentAt = System.nanoTime();
  private final int inFlightAtSend;
  private final @Nullable Span span;

  private @Nullable HttpClientRequest upstream;
  private boolean fullySent;
  private boolean reusable;
  private boolean closed;

  Attempt(Exchange exchange, Services services, RequestBody body, Upstream to) {
    this.exchange = exchange;
    this.services = services;
    this.body = body;
    this.to = to;
    this.declared = exchange.entry().route().declared();
    this.span = exchange.trace() == null ? null : exchange.trace().attempt(to);
    this.inFlightAtSend = exchange.entry().queue().inFlight();
  }

  /** Opens a connection, or takes one from the pool, and sends the request. */
  void begin() {
    to.inFlight().add(this);
    if (declared && to instanceof Proxy && !body.suitsProxy()) {
      return;
    }
    services
        .http()
        .request(
            Forwarding.options(
                exchange.request().method(),
                exchange.target(),
                to,
                !declared || to instanceof Replica || body.bytes() == null))
        .onComplete(
            opened -> {
              if (closed) {
                if (opened.succeeded()) {
                  // The client or the server has closed its connection in the meantime.
                  opened.result().exceptionHandler(nothing -> {}).reset();
                }
              } else if (opened.failed()) {
                to.refused();
                fail(Http.reason(opened.cause()));
                exchange.notSent(this);
              } else {
                write(opened.result());
              }
            });
  }

  /** Returns the time at which the attempt began, in nanoseconds. */
  long sentAt() {
    return sentAt;
  }

  /** Returns whether a connection was opened, so that a part of the request may have been sent. */
  boolean isOpened() {
    return upstream != null;
  }

  private void write(HttpClientRequest request) {
    upstream = request;
    if (request.connection() instanceof VertxConnection used) {
      UpstreamTime.charge(used.channel(), services.pace(), exchange.connection().client());
    }
    // The response future fails, too, and reports the error.
    request.exceptionHandler(Fatal::ifOutOfMemory);
    Forwarding.headers(
        exchange.request(),
        exchange.target(),
        request,
        !declared,
        services.tokens().get(),
        services.via());
    if (span != null) {
      RequestTrace.propagate(span, request.headers());
    }
    if (body.wasCompressed()) {
      request.headers().remove("Content-Encoding");
    }
    request.headers().remove(Forwarding.QUERY);
    if (to instanceof Replica replica) {
      request.headers().set(Replica.CREDENTIAL, replica.credential());
    } else if (declared && body.bytes() != null && exchange.target().query() != null) {
      request.headers().set(Forwarding.QUERY, exchange.target().query());
    }
    request
        .response()
        .onSuccess(this::responseArrived)
        .onFailure(
            error -> {
              Fatal.ifOutOfMemory(error);
              lost(to.kind() + " " + Http.reason(error));
            });
    Body whole = body.bytes();
    if (!declared) {
      stream(request);
    } else if (whole == null) {
      end(request);
    } else {
      request.setWriteQueueMaxSize(PART_BYTES);
      request.putHeader("Content-Length", String.valueOf(whole.length()));
      write(request, whole, 0);
    }
  }

  private void end(HttpClientRequest request) {
    request.end().onSuccess(nothing -> fullySent = true);
  }

  /**
   * Writes a body from an offset. Waits while the write queue is full, because written bytes are
   * copied.
   */
  private void write(HttpClientRequest request, Body whole, int from) {
    int at = from;
    while (!closed && whole.length() - at > PART_BYTES) {
      whole.write(request, at, at + PART_BYTES);
      at += PART_BYTES;
      if (request.writeQueueFull()) {
        int next = at;
        request.drainHandler(nothing -> write(request, whole, next));
        return;
      }
    }
    if (!closed) {
      whole.end(request, at).onSuccess(nothing -> fullySent = true);
    }
  }

  /**
   * Streams a body as it arrives, and waits while the write queue is full. If the body breaks off,
   * the exchange ends without ending the upstream request, so that the application does not take
   * the body as complete.
   */
  private void stream(HttpClientRequest request) {
    Body arrived = body.bytes();
    if (arrived != null) { // The bytes that arrived while the request was queued.
      arrived.write(request, 0, arrived.length());
      exchange.refund(arrived.length());
      body.release();
    }
    if (exchange.request().isEnded() || !Forwarding.hasBody(exchange.request())) {
      end(request);
      return;
    }
    exchange.sendContinue();
    Connection connection = exchange.connection();
    connection.deadlines().bodyStreams(System.nanoTime());
    exchange
        .request()
        .handler(
            part -> {
              request.write(part);
              connection.deadlines().bodyProgressed(System.nanoTime());
              if (request.writeQueueFull()) {
                connection.hold();
                connection.deadlines().clear(System.nanoTime());
                request.drainHandler(
                    nothing -> {
                      connection.deadlines().bodyStreams(System.nanoTime());
                      connection.resume();
                    });
              }
            });
    exchange
        .request()
        .endHandler(
            nothing -> {
              connection.bodyEnds();
              end(request);
              connection.deadlines().clear(System.nanoTime());
            });
    connection.resume();
  }

  private void responseArrived(HttpClientResponse response) {
    // The handlers below decide what a failure means.
    response.exceptionHandler(nothing -> {});
    if (span != null) {
      span.setAttribute("http.response.status_code", response.statusCode());
    }
    if (closed || exchange.isResponding()) {
      return;
    }
    if (response.statusCode() < 200) {
      lost(
          "%s sent status %d, which is not a final status"
              .formatted(to.kind(), response.statusCode()));
    } else if (Forwarding.hasTooManyFields(response)) {
      exchange.refuse(
          502,
          "lost",
          "the response has more than %d header fields".formatted(HeadLimits.MAX_FIELDS));
    } else if (declared && !isStream(response)) {
      peek(response);
    } else {
      recordSuccess();
      exchange.relay(this, response, Buffer.buffer());
    }
  }

  /** Returns whether the response is written while it is sent, and may pause meanwhile. */
  private boolean isStream(HttpClientResponse response) {
    // Serve's own errors have a length.
    boolean streams = exchange.entry().route().streams() && response.statusCode() < 500;
    return response.headers().contains("Transfer-Encoding")
        && (isDirect() || streams || isEvents(response));
  }

  /** Returns whether a response consists of server-sent events. */
  static boolean isEvents(HttpClientResponse response) {
    String type = response.getHeader("Content-Type");
    return type != null && type.startsWith("text/event-stream");
  }

  /** Buffers the response up to a limit, because a short one may cause a retry. */
  private void peek(HttpClientResponse response) {
    Buffer head = Buffer.buffer();
    response.handler(
        part -> {
          if (!closed) {
            head.appendBuffer(part);
            if (head.length() > PEEK_BYTES) {
              recordSuccess();
              exchange.relay(this, response, head);
            }
          }
        });
    response.exceptionHandler(error -> lost(to.kind() + " " + Http.reason(error)));
    response.endHandler(
        nothing -> {
          if (!closed) {
            responseComplete(response.statusCode());
            exchange.responded(this, response, head);
          }
        });
  }

  /**
   * Decides whether the connection can be reused after the response. It cannot if a part of the
   * body has not been sent, or if the server refused to read the body: it closes the connection
   * then, whether it announces that or not.
   */
  void responseComplete(int status) {
    reusable = fullySent && !REFUSED_UNREAD.contains(status);
  }

  /** Tells the queue that the replicas have handled the request. */
  void recordSuccess() {
    long now = System.nanoTime();
    RouteEntry entry = exchange.entry();
    entry.queue().recordSuccess(exchange, now - sentAt, inFlightAtSend, now);
    entry.hedging().record(now - sentAt);
  }

  /** Records whether a replica handled the request, or failed to. */
  void recordOutcome(boolean success) {
    if (to instanceof Replica replica) {
      services.upstreams().replicas().recordOutcome(replica, success, System.nanoTime());
    }
  }

  /** Says in the trace why the attempt has failed. */
  void fail(String why) {
    if (span != null) {
      span.setStatus(StatusCode.ERROR, why);
    }
  }

  /** Returns another replica that could respond sooner; null if there is none. */
  @Nullable Replica alternative() {
    if (!(to instanceof Replica replica)) {
      return null;
    }
    Replica other = services.upstreams().replicas().alternative(replica);
    return other != null && other.inFlight().size() < replica.inFlight().size() ? other : null;
  }

  /** Returns whether the request was sent to a replica, so that no proxy wrote the response. */
  boolean isDirect() {
    return to instanceof Replica;
  }

  /** Returns whether the class has chosen the status of a response, and not a proxy. */
  boolean isOfClass(HttpClientResponse response) {
    return isDirect() ? refusal(response) == null : hasChosen(response);
  }

  /** Returns whether the class has chosen the status and the header fields of its response. */
  static boolean hasChosen(HttpClientResponse response) {
    return response.headers().contains(Forwarding.EXECUTED);
  }

  /**
   * Returns why a replica did not execute the request; null if it did. A deployment cannot say so.
   */
  static @Nullable String refusal(HttpClientResponse response) {
    return response.getHeader(Forwarding.NOT_EXECUTED);
  }

  /** Handles a response that says that the request was not executed. */
  void recordRefusal(@Nullable String why) {
    if (to instanceof Replica replica) {
      replica.recordRefusal(why);
    } else if (to instanceof Proxy proxy) {
      proxy.askSoon(); // Its route table contradicts its response.
    }
  }

  @Override
  public void doubted(String why) {
    if (!closed) {
      exchange.onUpstreamDoubted(this, why);
    }
  }

  @Override
  public void check(long now) {
    if (!closed) {
      exchange.onInFlight(this, now - sentAt);
    }
  }

  @Override
  public void lost(String why) {
    if (!closed) {
      fail(why);
      recordOutcome(false);
      exchange.onUpstreamLost(this, why);
    }
  }

  /** Ends the attempt. Closes its connection unless that can be reused. */
  void close() {
    if (closed) {
      return;
    }
    closed = true;
    if (span != null) {
      span.end();
    }
    to.inFlight().remove(this);
    exchange.entry().queue().end(exchange);
    if (upstream != null && !reusable) {
      upstream.reset();
      if (upstream.connection() != null) {
        Abort.now(upstream.connection());
      }
    }
  }
}
