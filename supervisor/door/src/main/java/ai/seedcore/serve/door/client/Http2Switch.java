package ai.seedcore.serve.door.client;

import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelPipeline;
import io.netty.handler.codec.compression.CompressionOptions;
import io.netty.handler.codec.compression.StandardCompressionOptions;
import io.netty.handler.codec.http2.Http2Error;
import io.netty.handler.codec.http2.Http2Exception;
import io.netty.handler.codec.http2.Http2Headers;
import io.vertx.core.Context;
import io.vertx.core.Handler;
import io.vertx.core.http.HttpConnection;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.QueryParamDecoderConfig;
import io.vertx.core.http.impl.CompressionManager;
import io.vertx.core.http.impl.HttpServerRequestImpl;
import io.vertx.core.http.impl.HttpServerStream;
import io.vertx.core.http.impl.http2.codec.Http2ServerConnectionImpl;
import io.vertx.core.http.impl.http2.codec.VertxHttp2ConnectionHandler;
import io.vertx.core.http.impl.http2.codec.VertxHttp2ConnectionHandlerBuilder;
import io.vertx.core.internal.ContextInternal;
import io.vertx.core.internal.http.QueryParamDecoder;
import io.vertx.core.net.impl.VertxHandler;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;

/** Replaces the last handler of a pipeline, so that it speaks HTTP/2. */
public final class Http2Switch implements Consumer<ChannelPipeline> {

  /** How many requests a client may take back on one connection in half a minute. */
  private static final int MAX_RESETS = 1_000;

  private static final int RESETS_SECONDS = 30;

  /** As by default in Netty. */
  private static final int MAX_SMALL_CONTINUATIONS = 16;

  /** What Vert.x needs for forms, which nobody reads here. */
  private static final int FORM = 1 << 10;

  private static final CompressionOptions[] CODINGS = {
    StandardCompressionOptions.gzip(), StandardCompressionOptions.deflate()
  };

  private final ContextInternal context;
  private final Handler<HttpConnection> connections;
  private final Handler<HttpServerRequest> requests;
  private final CompressionManager compression =
      new CompressionManager(Connections.COMPRESSED_FROM, CODINGS);
  private final QueryParamDecoder queries = new QueryParamDecoder(new QueryParamDecoderConfig());

  /**
   * Creates a switch.
   *
   * @param context the context of the event loop
   */
  public Http2Switch(
      Context context, Handler<HttpConnection> connections, Handler<HttpServerRequest> requests) {
    this.context = (ContextInternal) context;
    this.connections = connections;
    this.requests = requests;
  }

  @Override
  public void accept(ChannelPipeline pipeline) {
    AtomicReference<Http2ServerConnectionImpl> created = new AtomicReference<>();
    VertxHttp2ConnectionHandler<Http2ServerConnectionImpl> handler = handler(created);
    try {
      handler
          .encoder()
          .configuration()
          .headersConfiguration()
          .maxHeaderTableSize(Frames.MAX_TABLE_BYTES);
    } catch (Http2Exception e) {
      throw new IllegalStateException(e);
    }
    // The handler creates its connection as soon as it is in the pipeline.
    pipeline.replace(VertxHandler.class, "handler", handler);
    Http2ServerConnectionImpl connection = Objects.requireNonNull(created.get());
    connection.setWindowSize(Http2Connection.WINDOW_BYTES);
    connections.handle(connection);
  }

  @SuppressWarnings("NullAway") // There are neither traces nor metrics.
  private VertxHttp2ConnectionHandler<Http2ServerConnectionImpl> handler(
      AtomicReference<Http2ServerConnectionImpl> created) {
    return new VertxHttp2ConnectionHandlerBuilder<Http2ServerConnectionImpl>()
        .server(true)
        .useCompression(CODINGS)
        .gracefulShutdownTimeoutMillis(0)
        .decoderEnforceMaxSmallContinuationFrames(MAX_SMALL_CONTINUATIONS)
        .decoderEnforceMaxRstFramesPerWindow(MAX_RESETS, RESETS_SECONDS)
        .encoderEnforceMaxRstFramesPerWindow(MAX_RESETS, RESETS_SECONDS)
        .initialSettings(Http2Connection.settings())
        .connectionFactory(
            handler -> {
              Http2ServerConnectionImpl connection = new Strict(context, compression, handler);
              connection.streamHandler(this::begin);
              created.set(connection);
              return connection;
            })
        .build();
  }

  /**
   * A connection that resets a stream whose head no HTTP/1 request could have. For Vert.x, some of
   * them are errors of the whole connection.
   */
  private static final class Strict extends Http2ServerConnectionImpl {

    @SuppressWarnings("NullAway") // There are neither traces nor metrics.
    Strict(
        ContextInternal context,
        CompressionManager compression,
        VertxHttp2ConnectionHandler<Http2ServerConnectionImpl> handler) {
      super(context, context::duplicate, handler, compression::determineEncoding, null, null, null);
    }

    @Override
    public void onHeadersRead(
        ChannelHandlerContext ctx, int stream, Http2Headers head, int padding, boolean last)
        throws Http2Exception {
      check(stream, head);
      super.onHeadersRead(ctx, stream, head, padding, last);
    }

    @Override
    public void onHeadersRead(
        ChannelHandlerContext ctx,
        int stream,
        Http2Headers head,
        int dependency,
        short weight,
        boolean exclusive,
        int padding,
        boolean last)
        throws Http2Exception {
      check(stream, head);
      super.onHeadersRead(ctx, stream, head, dependency, weight, exclusive, padding, last);
    }

    private static void check(int stream, Http2Headers head) throws Http2Exception {
      boolean valid = head.getAll("host").size() <= 1;
      if (head.method() != null) { // Otherwise these are trailers.
        try {
          HttpMethod.valueOf(head.method().toString());
        } catch (IllegalArgumentException e) {
          valid = false;
        }
      }
      if (!valid) {
        throw Http2Exception.streamError(
            stream, Http2Error.PROTOCOL_ERROR, "found an invalid method or several hosts");
      }
    }
  }

  private void begin(HttpServerStream stream) {
    new HttpServerRequestImpl(requests, stream, stream.context(), false, FORM, 1, FORM, queries, "")
        .init();
  }
}
