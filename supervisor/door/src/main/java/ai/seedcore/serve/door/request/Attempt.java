package ai.seedcore.serve.door.request;

import ai.seedcore.serve.base.Fatal;
import ai.seedcore.serve.base.http.Abort;
import ai.seedcore.serve.base.http.HeadLimits;
import ai.seedcore.serve.base.http.Http;
import ai.seedcore.serve.door.client.Connection;
import ai.seedcore.serve.door.upstream.Proxy;
import ai.seedcore.serve.door.upstream.UpstreamTime;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpClientRequest;
import io.vertx.core.http.HttpClientResponse;
import io.vertx.core.net.impl.VertxConnection;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * One attempt to send a request to a proxy. Reports the response, or the loss of it, to its
 * exchange, and nothing after it was closed.
 */
final class Attempt implements Proxy.InFlight {

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
  private final Proxy proxy;
  private final long sentAt = System.nanoTime();
  private final int inFlightAtSend;

  private @Nullable HttpClientRequest upstream;
  private boolean fullySent;
  private boolean reusable;
  private boolean closed;

  Attempt(Exchange exchange, Services services, RequestBody body, Proxy proxy) {
    this.exchange = exchange;
    this.services = services;
    this.body = body;
    this.proxy = proxy;
    this.declared = exchange.entry().route().declared();
    this.inFlightAtSend = exchange.entry().queue().inFlight();
  }

  /** Opens a connection, or takes one from the pool, and sends the request. */
  void begin() {
    proxy.inFlight().add(this);
    services
        .http()
        .request(
            Forwarding.options(
                exchange.request().method(),
                exchange.target(),
                proxy,
                !declared || body.bytes() == null))
        .onComplete(
            opened -> {
              if (closed) {
                if (opened.succeeded()) {
                  // The client or the proxy has closed its connection in the meantime.
                  opened.result().exceptionHandler(nothing -> {}).reset();
                }
              } else if (opened.failed()) {
                proxy.refused();
                exchange.notSent();
              } else {
                write(opened.result());
              }
            });
  }

  /** Returns whether a connection was opened, so that a part of the request may have been sent. */
  boolean isOpened() {
    return upstream != null;
  }

  private void write(HttpClientRequest to) {
    upstream = to;
    if (to.connection() instanceof VertxConnection used) {
      UpstreamTime.charge(used.channel(), services.pace(), exchange.connection().client());
    }
    // The response future fails, too, and reports the error.
    to.exceptionHandler(Fatal::ifOutOfMemory);
    Forwarding.headers(
        exchange.request(), exchange.target(), to, !declared, services.hasToken(), services.via());
    if (body.wasCompressed()) {
      to.headers().remove("Content-Encoding");
    }
    to.response()
        .onSuccess(this::responseArrived)
        .onFailure(
            error -> {
              Fatal.ifOutOfMemory(error);
              lost("the proxy " + Http.reason(error));
            });
    Body whole = body.bytes();
    if (!declared) {
      stream(to);
    } else if (whole == null) {
      end(to);
    } else {
      to.setWriteQueueMaxSize(PART_BYTES);
      to.putHeader("Content-Length", String.valueOf(whole.length()));
      write(to, whole, 0);
    }
  }

  private void end(HttpClientRequest to) {
    to.end().onSuccess(nothing -> fullySent = true);
  }

  /**
   * Writes a body from an offset. Waits while the write queue is full, because written bytes are
   * copied.
   */
  private void write(HttpClientRequest to, Body whole, int from) {
    int at = from;
    while (!closed && whole.length() - at > PART_BYTES) {
      whole.write(to, at, at + PART_BYTES);
      at += PART_BYTES;
      if (to.writeQueueFull()) {
        int next = at;
        to.drainHandler(nothing -> write(to, whole, next));
        return;
      }
    }
    if (!closed) {
      whole.end(to, at).onSuccess(nothing -> fullySent = true);
    }
  }

  /**
   * Streams a body as it arrives, and waits while the write queue is full. If the body breaks off,
   * the exchange ends without ending the upstream request, so that the application does not take
   * the body as complete.
   */
  private void stream(HttpClientRequest to) {
    Body arrived = body.bytes();
    if (arrived != null) { // The bytes that arrived while the request was queued.
      arrived.write(to, 0, arrived.length());
      exchange.refund(arrived.length());
      body.release();
    }
    if (exchange.request().isEnded() || !Forwarding.hasBody(exchange.request())) {
      end(to);
      return;
    }
    exchange.sendContinue();
    Connection connection = exchange.connection();
    connection.bodyStreams(System.nanoTime());
    exchange
        .request()
        .handler(
            part -> {
              to.write(part);
              connection.bodyProgressed(System.nanoTime());
              if (to.writeQueueFull()) {
                connection.intake().hold();
                connection.clearDeadline(System.nanoTime());
                to.drainHandler(
                    nothing -> {
                      connection.bodyStreams(System.nanoTime());
                      connection.intake().release();
                    });
              }
            });
    exchange
        .request()
        .endHandler(
            nothing -> {
              connection.intake().bodyEnds();
              end(to);
              connection.clearDeadline(System.nanoTime());
            });
    connection.intake().release();
  }

  private void responseArrived(HttpClientResponse response) {
    // The handlers below decide what a failure means.
    response.exceptionHandler(nothing -> {});
    if (closed || exchange.isResponding()) {
      return;
    }
    if (response.statusCode() < 200) {
      lost(
          "the proxy sent status %d, which is not a final status".formatted(response.statusCode()));
    } else if (Forwarding.hasTooManyFields(response)) {
      exchange.refuse(
          502,
          "lost",
          "the response has more than %d header fields".formatted(HeadLimits.MAX_FIELDS));
    } else if (declared) {
      peek(response);
    } else {
      recordSuccess();
      exchange.relay(response, Buffer.buffer());
    }
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
              exchange.relay(response, head);
            }
          }
        });
    response.exceptionHandler(error -> lost("the proxy " + Http.reason(error)));
    response.endHandler(
        nothing -> {
          if (!closed) {
            responseComplete(response.statusCode());
            exchange.responded(response, head);
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
    exchange.entry().queue().recordSuccess(exchange, now - sentAt, inFlightAtSend, now);
  }

  /** Has the proxy's route table read soon, because its response contradicts the last one. */
  void askProxySoon() {
    proxy.askSoon();
  }

  @Override
  public void lost(String why) {
    if (!closed) {
      exchange.onUpstreamLost(why);
    }
  }

  /** Ends the attempt. Closes its connection unless that can be reused. */
  void close() {
    if (closed) {
      return;
    }
    closed = true;
    proxy.inFlight().remove(this);
    exchange.entry().queue().end(exchange);
    if (upstream != null && !reusable) {
      upstream.reset();
      if (upstream.connection() != null) {
        Abort.now(upstream.connection());
      }
    }
  }
}
