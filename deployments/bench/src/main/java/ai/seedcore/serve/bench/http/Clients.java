package ai.seedcore.serve.bench.http;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** A closed-loop load generator: each client sends its next request after a response. */
final class Clients {

  private static final Duration REQUEST_TIMEOUT = Duration.ofSeconds(30);

  /**
   * The result of a run.
   *
   * @param perSecond requests per second
   * @param p50 the median latency, in milliseconds
   * @param p99 the 99th percentile of the latency, in milliseconds
   */
  record Result(double perSecond, double p50, double p99) {}

  private Clients() {}

  /**
   * Sends requests for a while.
   *
   * @param check a string that a valid response contains exactly {@code times} times
   * @param connections the number of clients, each with its own connection
   * @param time how long to send requests
   * @throws IllegalStateException if a response is not valid
   */
  static Result run(URI url, String body, String check, int times, int connections, Duration time)
      throws InterruptedException {
    long end = System.nanoTime() + time.toNanos();
    ExecutorService threads = Executors.newFixedThreadPool(connections);
    try {
      List<Future<List<Long>>> clients = new ArrayList<>();
      long start = System.nanoTime();
      for (int i = 0; i < connections; i++) {
        clients.add(threads.submit(() -> runClient(url, body, check, times, end)));
      }
      List<Long> all = new ArrayList<>();
      for (Future<List<Long>> client : clients) {
        all.addAll(client.get());
      }
      double seconds = (System.nanoTime() - start) / 1e9;
      long[] sorted = all.stream().mapToLong(Long::longValue).toArray();
      Arrays.sort(sorted);
      return new Result(
          sorted.length / seconds,
          sorted[sorted.length / 2] / 1e6,
          sorted[(int) (sorted.length * 0.99)] / 1e6);
    } catch (ExecutionException e) {
      throw new IllegalStateException(e.getCause());
    } finally {
      threads.shutdownNow();
    }
  }

  /** Sends requests until {@code end} and returns their latencies in nanoseconds. */
  private static List<Long> runClient(URI url, String body, String check, int times, long end)
      throws IOException, InterruptedException {
    HttpClient client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
    HttpRequest request =
        HttpRequest.newBuilder(url)
            .timeout(REQUEST_TIMEOUT)
            .POST(HttpRequest.BodyPublishers.ofString(body))
            .build();
    List<Long> latencies = new ArrayList<>();
    for (long now = System.nanoTime(); now < end; now = System.nanoTime()) {
      HttpResponse<String> response = client.send(request, HttpResponse.BodyHandlers.ofString());
      latencies.add(System.nanoTime() - now);
      if (response.statusCode() != 200 || occurrences(response.body(), check) != times) {
        throw new IllegalStateException(
            "%s answered %d %s".formatted(url, response.statusCode(), response.body()));
      }
    }
    return latencies;
  }

  private static int occurrences(String text, String part) {
    int count = 0;
    for (int at = text.indexOf(part); at >= 0; at = text.indexOf(part, at + 1)) {
      count++;
    }
    return count;
  }
}
