package ai.seedcore.serve.base.http;

import ai.seedcore.serve.base.Fatal;
import ai.seedcore.serve.base.HostPort;
import io.netty.channel.AdaptiveRecvByteBufAllocator;
import io.netty.channel.ConnectTimeoutException;
import io.netty.channel.unix.Errors;
import io.netty.handler.codec.DecoderException;
import io.netty.util.NetUtil;
import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpClient;
import io.vertx.core.http.HttpClientOptions;
import io.vertx.core.http.HttpClientRequest;
import io.vertx.core.http.HttpClientResponse;
import io.vertx.core.http.HttpClosedException;
import io.vertx.core.http.HttpConnection;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.PoolOptions;
import io.vertx.core.http.RequestOptions;
import io.vertx.core.http.StreamResetException;
import io.vertx.core.net.HostAndPort;
import io.vertx.core.net.impl.VertxConnection;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.NoRouteToHostException;
import java.net.SocketException;
import java.net.URI;
import java.net.UnknownHostException;
import java.nio.channels.ClosedChannelException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Function;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLHandshakeException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * An HTTP client for servers that may misbehave. Every exchange has one deadline that includes the
 * body, and every response has a size limit.
 */
public final class Http {

  /** The User-Agent of this product. */
  public static final String AGENT = "seedcore-serve";

  private static final Logger LOG = LoggerFactory.getLogger(Http.class);

  /** How much of a response is read at a time, in bytes. */
  private static final int READ_BYTES = 16 << 10;

  /** The size limit of responses from which only a little is read, in bytes. */
  private static final int SMALL_BYTES = 256 << 10;

  /**
   * The size limit of a cluster's description of itself, in bytes. Parsed, it takes about eight
   * times as much.
   */
  public static final int LARGE =
      (int) Math.min(16 << 20, Math.max(1 << 20, Runtime.getRuntime().maxMemory() / 24));

  /** Vert.x's message if a connection ends within a response. */
  private static final String ENDED_EARLY = "Response already ended";

  /**
   * Ray's proxies close a connection that was idle for five seconds. The client closes it first.
   */
  private static final int KEEP_ALIVE_SECONDS = 3;

  private final Vertx vertx;
  private final Context context;
  private final HttpClient client;

  /** Creates a client on one of the loop's threads. */
  public Http(Vertx vertx) {
    this.vertx = vertx;
    this.context = vertx.getOrCreateContext();
    this.client = client(vertx, 64);
  }

  /**
   * Creates a client for Ray's servers.
   *
   * @param connections the largest number of connections to each server
   */
  public static HttpClient client(Vertx vertx, int connections) {
    return vertx
        .httpClientBuilder()
        .with(
            new HttpClientOptions()
                .setConnectTimeout(2000)
                .setTcpKeepAlive(true)
                .setKeepAliveTimeout(KEEP_ALIVE_SECONDS)
                .setMaxHeaderSize(32 << 10))
        .with(new PoolOptions().setHttp1MaxSize(connections))
        // The exchange reports the end of a connection, so it needs no log line.
        .withConnectHandler(Http::connected)
        .build();
  }

  private static void connected(HttpConnection connection) {
    connection.exceptionHandler(Fatal::ifOutOfMemory);
    if (connection instanceof VertxConnection open) {
      // Limits how much of a response is in memory while nobody reads it.
      open.channel()
          .config()
          .setRecvByteBufAllocator(
              new AdaptiveRecvByteBufAllocator(512, 4096, READ_BYTES).maxMessagesPerRead(1));
    }
  }

  /**
   * A response.
   *
   * @param status the status code
   * @param body the body, decoded as UTF-8
   */
  public record Answer(int status, String body) {}

  /** Sends a GET request. */
  public CompletableFuture<Answer> get(String url, Duration deadline) {
    return get(url, SMALL_BYTES, deadline);
  }

  /**
   * Sends a GET request.
   *
   * @param most the size limit of the response, in bytes
   */
  public CompletableFuture<Answer> get(String url, int most, Duration deadline) {
    return send(options(HttpMethod.GET, url), HttpClientRequest::send, most, deadline);
  }

  /** Sends a GET request with a bearer token. */
  public CompletableFuture<Answer> get(String url, String token, Duration deadline) {
    return send(
        options(HttpMethod.GET, url).putHeader("Authorization", "Bearer " + token),
        HttpClientRequest::send,
        LARGE,
        deadline);
  }

  /** Sends a POST request with a JSON body. */
  public CompletableFuture<Answer> post(String url, String body, Duration deadline) {
    return call(url, Map.of(), body, deadline);
  }

  /**
   * Sends a POST request with a JSON body, or a GET request without one.
   *
   * @param headers additional header fields
   */
  public CompletableFuture<Answer> call(
      String url, Map<String, String> headers, @Nullable String body, Duration deadline) {
    RequestOptions options = options(body == null ? HttpMethod.GET : HttpMethod.POST, url);
    headers.forEach(options::putHeader);
    return body == null
        ? send(options, HttpClientRequest::send, SMALL_BYTES, deadline)
        : send(
            options.putHeader("Content-Type", "application/json"),
            request -> request.send(body),
            SMALL_BYTES,
            deadline);
  }

  private static RequestOptions options(HttpMethod method, String url) {
    URI parsed = URI.create(url);
    HostPort to = HostPort.of(parsed);
    String path = parsed.getRawPath().isEmpty() ? "/" : parsed.getRawPath();
    return new RequestOptions()
        .setMethod(method)
        .setSsl("https".equals(parsed.getScheme()))
        .setHost(to.host())
        .setPort(to.port())
        .setURI(parsed.getRawQuery() == null ? path : path + "?" + parsed.getRawQuery())
        // Ray's dashboard responds with 500 to requests without a User-Agent.
        .putHeader("User-Agent", AGENT);
  }

