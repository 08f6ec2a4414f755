package ai.seedcore.serve.daemon.observe;

import java.net.ConnectException;
import java.net.URI;
import java.net.UnknownHostException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpTimeoutException;
import java.nio.ByteBuffer;
import java.nio.channels.UnresolvedAddressException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Flow;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import javax.net.ssl.SSLHandshakeException;

/**
 * Requests to servers that may be anything: every exchange has one deadline, body included, and an
 * answer may be so long and no longer.
 */
public final class Http {

  private static final int MAX_BODY = 16 << 20;

  private final HttpClient client =
      HttpClient.newBuilder()
          .version(HttpClient.Version.HTTP_1_1)
          .connectTimeout(Duration.ofSeconds(2))
          .build();

  /**
   * An answer.
   *
   * @param status the status code
   * @param body the body as UTF-8
   */
  public record Answer(int status, String body) {}

  /** GET. */
  public CompletableFuture<Answer> get(String url, Duration deadline) {
    return send(HttpRequest.newBuilder(URI.create(url)).GET(), deadline);
  }

  /** GET with a bearer token. */
  public CompletableFuture<Answer> get(String url, String token, Duration deadline) {
    return send(
        HttpRequest.newBuilder(URI.create(url)).header("Authorization", "Bearer " + token).GET(),
        deadline);
  }

  /** POST of JSON. */
  public CompletableFuture<Answer> post(String url, String body, Duration deadline) {
    return send(
        HttpRequest.newBuilder(URI.create(url))
            .header("Content-Type", "application/json")
            .POST(HttpRequest.BodyPublishers.ofString(body)),
        deadline);
  }

  /** PUT of a body of any kind. */
  public CompletableFuture<Answer> put(
      String url, HttpRequest.BodyPublisher body, Duration deadline) {
    return send(HttpRequest.newBuilder(URI.create(url)).PUT(body), deadline);
  }

  private CompletableFuture<Answer> send(HttpRequest.Builder request, Duration deadline) {
    CompletableFuture<HttpResponse<byte[]>> exchange =
        client.sendAsync(request.build(), response -> new Collector());
    return exchange
        .thenApply(r -> new Answer(r.statusCode(), new String(r.body(), StandardCharsets.UTF_8)))
        .orTimeout(deadline.toMillis(), TimeUnit.MILLISECONDS)
        .whenComplete(
            (result, error) -> {
              if (error != null) {
                exchange.cancel(true); // Closes the connection of an exchange that hangs.
              }
            });
  }

  /** Whether a failure is a silence, which may be the network's, and not an answer. */
  static boolean silent(Throwable error) {
    Throwable cause = cause(error);
    return cause instanceof TimeoutException || cause instanceof HttpTimeoutException;
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
    for (Throwable e = cause; e != null; e = e.getCause()) {
      if (e instanceof UnresolvedAddressException || e instanceof UnknownHostException) {
        return "has a name that does not resolve";
      }
    }
    if (silent(cause)) {
      return "accepts, but does not answer in time";
    }
    if (cause instanceof ConnectException) {
      return "refuses the connection";
    }
    if (cause instanceof SSLHandshakeException) {
      return ("has a certificate that this JVM does not trust (%s); a store that names its authority"
              + " is given by JDK_JAVA_OPTIONS=-Djavax.net.ssl.trustStore=FILE")
          .formatted(cause.getMessage());
    }
    String message = cause.getMessage();
    return message == null ? cause.getClass().getSimpleName() : message;
  }

  /** Collects a body up to {@link #MAX_BODY}. */
  private static final class Collector implements HttpResponse.BodySubscriber<byte[]> {
    private final HttpResponse.BodySubscriber<byte[]> all =
        HttpResponse.BodySubscribers.ofByteArray();
    private long size;

    @Override
    public CompletionStage<byte[]> getBody() {
      return all.getBody();
    }

    @Override
    public void onSubscribe(Flow.Subscription subscription) {
      all.onSubscribe(subscription);
    }

    @Override
    public void onNext(List<ByteBuffer> buffers) {
      size += buffers.stream().mapToInt(ByteBuffer::remaining).sum();
      if (size > MAX_BODY) {
        all.onError(
            new IllegalStateException("answers with more than %d bytes".formatted(MAX_BODY)));
      } else {
        all.onNext(buffers);
      }
    }

    @Override
    public void onError(Throwable error) {
      all.onError(error);
    }

    @Override
    public void onComplete() {
      all.onComplete();
    }
  }
}
