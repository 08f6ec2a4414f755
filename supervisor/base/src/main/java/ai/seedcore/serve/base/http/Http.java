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
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Function;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLHandshakeException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Requests to servers that may be anything: every exchange has one deadline, body included, and an
 * answer may be so long and no longer.
 */
public final class Http {

  /** How we name ourselves. */
  public static final String AGENT = "seedcore-serve";

  private static final Logger LOG = LoggerFactory.getLogger(Http.class);

  /** How much of a response is read at a time, in bytes. */
  private static final int READ = 16 << 10;

  /** How long an answer may be that is looked at for a word or two. */
  private static final int SMALL = 256 << 10;

  /** How long what a cluster says of itself may be: parsed, it takes some eight times as much. */
  public static final int LARGE =
      (int) Math.min(16 << 20, Math.max(1 << 20, Runtime.getRuntime().maxMemory() / 24));

  /** What the client says where a connection ends within an answer. */
  private static final String ENDED_EARLY = "Response already ended";

  /** Ray's proxies close a connection that was idle for five seconds: to be gone before that. */
  private static final int KEPT_SECONDS = 3;

  private final Vertx vertx;
  private final Context context;
  private final HttpClient client;

  /** A client on one of the loop's threads. */
  public Http(Vertx vertx) {
    this.vertx = vertx;
    this.context = vertx.getOrCreateContext();
    this.client = client(vertx, 64);
  }

  /** What asks Ray's servers, by so many connections to each at most. */
  public static HttpClient client(Vertx vertx, int connections) {
    return vertx
        .httpClientBuilder()
        .with(
            new HttpClientOptions()
                .setConnectTimeout(2000)
                .setKeepAliveTimeout(KEPT_SECONDS)
                .setMaxHeaderSize(32 << 10))
        .with(new PoolOptions().setHttp1MaxSize(connections))
        // A connection's end is its exchange's failure, and no line of the log's.
        .withConnectHandler(Http::connected)
        .build();
  }

  private static void connected(HttpConnection connection) {
    connection.exceptionHandler(Fatal::ifOutOfMemory);
    if (connection instanceof VertxConnection open) {
      // A response that is not read on is not to fill the memory first.
      open.channel()
          .config()
          .setRecvByteBufAllocator(
              new AdaptiveRecvByteBufAllocator(512, 4096, READ).maxMessagesPerRead(1));
    }
  }

  /**
   * An answer.
   *
   * @param status the status code
   * @param body the body as UTF-8
   */
  public record Answer(int status, String body) {}

  /** GET. */
  public CompletableFuture<Answer> get(String url, Duration deadline) {
    return get(url, SMALL, deadline);
  }

  /** GET of what may have so many bytes. */
  public CompletableFuture<Answer> get(String url, int most, Duration deadline) {
    return send(options(HttpMethod.GET, url), HttpClientRequest::send, most, deadline);
  }

  /** GET with a bearer token. */
  public CompletableFuture<Answer> get(String url, String token, Duration deadline) {
    return send(
        options(HttpMethod.GET, url).putHeader("Authorization", "Bearer " + token),
        HttpClientRequest::send,
        LARGE,
        deadline);
  }

  /** POST of JSON. */
  public CompletableFuture<Answer> post(String url, String body, Duration deadline) {
    return send(
        options(HttpMethod.POST, url).putHeader("Content-Type", "application/json"),
        request -> request.send(body),
        SMALL,
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
        // Ray's dashboard answers 500 to who does not name himself.
        .putHeader("User-Agent", AGENT);
  }

  /** The loop that it is on. */
  public Vertx vertx() {
    return vertx;
  }

  private CompletableFuture<Answer> send(
      RequestOptions options,
      Function<HttpClientRequest, Future<HttpClientResponse>> body,
      int most,
      Duration deadline) {
    CompletableFuture<Answer> answer = new CompletableFuture<>();
    Promise<HttpClientRequest> begun = Promise.promise();
    context.runOnContext(nothing -> connect(options).onComplete(begun));
    begun
        .future()
        .compose(body)
        .compose(response -> collect(response, most))
        .onSuccess(answer::complete)
        .onFailure(answer::completeExceptionally);
    var unused =
        answer
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
    return answer;
  }

  /**
   * The name is looked up for each request, beside the loop: the client by itself would ask once,
   * and a head that comes back may have another address.
   */
  private Future<HttpClientRequest> connect(RequestOptions options) {
    String host = options.getHost();
    if (NetUtil.isValidIpV4Address(host)) {
      return client.request(options); // No name.
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
    Promise<Answer> answer = Promise.promise();
    Buffer body = Buffer.buffer();
    response.handler(
        part -> {
          if (body.length() + part.length() > most) {
            answer.tryFail(new TooLong(most));
          } else {
            body.appendBuffer(part);
          }
        });
    response.exceptionHandler(answer::tryFail);
    response.endHandler(
        nothing ->
            answer.tryComplete(
                new Answer(response.statusCode(), body.toString(StandardCharsets.UTF_8))));
    return answer.future();
  }

  /** Whether a failure is a silence, which may be the network's, and not an answer. */
  public static boolean silent(Throwable error) {
    Throwable cause = cause(error);
    return cause instanceof TimeoutException || cause instanceof ConnectTimeoutException;
  }

  /**
   * Whether a connection ended under a request: the server's end, or one that it had closed as idle
   * just before the request came.
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

  /** What went wrong, in words for people. */
  public static String reason(Throwable error) {
    Throwable cause = cause(error);
    if (cause instanceof UnknownHostException) {
      return "has a name that does not resolve";
    }
    if (cause instanceof ConnectTimeoutException) {
      return "does not accept the connection in time";
    }
    if (silent(cause)) {
      return "accepts, but does not answer in time";
    }
    if (cause instanceof ConnectException) {
      return "refuses the connection";
    }
    if (cause instanceof CancellationException) {
      return "was not waited for any longer";
    }
    if (cause instanceof NoRouteToHostException) {
      return "cannot be reached: there is no route to its host";
    }
    if (brokenOff(cause)) {
      return "closes the connection without an answer";
    }
    if (cause instanceof SSLHandshakeException) {
      return "has a certificate that this JVM does not trust; a store that names its authority is given"
          + " by JDK_JAVA_OPTIONS=-Djavax.net.ssl.trustStore=FILE";
    }
    if (cause instanceof SSLException) {
      return "does not speak TLS as it should";
    }
    if (cause instanceof TooLong tooLong) {
      return "answers with more than %d KiB%s"
          .formatted(
              tooLong.most >> 10,
              tooLong.most == LARGE ? ", which a larger heap (-Xmx) would allow for" : "");
    }
    if (cause instanceof DecoderException || cause instanceof IllegalArgumentException) {
      return "answers, but not in HTTP";
    }
    LOG.debug("a failure that has no words of its own", cause);
    return ENDED_EARLY.equals(cause.getMessage())
        ? "closes the connection before its answer is complete"
        : "fails in a way that the log tells at level debug";
  }

  /** An answer is longer than anything that is asked for. */
  private static final class TooLong extends Exception {
    private static final long serialVersionUID = 1L;
    private final int most;

    TooLong(int most) {
      super(null, null, false, false);
      this.most = most;
    }
  }
}