  /** Returns the event loop of this client. */
  public Vertx vertx() {
    return vertx;
  }

  private CompletableFuture<Answer> send(
      RequestOptions options,
      Function<HttpClientRequest, Future<HttpClientResponse>> body,
      int most,
      Duration deadline) {
    CompletableFuture<Answer> outcome = new CompletableFuture<>();
    Promise<HttpClientRequest> begun = Promise.promise();
    begun
        .future()
        .compose(body)
        .compose(response -> collect(response, most))
        .onSuccess(outcome::complete)
        .onFailure(outcome::completeExceptionally);
    // Begins last, so that all of the above runs on the event loop: on another thread, a response
    // could end before anything reads it.
    context.runOnContext(nothing -> connect(options).onComplete(begun));
    var unused =
        outcome
            .orTimeout(deadline.toMillis(), TimeUnit.MILLISECONDS)
            .whenComplete(
                (result, error) -> {
                  if (error != null) {
                    // Closes the connection of an exchange that hangs, or that nobody waits for any
                    // more.
                    begun
                        .future()
                        .onSuccess(request -> request.exceptionHandler(nothing -> {}).reset());
                  }
                });
    return outcome;
  }

  /**
   * Connects after resolving the name, on a worker thread. The client would resolve it only once,
   * but a head node that comes back may have another address.
   */
  private Future<HttpClientRequest> connect(RequestOptions options) {
    String host = options.getHost();
    if (NetUtil.isValidIpV4Address(host)) {
      return client.request(options); // An address, not a name.
    }
    return vertx
        .executeBlocking(() -> InetAddress.getByName(host).getHostAddress(), false)
        .compose(
            address ->
                Boolean.TRUE.equals(options.isSsl())
                    ? client.request(options)
                    : client
                        .request(options.setHost(address))
                        .onSuccess(
                            request ->
                                request.authority(HostAndPort.create(host, options.getPort()))));
  }

  private static Future<Answer> collect(HttpClientResponse response, int most) {
    Promise<Answer> outcome = Promise.promise();
    Buffer body = Buffer.buffer();
    response.handler(
        part -> {
          if (body.length() + part.length() > most) {
            outcome.tryFail(new TooLong(most));
          } else {
            body.appendBuffer(part);
          }
        });
    response.exceptionHandler(outcome::tryFail);
    response.endHandler(
        nothing ->
            outcome.tryComplete(
                new Answer(response.statusCode(), body.toString(StandardCharsets.UTF_8))));
    return outcome.future();
  }

  /** Returns whether a failure is a timeout, whose cause may be the network, and not a response. */
  public static boolean silent(Throwable error) {
    Throwable cause = cause(error);
    return cause instanceof TimeoutException || cause instanceof ConnectTimeoutException;
  }

  /**
   * Returns whether a connection ended during a request. The server may have failed, or may have
   * closed an idle connection just before the request arrived.
   */
  public static boolean brokenOff(Throwable error) {
    Throwable cause = cause(error);
    return cause instanceof HttpClosedException
        || (cause instanceof SocketException && !(cause instanceof ConnectException))
        || cause instanceof ClosedChannelException
        || cause instanceof StreamResetException
        || cause instanceof Errors.NativeIoException;
  }

  private static Throwable cause(Throwable error) {
    Throwable cause = error;
    while (cause instanceof CompletionException && cause.getCause() != null) {
      cause = cause.getCause();
    }
    return cause;
  }

  /** Returns the cause of a failure as the end of a sentence about the server. */
  public static String reason(Throwable error) {
    Throwable cause = cause(error);
    if (cause instanceof UnknownHostException) {
      return "has a name that does not resolve";
    }
    if (cause instanceof ConnectTimeoutException) {
      return "does not accept the connection in time";
    }
    if (silent(cause)) {
      return "accepts connections, but does not answer in time";
    }
    if (cause instanceof ConnectException) {
      return "refuses the connection";
    }
    if (cause instanceof CancellationException) {
      return "did not answer before the request was canceled";
    }
    if (cause instanceof NoRouteToHostException) {
      return "cannot be reached: no route to host";
    }
    if (brokenOff(cause)) {
      return "closes the connection without answering";
    }
    if (cause instanceof SSLHandshakeException) {
      return "has a certificate that this JVM does not trust; set a trust store with"
          + " JDK_JAVA_OPTIONS=-Djavax.net.ssl.trustStore=FILE";
    }
    if (cause instanceof SSLException) {
      return "does not speak valid TLS";
    }
    if (cause instanceof TooLong tooLong) {
      return "sends more than %d KiB%s"
          .formatted(
              tooLong.most >> 10,
              tooLong.most == LARGE ? ", the limit for this heap size (-Xmx)" : "");
    }
    if (cause instanceof DecoderException || cause instanceof IllegalArgumentException) {
      return "answers, but not with valid HTTP";
    }
    LOG.debug("unclassified HTTP client error", cause);
    return ENDED_EARLY.equals(cause.getMessage())
        ? "closes the connection before its response is complete"
        : "fails with an error that is logged at level debug";
  }

  /** Thrown if a response exceeds its size limit. */
  private static final class TooLong extends Exception {
    private static final long serialVersionUID = 1L;
    private final int most;

    TooLong(int most) {
      super(null, null, false, false);
      this.most = most;
    }
  }
}
