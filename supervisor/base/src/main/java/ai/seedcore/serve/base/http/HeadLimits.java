package ai.seedcore.serve.base.http;

import io.netty.handler.codec.TooLongFrameException;
import io.netty.handler.codec.http.TooLongHttpLineException;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.core.http.HttpServerRequest;

/**
 * How long the head of a request may be.
 *
 * @param lineBytes its first line, in bytes
 * @param headBytes its header fields, in bytes; the trailers of a body have the same bound
 */
public record HeadLimits(int lineBytes, int headBytes) {

  /**
   * How many header fields a request or a response may have, trailers included. Envoy and Apache
   * allow 100.
   */
  public static final int MAX_FIELDS = 128;

  /** The options of a server with these limits. */
  public HttpServerOptions options() {
    return new HttpServerOptions()
        .setMaxInitialLineLength(lineBytes)
        .setMaxHeaderSize(headBytes)
        .setHttp2ClearTextEnabled(false)
        .setHandle100ContinueAutomatically(false);
  }

  /** The status for a request that could not be read: 414 or 431 where it was too long. */
  public static int status(HttpServerRequest unreadable) {
    Throwable cause = unreadable.decoderResult().cause();
    if (cause instanceof TooLongHttpLineException) {
      return 414;
    }
    return cause instanceof TooLongFrameException ? 431 : 400;
  }

  /** What is wrong with a request of that status. */
  public String reason(int status) {
    return switch (status) {
      case 414 -> "request line: expected at most %d bytes".formatted(lineBytes);
      case 431 ->
          "headers: expected at most %d bytes in %d fields".formatted(headBytes, MAX_FIELDS);
      default -> "found no HTTP";
    };
  }
}
