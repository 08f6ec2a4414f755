package ai.seedcore.serve.base.http;

import io.netty.handler.codec.http.HttpMessage;
import io.netty.handler.codec.http.TooLongHttpHeaderException;
import io.netty.util.AsciiString;
import io.vertx.core.http.Http1ServerConfig;
import io.vertx.core.http.impl.http1.VertxHttpRequestDecoder;

/**
 * Reads requests of at most {@value HeadLimits#MAX_FIELDS} header fields, trailers included. The
 * library bounds their bytes alone, and a field of four bytes takes some 150 once it is read.
 */
final class HeadDecoder extends VertxHttpRequestDecoder {

  private int headers;

  HeadDecoder(HeadLimits limits) {
    super(
        new Http1ServerConfig()
            .setMaxInitialLineLength(limits.lineBytes())
            .setMaxHeaderSize(limits.headBytes()));
  }

  @Override
  protected HttpMessage createMessage(String[] requestLine) {
    headers = 0;
    return super.createMessage(requestLine);
  }

  @Override
  protected AsciiString splitHeaderName(byte[] line, int start, int length) {
    if (++headers > HeadLimits.MAX_FIELDS) {
      throw new TooLongHttpHeaderException(
          "more than %d header fields".formatted(HeadLimits.MAX_FIELDS));
    }
    return super.splitHeaderName(line, start, length);
  }
}
