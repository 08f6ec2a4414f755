package ai.seedcore.serve.door.request;

import ai.seedcore.serve.base.ErrorCode;
import ai.seedcore.serve.door.client.Client;
import io.vertx.core.buffer.Buffer;
import org.jspecify.annotations.Nullable;

/** The body of one request: reads it and decompresses it. Its bytes are charged to the exchange. */
final class RequestBody {

  /** How many bodies of one client may be queued for decompression. */
  private static final int MAX_DECOMPRESSIONS = 4;

  private final Exchange exchange;
  private final Services services;
  private @Nullable Body body;
  private Unpacking.@Nullable Job unpacking;
  private boolean decompressed;

  RequestBody(Exchange exchange, Services services) {
    this.exchange = exchange;
    this.services = services;
  }

  /** Returns what has been read; null if there is nothing. */
  @Nullable Body bytes() {
    return body;
  }

  /** Returns how many bytes have been read. */
  int length() {
    return body == null ? 0 : body.length();
  }

  /** Returns whether the client sent it compressed. */
  boolean wasCompressed() {
    return decompressed;
  }

  /** Returns whether the announced length exceeds the limit. */
  boolean isTooLong() {
    String length = exchange.request().getHeader("Content-Length");
    try {
      return length != null && Long.parseLong(length) > services.settings().bodyBytes();
    } catch (NumberFormatException e) {
      return false;
    }
  }

  /** Appends a part that has arrived. Refuses the request if it is too much. */
  void append(Buffer part) {
    if (!exchange.charge(part.length())) {
      services.refusals().overBudget(exchange, part.length());
      return;
    }
    keep(part, Forwarding.bodyBytes(exchange.request()));
    if (body != null && body.length() > services.settings().bodyBytes()) {
      services.refusals().tooLarge(exchange);
    } else {
      exchange.connection().deadlines().bodyProgressed(System.nanoTime());
    }
  }

  private void keep(Buffer part, long whole) {
    if (part.length() > 0) {
      body = body == null ? new Body() : body;
      body.append(part, whole);
    }
  }

  /** Decompresses the complete body, and makes the exchange ready or refuses it. */
  void complete() {
    String coding = exchange.request().getHeader("Content-Encoding");
    if (body != null && coding != null && !coding.strip().equalsIgnoreCase("identity")) {
      decompress(coding, body);
    } else {
      exchange.ready();
    }
  }

  private void decompress(String coding, Body compressed) {
    Client client = exchange.client();
    if (!Inflation.isSupported(coding)) {
      exchange.request().response().putHeader("Accept-Encoding", "gzip, deflate");
      exchange.refuse(
          415,
          "unknown_coding",
          "Content-Encoding: found '%s', expected gzip or deflate".formatted(Replies.cut(coding)));
      return;
    }
    if (!client.beginDecompressing(MAX_DECOMPRESSIONS)) {
      services
          .refusals()
          .tooMany(exchange, "other bodies of this client are already being decompressed");
      return;
    }
    exchange.connection().deadlines().clear(System.nanoTime());
    unpacking =
        services
            .unpacking()
            .job(client, coding, compressed, services.settings().bodyBytes(), receiver(compressed));
    unpacking.begin();
  }

  private Unpacking.Receiver receiver(Body compressed) {
    return new Unpacking.Receiver() {
      @Override
      public boolean progressed(int bytes) {
        boolean fits = exchange.charge(bytes);
        if (!fits) {
          services.refusals().overBudget(exchange, bytes);
        }
        return fits;
      }

      @Override
      public void completed(Buffer whole) {
        stopDecompressing();
        exchange.refund(compressed.length());
        decompressed = true;
        release();
        keep(whole, whole.length());
        exchange.ready();
      }

      @Override
      public void failed(Throwable error) {
        if (error instanceof Inflation.TooLong) {
          services.refusals().tooLarge(exchange);
        } else {
          exchange.refuse(
              400,
              "unknown_coding",
              "body: found invalid compressed data, expected its Content-Encoding");
        }
      }
    };
  }

  /** Returns whether Serve's proxy can pass the request on; refuses the request if not. */
  boolean suitsProxy() {
    String query = exchange.target().query();
    if (body != null && !body.isUtf8()) {
      exchange.refuse(
          400, ErrorCode.INVALID_JSON, "body: found bytes that are not UTF-8, expected JSON");
      return false;
    } else if (body == null && query != null && !query.isEmpty() && query.indexOf('=') < 0) {
      exchange.refuse(
          400,
          ErrorCode.INVALID_FIELD,
          "query: found '%s', expected NAME=VALUE, or a body".formatted(Replies.cut(query)));
      return false;
    }
    return true;
  }

  private void stopDecompressing() {
    if (unpacking != null) {
      unpacking.cancel();
      unpacking = null;
      exchange.client().endDecompressing();
    }
  }

  /** Frees the bytes. */
  void release() {
    if (body != null) {
      body.release();
      body = null;
    }
  }

  /** Frees everything, because the exchange has ended. */
  void close() {
    stopDecompressing();
    release();
  }
}
