package ai.seedcore.serve.door.queue;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** Tests how many requests are sent at a time, and whose, depending on the responses. */
class RouteQueueTest {

  private static final long QUICK = TimeUnit.MILLISECONDS.toNanos(5);
  private static final long SLOW = TimeUnit.SECONDS.toNanos(2);

  private record Request(String client, int number) {}

  private final RouteQueue<Request> queue = new RouteQueue<>(Request::client);
  private final List<Request> inFlight = new ArrayList<>();
  private long now = System.nanoTime();

  private List<Request> sent() {
    List<Request> sent = new ArrayList<>();
    for (@Nullable Request next = queue.next(now); next != null; next = queue.next(now)) {
      sent.add(next);
    }
    inFlight.addAll(sent);
    return sent;
  }

  /** Lets requests succeed, and sends as many others as the queue allows. */
  private void succeed(int count, long nanos) {
    for (int i = 0; i < count; i++) {
      int inFlightAtSend = queue.inFlight();
      Request one = inFlight.remove(0);
      queue.end(one);
      queue.recordSuccess(one, nanos, inFlightAtSend, now);
      sent();
    }
  }

  private void fail(Request one) {
    inFlight.remove(one);
    queue.end(one);
    queue.recordFailure(one, now);
  }

  private void enqueue(String client, int count) {
    for (int i = 0; i < count; i++) {
      queue.add(new Request(client, i));
    }
  }

  @Test
  void growsWithEachSuccess() {
    enqueue("a", 10_000);
    assertThat(sent()).hasSize(RouteQueue.INITIAL_WINDOW);
    succeed(RouteQueue.INITIAL_WINDOW, QUICK);
    assertThat(queue.inFlight()).isEqualTo(2 * RouteQueue.INITIAL_WINDOW);
    succeed(2_000, QUICK);
    assertThat(queue.inFlight()).isEqualTo(RouteQueue.MAX_WINDOW);
  }

  @Test
  void shrinksWhenResponsesGetSlower() {
    enqueue("a", 40_000);
    sent();
    succeed(2_000, QUICK);
    assertThat(queue.inFlight()).isEqualTo(RouteQueue.MAX_WINDOW);
    // A proxy that responds every two milliseconds, however many requests it has.
    for (int i = 0; i < 20_000; i++) {
      succeed(1, queue.inFlight() * TimeUnit.MILLISECONDS.toNanos(2));
      assertThat(queue.inFlight())
          .isLessThanOrEqualTo(i < 2_000 ? RouteQueue.MAX_WINDOW : 3 * RouteQueue.SAFE_WINDOW);
    }
  }

  @Test
  void growsForRoutesThatAreAlwaysSlow() {
    enqueue("a", 20_000);
    sent();
    succeed(5_000, SLOW);
    assertThat(queue.inFlight()).isEqualTo(RouteQueue.MAX_WINDOW);
  }

  @Test
  void letsClientsTakeTurns() {
    enqueue("a", 100);
    enqueue("b", 2);
    enqueue("c", 1);
    succeed(0, QUICK);
    assertThat(sent())
        .containsExactly(
            new Request("a", 0), new Request("b", 0), new Request("c", 0), new Request("a", 1));
    succeed(1, QUICK);
    assertThat(inFlight).contains(new Request("b", 1)).doesNotContain(new Request("a", 3));
  }

  @Test
  void delaysOnlyTheClientWhoseRequestsFail() {
    enqueue("bad", 10);
    List<Request> bad = sent();
    assertThat(bad).hasSize(RouteQueue.INITIAL_WINDOW);
    bad.forEach(this::fail);
    assertThat(sent()).isEmpty();
    Request good = new Request("good", 0);
    assertThat(queue.canSend(good, now)).isTrue();
    queue.begin(good);
    queue.end(good);
    queue.recordSuccess(good, QUICK, 1, now);
    assertThat(sent()).as("its own failures count").isEmpty();
    now += RouteQueue.PAUSE_NANOS;
    bad = sent();
    assertThat(bad).hasSize(RouteQueue.INITIAL_WINDOW);
    bad.forEach(this::fail);
    now += RouteQueue.PAUSE_NANOS;
    assertThat(sent()).as("twice as long").isEmpty();
    now += RouteQueue.PAUSE_NANOS;
    assertThat(sent()).hasSize(2);
  }

