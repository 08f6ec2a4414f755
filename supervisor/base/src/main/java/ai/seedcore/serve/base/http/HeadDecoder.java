package ai.seedcore.serve.base.http;

import io.netty.handler.codec.http.HttpMessage;
import io.netty.handler.codec.http.TooLongHttpHeaderException;
import io.netty.util.AsciiString;
import io.vertx.core.http.Http1ServerConfig;
import io.vertx.core.http.impl.http1.VertxHttpRequestDecoder;

/**
 * Reads requests of at most {@value #MAX_HEADERS} header fields, trailers included. The library
 * bounds their bytes alone, and a field of four bytes takes some 150 once it is read.
 */
final class HeadDecoder extends VertxHttpRequestDecoder {

  /** Envoy and Apache allow 100. */
  static final int MAX_HEADERS = 128;

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
    if (++headers > MAX_HEADERS) {
      throw new TooLongHttpHeaderException("more than %d header fields".formatted(MAX_HEADERS));
    }
    return super.splitHeaderName(line, start, length);
  }
}
