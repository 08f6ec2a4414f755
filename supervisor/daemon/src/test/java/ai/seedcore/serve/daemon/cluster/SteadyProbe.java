package ai.seedcore.serve.daemon.cluster;

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Collectors;

/** A client that sends real requests at a steady pace, whatever becomes of those before. */
@SuppressWarnings("FutureReturnValueIgnored") // Each outcome is noted when it comes.
final class SteadyProbe implements AutoCloseable {

  private static final List<String[]> REQUESTS =
      List.of(
          new String[] {"/SalienceScorer", "{\"features\":[{\"task_risk\":0.9}]}"},
          new String[] {"/AnomalyDetector", "{\"data\":[{\"cpu_usage\":0.42}]}"},
          new String[] {"/ScalingPredictor", "{\"cpu_avg\":0.8,\"memory_avg\":0.6}"});

  private final HttpClient client =
      HttpClient.newBuilder()
          .version(HttpClient.Version.HTTP_1_1)
          .connectTimeout(Duration.ofSeconds(2))
          .build();
  private final ScheduledExecutorService pace = Executors.newSingleThreadScheduledExecutor();

  /** By the time at which it was sent. */
  private final ConcurrentSkipListMap<Long, Outcome> outcomes = new ConcurrentSkipListMap<>();

  private final AtomicLong sent = new AtomicLong();

  private record Outcome(int route, boolean well, double seconds, String what) {}

  private final Duration patience;

  private volatile String base;

  SteadyProbe(String base, int perSecond) {
    this(base, perSecond, Duration.ofSeconds(2));
  }

  /**
   * A client.
   *
   * @param patience how long it waits for an answer
   */
  SteadyProbe(String base, int perSecond, Duration patience) {
    this.base = base;
    this.patience = patience;
    pace.scheduleAtFixedRate(this::send, 0, 1_000_000_000L / perSecond, TimeUnit.NANOSECONDS);
  }

  /** Sends to another address from now on. */
  void moveTo(String another) {
    base = another;
  }

  private void send() {
    int route = (int) (sent.getAndIncrement() % REQUESTS.size());
    String[] next = REQUESTS.get(route);
    long at = System.nanoTime();
    client
        .sendAsync(
            HttpRequest.newBuilder(URI.create(base + next[0]))
                .timeout(patience)
                .POST(HttpRequest.BodyPublishers.ofString(next[1]))
                .build(),
            HttpResponse.BodyHandlers.ofString())
        .handle(
            (answer, error) ->
                outcomes.put(
                    at,
                    new Outcome(
                        route,
                        error == null
                            && answer.statusCode() == 200
                            && answer.body().contains("\"success\""),
                        (System.nanoTime() - at) / 1e9,
                        error == null ? answer.statusCode() + " " + answer.body() : "" + error)));
  }

  /** The longest that a request took that was sent since then, in seconds. */
  double longestSince(long nanoTime) {
    return outcomes.tailMap(nanoTime).values().stream()
        .mapToDouble(Outcome::seconds)
        .max()
        .orElse(0);
  }

  /**
   * The failures of those that were sent since then, in words, each kind with how many there were.
   */
  Map<String, Long> failuresSince(long nanoTime) {
    return outcomes.tailMap(nanoTime).values().stream()
        .filter(outcome -> !outcome.well())
        .collect(
            Collectors.groupingBy(
                outcome -> outcome.what().substring(0, Math.min(60, outcome.what().length())),
                Collectors.counting()));
  }

  /** Whether all that were sent have an outcome. */
  boolean settled() {
    return sent.get() == outcomes.size();
  }

  /** Sends no more. */
  void stop() {
    pace.shutdown();
  }

  /** How many requests that were sent since then failed. */
  long failedSince(long nanoTime) {
    return outcomes.tailMap(nanoTime).values().stream().filter(outcome -> !outcome.well()).count();
  }

  /** How many requests that were sent since then have an outcome. */
  long sentSince(long nanoTime) {
    return outcomes.tailMap(nanoTime).size();
  }

  /**
   * The longest outage of any route since then, in seconds: from a failure to the last in a row.
   */
  double longestOutage(long nanoTime) {
    long longest = 0;
    long[] began = new long[REQUESTS.size()];
    for (Map.Entry<Long, Outcome> sent : outcomes.tailMap(nanoTime).entrySet()) {
      int route = sent.getValue().route();
      if (sent.getValue().well()) {
        began[route] = 0;
      } else {
        began[route] = began[route] == 0 ? sent.getKey() : began[route];
        longest = Math.max(longest, sent.getKey() - began[route]);
      }
    }
    return longest / 1e9;
  }

  @Override
  public void close() {
    pace.shutdownNow();
  }
}