  @Test
  void pausesTheRouteWhenRequestsOfSeveralClientsFail() {
    enqueue("a", 100);
    sent();
    succeed(90, QUICK);
    assertThat(queue.window()).isGreaterThan(50);
    List.copyOf(inFlight).forEach(this::fail);
    Request other = new Request("b", 0);
    assertThat(queue.canSend(other, now)).as("one client is no evidence").isTrue();
    queue.begin(other);
    fail(other);
    assertThat(queue.window()).isEqualTo(RouteQueue.INITIAL_WINDOW);
    assertThat(queue.canSend(other, now)).as("of whom one has failed").isFalse();
    Request third = new Request("c", 0);
    assertThat(queue.canSend(third, now)).as("of whom none has").isTrue();
    queue.begin(third);
    queue.end(third);
    queue.recordSuccess(third, QUICK, 1, now);
    assertThat(queue.canSend(other, now)).as("one good answer ends it").isTrue();
  }

  @Test
  void sendsRequestsOfOthersWhileSomeHang() {
    enqueue("hangs", 100);
    assertThat(sent()).hasSize(RouteQueue.INITIAL_WINDOW);
    Request good = new Request("good", 0);
    assertThat(queue.canSend(good, now)).isTrue();
    queue.begin(good);
    assertThat(queue.canSend(new Request("good", 1), now)).as("one of each").isFalse();
    enqueue("other", 2);
    assertThat(sent()).containsExactly(new Request("other", 0));
  }

  @Test
  void allowsTheLargestWindowWhenNothingIsQueued() {
    Request one = new Request("a", 0);
    for (int i = 0; i < RouteQueue.MAX_WINDOW; i++) {
      queue.begin(one);
      queue.end(one);
      queue.recordSuccess(one, SLOW, 1, now);
    }
    assertThat(queue.window()).isEqualTo(RouteQueue.MAX_WINDOW);
    assertThat(queue.canSend(one, now)).isTrue();
  }

  @Test
  void restartsWhenNoProxyServesTheRoute() {
    enqueue("a", 1_000);
    sent();
    succeed(100, QUICK);
    List.copyOf(inFlight).forEach(this::fail);
    assertThat(sent()).isEmpty();
    queue.reset();
    assertThat(sent()).as("and at once").hasSize(RouteQueue.INITIAL_WINDOW);
  }

  @Test
  void sendsOnlyAsManyBeyondTheWindowAsAreSafe() {
    for (int i = 0; i < RouteQueue.INITIAL_WINDOW + RouteQueue.SAFE_WINDOW + 5; i++) {
      enqueue("client " + i, 1);
    }
    assertThat(sent()).hasSize(RouteQueue.INITIAL_WINDOW + RouteQueue.SAFE_WINDOW);
    Request beyond = inFlight.get(RouteQueue.INITIAL_WINDOW);
    inFlight.remove(beyond);
    queue.end(beyond);
    assertThat(sent()).as("one for one").hasSize(1);
    Request within = inFlight.remove(0);
    queue.end(within);
    assertThat(sent()).as("there are more in flight than the window").isEmpty();
  }

  @Test
  void countsWhatWaitsAndWhatIsInFlight() {
    enqueue("a", 6);
    assertThat(queue.waiting()).isEqualTo(6);
    sent();
    assertThat(queue.waiting()).isEqualTo(6 - RouteQueue.INITIAL_WINDOW);
    assertThat(queue.inFlight()).isEqualTo(RouteQueue.INITIAL_WINDOW);
  }

