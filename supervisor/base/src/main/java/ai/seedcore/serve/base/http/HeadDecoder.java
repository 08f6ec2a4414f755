package ai.seedcore.serve.base.http;

import io.netty.handler.codec.http.HttpMessage;
import io.netty.handler.codec.http.TooLongHttpHeaderException;
import io.netty.util.AsciiString;
import io.vertx.core.http.Http1ServerConfig;
import io.vertx.core.http.impl.http1.VertxHttpRequestDecoder;

/**
 * A request decoder that accepts at most {@value HeadLimits#MAX_FIELDS} header fields, trailers
 * included. Vert.x limits only their bytes, but a field of four bytes takes about 150 once it is
 * decoded.
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
