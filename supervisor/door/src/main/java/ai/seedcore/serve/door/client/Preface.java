package ai.seedcore.serve.door.client;

import ai.seedcore.serve.base.http.Abort;
import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelPipeline;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http2.Http2CodecUtil;
import io.netty.util.ReferenceCountUtil;
import java.util.function.Consumer;

/**
 * Notices that a client begins with the preface of HTTP/2 (RFC 9113, section 3.4), with TLS or
 * without, and makes an HTTP/2 connection of an HTTP/1 one. Vert.x itself would report an HTTP/2
 * connection only once its settings have arrived, and one without TLS only after its first request,
 * so that neither their number nor their time would be limited until then.
 */
final class Preface extends ChannelInboundHandlerAdapter {

  /** The part of the preface that looks like a request of HTTP/1. */
  private static final int REQUEST_BYTES = "PRI * HTTP/2.0\r\n\r\n".length();

  private final Http1Connection connection;
  private final Consumer<ChannelPipeline> toHttp2;
  private boolean switching;

  /**
   * Creates a handler that follows the decoder.
   *
   * @param toHttp2 replaces a pipeline's last handler by that of a new connection
   */
  Preface(Http1Connection connection, Consumer<ChannelPipeline> toHttp2) {
    this.connection = connection;
    this.toHttp2 = toHttp2;
  }

  @Override
  public void channelRead(ChannelHandlerContext context, Object message) {
    if (message instanceof HttpRequest request && !switching) {
      if (!isPreface(request)) {
        context.pipeline().remove(this); // The connection begins with HTTP/1.
        context.fireChannelRead(message);
        return;
      }
      switching = true;
      connection.expectNothing();
      // The decoder has to return first.
      context.executor().execute(() -> switchProtocol(context));
    }
    ReferenceCountUtil.release(message);
  }

  private static boolean isPreface(HttpRequest request) {
    return request.protocolVersion().text().equals("HTTP/2.0")
        && request.method().name().equals("PRI")
        && request.uri().equals("*")
        && request.headers().isEmpty();
  }

  private void switchProtocol(ChannelHandlerContext context) {
    ChannelPipeline pipeline = context.pipeline();
    if (!context.channel().isActive()) {
      return;
    }
    boolean hasEnded = connection.clientHasEnded();
    ByteBuf rest = connection.handOver();
    for (String name :
        new String[] {"intake", "httpDecoder", "onlyHttp1", "httpEncoder", "deflater"}) {
      if (pipeline.get(name) != null) {
        pipeline.remove(name);
      }
    }
    pipeline.remove(this);
    boolean switched = false;
    try {
      toHttp2.accept(pipeline);
      if (!hasEnded
          && Transport.of(context.channel()) instanceof Http2Connection next
          && next.isRegistered()) {
        switched = true;
        next.begin(Http2CodecUtil.connectionPrefaceBuf().slice(0, REQUEST_BYTES), rest);
      }
    } finally {
      if (!switched) { // The client has left, or there are too many connections.
        Abort.now(context.channel());
        ReferenceCountUtil.release(rest);
      }
    }
  }
}
