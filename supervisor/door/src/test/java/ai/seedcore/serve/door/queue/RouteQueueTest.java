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
}