  @Test
  void removesWhatWaits() {
    enqueue("a", 6);
    enqueue("b", 1);
    assertThat(queue.remove(new Request("b", 0))).isTrue();
    assertThat(queue.remove(new Request("b", 0))).isFalse();
    assertThat(queue.remove(new Request("a", 0))).isTrue();
    assertThat(queue.waiting()).isEqualTo(5);
    assertThat(sent()).extracting(Request::number).containsExactly(1, 2, 3, 4);
    assertThat(queue.drain()).containsExactly(new Request("a", 5));
    assertThat(queue.waiting()).isZero();
    succeed(4, QUICK);
    assertThat(inFlight).isEmpty();
  }

  @Test
  void knowsSinceWhenTheRouteFails() {
    Request one = new Request("a", 0);
    assertThat(queue.hasFailedFor(now, 0)).isFalse();
    assertThat(queue.succeededSince(now - 1)).isFalse();
    queue.begin(one);
    fail(one);
    now += 10;
    queue.begin(one);
    fail(one);
    assertThat(queue.hasFailedFor(now, 10)).as("since the first failure").isTrue();
    assertThat(queue.hasFailedFor(now, 11)).isFalse();
    queue.begin(one);
    queue.end(one);
    queue.recordSuccess(one, QUICK, 1, now);
    assertThat(queue.hasFailedFor(now, 0)).isFalse();
    assertThat(queue.succeededSince(now - 1)).isTrue();
    assertThat(queue.succeededSince(now)).isFalse();
  }

  @Test
  void forgivesAllClientsOnceTheRouteSucceedsAgain() {
    for (String client : List.of("a", "b", "c")) {
      for (int i = 0; i < 2; i++) {
        Request one = new Request(client, i);
        queue.begin(one);
        fail(one);
      }
    }
    now += RouteQueue.PAUSE_NANOS;
    Request one = new Request("a", 9);
    queue.begin(one);
    queue.end(one);
    queue.recordSuccess(one, QUICK, 1, now);
    queue.begin(new Request("other", 0));
    assertThat(queue.canSend(new Request("b", 9), now)).isTrue();
    Request two = new Request("b", 9);
    queue.begin(two);
    fail(two);
    assertThat(queue.canSend(two, now)).as("one failure is no reason to wait").isTrue();
  }

  @Test
  void forgetsTheFailuresOfAClientAfterTenSeconds() {
    Request one = new Request("a", 0);
    for (int i = 0; i < 5; i++) {
      queue.begin(one);
      fail(one);
      now += RouteQueue.LONGEST_PAUSE_NANOS;
    }
    queue.begin(one);
    fail(one);
    assertThat(queue.canSend(one, now)).isFalse();
    queue.sweep(now + RouteQueue.LONGEST_PAUSE_NANOS);
    assertThat(queue.canSend(one, now)).isFalse();
    queue.add(new Request("a", 1));
    queue.sweep(now + TimeUnit.SECONDS.toNanos(30));
    assertThat(queue.canSend(one, now)).as("it has a request here").isFalse();
    queue.remove(new Request("a", 1));
    queue.sweep(now + TimeUnit.SECONDS.toNanos(30));
    assertThat(queue.canSend(one, now)).isTrue();
  }

  private void respond(int count, long millis, int inFlightAtSend) {
    for (int i = 0; i < count; i++) {
      queue.recordSuccess(
          new Request("a", i), TimeUnit.MILLISECONDS.toNanos(millis), inFlightAtSend, now);
    }
  }

  @Test
  void keepsTheWindowWhileResponsesAreSlowerButNotMuch() {
    respond(200, 60, 1);
    assertThat(queue.window()).isEqualTo(RouteQueue.INITIAL_WINDOW + 200);
    // The moving average reaches twice the baseline of 60 ms after 27 or 28 responses.
    respond(100, 140, 100);
    int held = queue.window();
    assertThat(held).isBetween(RouteQueue.INITIAL_WINDOW + 227, RouteQueue.INITIAL_WINDOW + 228);
    respond(8 * held - 100 + 26, 140, 100);
    assertThat(queue.window()).isEqualTo(held);
    respond(1, 140, 100);
    assertThat(queue.window()).as("to measure again").isEqualTo(RouteQueue.SAFE_WINDOW);
  }

