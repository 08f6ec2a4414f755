package ai.seedcore.serve.base.http;

import io.netty.handler.codec.TooLongFrameException;
import io.netty.handler.codec.http.TooLongHttpLineException;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.core.http.HttpServerRequest;

/**
 * The size limits of a request's head.
 *
 * @param lineBytes the limit for the request line, in bytes
 * @param headBytes the limit for the header fields, in bytes; the trailers of a body have the same
 *     limit
 */
public record HeadLimits(int lineBytes, int headBytes) {

  /**
   * The limit for the number of header fields of a request or response, trailers included. Envoy
   * and Apache allow 100.
   */
  public static final int MAX_FIELDS = 128;

  /** Returns server options with these limits. */
  public HttpServerOptions options() {
    return new HttpServerOptions()
        .setMaxInitialLineLength(lineBytes)
        .setMaxHeaderSize(headBytes)
        .setHttp2ClearTextEnabled(false)
        .setHandle100ContinueAutomatically(false);
  }

  /**
   * Returns the status for a request that could not be decoded: 414 or 431 if it was too long,
   * otherwise 400.
   */
  public static int status(HttpServerRequest unreadable) {
    Throwable cause = unreadable.decoderResult().cause();
    if (cause instanceof TooLongHttpLineException) {
      return 414;
    }
    return cause instanceof TooLongFrameException ? 431 : 400;
  }

  /** Returns the error message for a status. */
  public String reason(int status) {
    return switch (status) {
      case 414 -> "request line: expected at most %d bytes".formatted(lineBytes);
      case 431 ->
          "headers: expected at most %d bytes in %d fields".formatted(headBytes, MAX_FIELDS);
      default -> "the request is not valid HTTP";
    };
  }
}
