package ai.seedcore.serve.daemon.cluster;

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

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

  /** By the time at which it was sent: whether it was answered well. */
  private final ConcurrentSkipListMap<Long, Boolean> outcomes = new ConcurrentSkipListMap<>();

  private long sent;

  SteadyProbe(String base, int perSecond) {
    pace.scheduleAtFixedRate(() -> send(base), 0, 1_000_000_000L / perSecond, TimeUnit.NANOSECONDS);
  }

  private void send(String base) {
    String[] next = REQUESTS.get((int) (sent++ % REQUESTS.size()));
    long at = System.nanoTime();
    client
        .sendAsync(
            HttpRequest.newBuilder(URI.create(base + next[0]))
                .timeout(Duration.ofSeconds(2))
                .POST(HttpRequest.BodyPublishers.ofString(next[1]))
                .build(),
            HttpResponse.BodyHandlers.ofString())
        .handle(
            (answer, error) ->
                outcomes.put(
                    at,
                    error == null
                        && answer.statusCode() == 200
                        && answer.body().contains("\"success\"")));
  }

  /** How many requests that were sent since then failed. */
  long failedSince(long nanoTime) {
    return outcomes.tailMap(nanoTime).values().stream().filter(well -> !well).count();
  }

  /** How many requests that were sent since then have an outcome. */
  long sentSince(long nanoTime) {
    return outcomes.tailMap(nanoTime).size();
  }

  /**
   * Of the outages since then, the longest, in seconds: from a first failure to the next success.
   */
  double longestOutage(long nanoTime) {
    long longest = 0;
    long began = 0;
    for (var outcome : outcomes.tailMap(nanoTime).entrySet()) {
      if (outcome.getValue()) {
        began = 0;
      } else {
        began = began == 0 ? outcome.getKey() : began;
        longest = Math.max(longest, outcome.getKey() - began);
      }
    }
    return longest / 1e9;
  }

  @Override
  public void close() {
    pace.shutdownNow();
  }
}