  @Test
  void shrinksByAQuarterForEachWindowOfMuchSlowerResponses() {
    respond(200, 60, 1);
    respond(100, 1_000, 100);
    int before = queue.window();
    respond(before, 1_000, 100);
    assertThat(queue.window()).isEqualTo(before * 3 / 4);
    respond(2_000, 1_000, 100);
    assertThat(queue.window()).isEqualTo(RouteQueue.SAFE_WINDOW);
  }

  @Test
  void growsWhileResponsesAreFastWhateverTheBaseline() {
    respond(200, 1, 1);
    respond(100, 49, 100);
    assertThat(queue.window()).isEqualTo(RouteQueue.INITIAL_WINDOW + 300);
    respond(100, 90, 100);
    assertThat(queue.window()).isLessThan(RouteQueue.INITIAL_WINDOW + 330);
  }

  private void failAlone(String client, int times) {
    for (int i = 0; i < times; i++) {
      Request one = new Request(client, i);
      queue.begin(one);
      fail(one);
    }
  }

  private boolean pausesNewcomers() {
    queue.begin(new Request("another", 0));
    boolean pauses = !queue.canSend(new Request("another", 1), now);
    queue.end(new Request("another", 0));
    return pauses;
  }

  @Test
  void countsTheRouteAsFailingAfterThreeFailuresOfTwoClients() {
    failAlone("a", 1);
    failAlone("b", 1);
    assertThat(pausesNewcomers()).isFalse();
    failAlone("b", 1);
    assertThat(pausesNewcomers()).isTrue();
  }

  @Test
  void startsAnewWithTheEvidenceAfterASuccess() {
    failAlone("a", 2);
    queue.recordSuccess(new Request("c", 0), QUICK, 1, now);
    failAlone("b", 3);
    assertThat(pausesNewcomers()).as("one client has failed since").isFalse();
    queue.reset();
    failAlone("d", 3);
    assertThat(pausesNewcomers()).as("one client has failed since the reset").isFalse();
  }

  @Test
  void stopsDelayingAClientWhoseRequestSucceeds() {
    failAlone("a", 3);
    assertThat(queue.canSend(new Request("a", 9), now)).isFalse();
    queue.recordSuccess(new Request("a", 3), QUICK, 1, now);
    assertThat(queue.canSend(new Request("a", 9), now)).isTrue();
  }

  @Test
  void remembersNoClientWithoutRequestsAndFailures() {
    enqueue("a", 1);
    enqueue("b", 1);
    assertThat(queue.clients()).isEqualTo(2);
    queue.remove(new Request("a", 0));
    assertThat(queue.clients()).isEqualTo(1);
    sent();
    queue.end(new Request("b", 0));
    assertThat(queue.clients()).isZero();
    failAlone("c", 2);
    queue.begin(new Request("d", 0));
    assertThat(queue.clients()).isEqualTo(2);
    queue.reset();
    assertThat(queue.clients()).as("only the one in flight").isEqualTo(1);
  }

  @Test
  void sendsARequestOfAClientThatHasFailedWhileOthersHang() {
    for (int i = 0; i < 3 * RouteQueue.INITIAL_WINDOW; i++) {
      queue.begin(new Request("hangs", i));
    }
    failAlone("a", 2);
    failAlone("b", 2);
    Request next = new Request("a", 9);
    assertThat(queue.canSend(next, now)).as("during the route's pause").isFalse();
    now += RouteQueue.PAUSE_NANOS;
    assertThat(queue.canSend(next, now)).isTrue();
    queue.begin(next);
    assertThat(queue.canSend(new Request("a", 10), now)).as("one at a time").isFalse();
    assertThat(queue.canSend(new Request("b", 9), now)).isTrue();
  }
}
