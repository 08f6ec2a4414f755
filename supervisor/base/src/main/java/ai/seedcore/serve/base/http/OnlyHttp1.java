package ai.seedcore.serve.base.http;

import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.util.ReferenceCountUtil;
import io.vertx.core.http.HttpConnection;
import io.vertx.core.http.impl.HttpServerConnection;
import java.nio.charset.StandardCharsets;

/**
 * Refuses requests in other versions of HTTP, or with another protocol name. (Vert.x would respond
 * in that version.) Also replaces the decoder by one that limits the head.
 */
public final class OnlyHttp1 extends ChannelInboundHandlerAdapter {

  private static final byte[] REFUSAL =
      "HTTP/1.1 505 HTTP Version Not Supported\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
          .getBytes(StandardCharsets.US_ASCII);

  private OnlyHttp1() {}

  /** Adds this handler to a server connection, and returns the connection's channel. */
  public static Channel guard(HttpConnection connection, HeadLimits limits) {
    Channel channel = ((HttpServerConnection) connection).channelHandlerContext().channel();
    channel.pipeline().replace("httpDecoder", "httpDecoder", new HeadDecoder(limits));
    channel.pipeline().addAfter("httpDecoder", "onlyHttp1", new OnlyHttp1());
    return channel;
  }

  @Override
  public void channelRead(ChannelHandlerContext context, Object message) {
    boolean other =
        message instanceof HttpRequest request
            && !request.protocolVersion().equals(HttpVersion.HTTP_1_1)
            && !request.protocolVersion().equals(HttpVersion.HTTP_1_0);
    if (other) {
      ReferenceCountUtil.release(message);
      context
          .writeAndFlush(Unpooled.wrappedBuffer(REFUSAL))
          .addListener(ChannelFutureListener.CLOSE);
    } else {
      context.fireChannelRead(message);
    }
  }
}
