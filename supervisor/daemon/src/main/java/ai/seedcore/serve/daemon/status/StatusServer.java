package ai.seedcore.serve.daemon.status;

import ai.seedcore.serve.daemon.act.Status;
import ai.seedcore.serve.daemon.config.ConfigException;
import ai.seedcore.serve.daemon.config.HostPort;
import io.vertx.core.Vertx;
import io.vertx.core.VertxOptions;
import io.vertx.core.file.FileSystemOptions;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.HttpServer;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.core.http.HttpServerRequest;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.PropertyNamingStrategies;
import tools.jackson.databind.json.JsonMapper;

/**
 * Answers {@code /healthz} (the loop turns), {@code /readyz} (all declared routes really answer)
 * and {@code /status} (JSON). Runs on one event loop of its own and reads what the control loop
 * published last, so that neither ever waits for the other.
 */
public final class StatusServer implements AutoCloseable {

  /** A lap takes milliseconds; where nothing answers, seconds. */
  static final Duration STALE = Duration.ofSeconds(30);

  /** How statuses are written and read. */
  public static final JsonMapper JSON =
      JsonMapper.builder().propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE).build();

  private final Vertx vertx;
  private volatile @Nullable Status status;
  private volatile long publishedAt;

  /**
   * Starts to listen.
   *
   * @throws ConfigException if the address cannot be listened on
   */
  public StatusServer(HostPort address) {
    this.vertx =
        Vertx.vertx(
            new VertxOptions()
                .setEventLoopPoolSize(1)
                .setWorkerPoolSize(1)
                .setInternalBlockingPoolSize(1)
                // No files are served, and no folder is to be made for them in /tmp.
                .setFileSystemOptions(
                    new FileSystemOptions()
                        .setFileCachingEnabled(false)
                        .setClassPathResolvingEnabled(false)));
    HttpServer server =
        vertx
            .createHttpServer(
                new HttpServerOptions().setIdleTimeout(30).setIdleTimeoutUnit(TimeUnit.SECONDS))
            .requestHandler(this::answer);
    try {
      server
          .listen(address.port(), address.host())
          .toCompletionStage()
          .toCompletableFuture()
          .get(10, TimeUnit.SECONDS);
    } catch (ExecutionException | TimeoutException | InterruptedException e) {
      close();
      Throwable cause = e.getCause() == null ? e : e.getCause();
      throw new ConfigException(
          "status: found %s, which cannot be listened on (%s), expected a free port; choose one with"
                  .formatted(address, cause.getMessage())
              + " --status HOST:PORT");
    }
  }

  /** Takes in what the loop knows now. */
  public void publish(Status now) {
    publishedAt = System.nanoTime();
    status = now;
  }

  private void answer(HttpServerRequest request) {
    if (!Set.of(HttpMethod.GET, HttpMethod.HEAD).contains(request.method())) {
      reply(request, 405, "text/plain", "only GET\n");
      return;
    }
    Status known = status;
    boolean turns = known != null && System.nanoTime() - publishedAt < STALE.toNanos();
    switch (request.path()) {
      case "/healthz" ->
          reply(request, turns ? 200 : 503, "text/plain", turns ? "ok\n" : "the loop stands\n");
      case "/readyz" -> {
        boolean ready = turns && known != null && known.ready();
        reply(request, ready ? 200 : 503, "text/plain", ready ? "ok\n" : "not ready\n");
      }
      case "/status" ->
          reply(
              request,
              known == null ? 503 : 200,
              "application/json",
              known == null ? "{}" : JSON.writeValueAsString(known));
      default -> reply(request, 404, "text/plain", "here are /healthz, /readyz and /status\n");
    }
  }

  private static void reply(HttpServerRequest request, int code, String type, String body) {
    request.response().setStatusCode(code).putHeader("Content-Type", type).end(body);
  }

  @Override
  public void close() {
    vertx.close();
  }
}
