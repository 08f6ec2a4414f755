package ai.seedcore.serve.daemon.cluster;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.locks.LockSupport;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Clients that send one request after the other, from before a change to after it. */
final class Traffic implements AutoCloseable {

  private static final int CLIENTS = 6;

  /**
   * What a client pauses between two requests, so that the cluster has processors left to change.
   */
  private static final Duration PAUSE = Duration.ofMillis(20);

  private final ConcurrentLinkedQueue<Outcome> outcomes = new ConcurrentLinkedQueue<>();
  private final List<Thread> clients = new ArrayList<>();
  private volatile boolean over;

  /**
   * What came of one request.
   *
   * @param at when it was answered, in nanoseconds
   * @param took how long it took, in nanoseconds
   * @param answer the answer's JSON; null where there was none, or no 200
   */
  private record Outcome(long at, long took, String failure, JsonNode answer) {}

  Traffic(String url) {
    for (int i = 0; i < CLIENTS; i++) {
      Thread client = new Thread(() -> run(url), "client-" + i);
      client.setDaemon(true);
      client.start();
      clients.add(client);
    }
  }

  private void run(String url) {
    Web web = new Web(Duration.ofSeconds(60));
    while (!over) {
      String failure = "";
      JsonNode answer = null;
      long sent = System.nanoTime();
      try {
        var response = web.post(url, "tell");
        if (response.statusCode() == 200) {
          answer = JsonMapper.shared().readTree(response.body());
        } else {
          failure = response.statusCode() + " " + response.body();
        }
      } catch (IOException e) {
        failure = e.toString();
      } catch (InterruptedException e) {
        return;
      }
      long now = System.nanoTime();
      outcomes.add(new Outcome(now, now - sent, failure, answer));
      LockSupport.parkNanos(PAUSE.toNanos());
    }
  }

  /** How many were answered. */
  int answered() {
    return outcomes.size();
  }

  /** The failures, each kind with how many there were. */
  Map<String, Integer> failures() {
    Map<String, Integer> failures = new TreeMap<>();
    outcomes.stream()
        .filter(outcome -> outcome.answer() == null)
        .forEach(outcome -> failures.merge(outcome.failure(), 1, Integer::sum));
    return failures;
  }

  /** The longest time in which nobody was answered, in seconds. */
  double longestGap() {
    long[] times = outcomes.stream().mapToLong(Outcome::at).sorted().toArray();
    long longest = 0;
    for (int i = 1; i < times.length; i++) {
      longest = Math.max(longest, times[i] - times[i - 1]);
    }
    return longest / 1e9;
  }

  /** How long the slowest answer took, in seconds. */
  double longestLatency() {
    return outcomes.stream().mapToLong(Outcome::took).max().orElse(0) / 1e9;
  }

  /** The different values that a field of the answers had. */
  Set<String> values(String field) {
    Set<String> values = new TreeSet<>();
    outcomes.stream()
        .filter(outcome -> outcome.answer() != null)
        .forEach(outcome -> values.add(outcome.answer().path(field).asString("")));
    return values;
  }

  /** The values that a field of the last answers had; empty where one was no answer. */
  List<String> last(int many, String field) {
    List<Outcome> all = List.copyOf(outcomes);
    return all.subList(Math.max(0, all.size() - many), all.size()).stream()
        .map(last -> last.answer() == null ? "" : last.answer().path(field).asString(""))
        .toList();
  }

  /** What a field of the last answer was. */
  String last(String field) {
    return String.join("", last(1, field));
  }

  /** Sends no more; returns once all is answered. */
  @Override
  public void close() {
    over = true;
    for (Thread client : clients) {
      try {
        client.join(30_000);
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
    }
  }
}
