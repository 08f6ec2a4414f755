package ai.seedcore.serve.daemon.notify;

import ai.seedcore.serve.base.HostPort;
import ai.seedcore.serve.base.http.Http;
import ai.seedcore.serve.daemon.decide.Phase;
import ai.seedcore.serve.daemon.host.Backoff;
import ai.seedcore.serve.daemon.report.Status;
import io.github.resilience4j.retry.Retry;
import io.github.resilience4j.retry.RetryConfig;
import java.io.IOException;
import java.net.URI;
import java.time.Duration;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * Posts a JSON object to one URL whenever serving begins or ends, or a person is needed.
 * Notifications are sent in order and retried. They never block the control loop: a separate thread
 * has a queue, which drops its oldest entry when it is full.
 */
public final class Notifier implements AutoCloseable {

  /** The outcome of a notification. */
  public enum Outcome {
    /** The receiver accepted it. */
    DELIVERED,
    /** All attempts failed. */
    FAILED,
    /** The queue was full. */
    DROPPED
  }

  private static final Logger LOG = LoggerFactory.getLogger(Notifier.class);

  private static final Duration DEADLINE = Duration.ofSeconds(5);
  private static final int MAX_QUEUED = 100;

  private final String url;
  private final String receiver;
  private final Consumer<Outcome> count;
  private final Http http;
  private final Retry retry;
  private final ThreadPoolExecutor queue;
  private @Nullable String before;

  /**
   * Creates a notifier.
   *
   * @param url the receiver's URL; it may contain a secret and is never logged
   * @param first the delay before the second attempt; it doubles with each attempt, up to a minute
   * @param count receives each outcome
   */
  public Notifier(Http http, String url, Duration first, Consumer<Outcome> count) {
    this.http = http;
    this.url = url;
    this.receiver = HostPort.of(URI.create(url)).host();
    this.count = count;
    this.retry =
        Retry.of(
            "notify",
            RetryConfig.custom()
                .maxAttempts(10)
                .intervalFunction(Backoff.interval(first, Duration.ofMinutes(1)))
                .retryOnException(e -> !(e instanceof Refused))
                .build());
    this.queue =
        new ThreadPoolExecutor(
            1,
            1,
            10,
            TimeUnit.SECONDS,
            new ArrayBlockingQueue<>(MAX_QUEUED),
            work -> {
              Thread thread = new Thread(work, "notify");
              thread.setDaemon(true);
              return thread;
            },
            (work, executor) -> {
              if (!executor.isShutdown()) {
                executor.getQueue().poll();
                count.accept(Outcome.DROPPED);
                executor.execute(work);
              }
            });
    queue.allowCoreThreadTimeOut(true);
  }

  /** The receiver would refuse every retry, too. */
  private static final class Refused extends IOException {
    private static final long serialVersionUID = 1;

    Refused(int status) {
      super("status " + status);
    }
  }

  /** Receives the status of one lap. Called by one thread. */
  public void publish(Status now) {
    String state = state(Phase.valueOf(now.phase()));
    if (before != null && !before.equals(state)) {
      String body = body(now, state, before).toString();
      queue.execute(() -> deliver(body));
    }
    before = state;
  }

  /**
   * Returns the state that receivers see. Waiting and recovering alternate during one outage, so
   * both are one state.
   */
  private static String state(Phase phase) {
    return switch (phase) {
      case WAITING, RECOVERING -> "not serving";
      case SERVING -> "serving";
      case STANDBY -> "standing by";
      case BLOCKED -> "blocked";
    };
  }

  private static ObjectNode body(Status now, String state, String before) {
    ObjectNode body = JsonMapper.shared().createObjectNode();
    // The field that Slack, Mattermost and others show.
    body.put(
        "text", "Ray Serve on %s: %s (%s)".formatted(now.head().address(), state, now.reason()));
    body.put("state", state);
    body.put("before", before);
    body.put("phase", now.phase());
    body.put("cause", now.cause());
    body.put("reason", now.reason());
    body.put("ready", now.ready());
    body.put("at", now.lap().toString());
    body.put("address", now.head().address());
    body.put("last_recovery_s", now.lastRecoveryS());
    body.put("role", now.role());
    body.put("version", now.version());
    return body;
  }

  private void deliver(String body) {
    try {
      retry.executeCallable(() -> post(body));
      count.accept(Outcome.DELIVERED);
    } catch (Exception e) {
      count.accept(Outcome.FAILED);
      LOG.atWarn()
          .addKeyValue("receiver", receiver)
          .addKeyValue("error", e instanceof Refused ? e.getMessage() : Http.reason(e))
          .log("notification not delivered");
    }
  }

  private boolean post(String body) throws IOException {
    int status = http.post(url, body, DEADLINE).join().status();
    if (status >= 400 && status < 500 && status != 408 && status != 429) {
      throw new Refused(status);
    }
    if (status < 200 || status >= 300) {
      throw new IOException("status " + status);
    }
    return true;
  }

  @Override
  public void close() {
    queue.shutdownNow();
  }
}
