package ai.seedcore.serve.door;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** How many are sent at a time, and whose, by how the route answers. */
class RouteQueueTest {

  private static final long QUICK = TimeUnit.MILLISECONDS.toNanos(5);
  private static final long SLOW = TimeUnit.SECONDS.toNanos(2);

  private record Request(String client, int number) {}

  private final RouteQueue<Request> line = new RouteQueue<>(Request::client);
  private final List<Request> underWay = new ArrayList<>();
  private long now = System.nanoTime();

  private List<Request> sent() {
    List<Request> sent = new ArrayList<>();
    for (@Nullable Request next = line.next(now); next != null; next = line.next(now)) {
      sent.add(next);
    }
    underWay.addAll(sent);
    return sent;
  }

  /** So many answers come, and whatever may be is sent in their place. */
  private void answers(int count, long nanos) {
    for (int i = 0; i < count; i++) {
      int crowd = line.underWay();
      Request one = underWay.remove(0);
      line.end(one);
      line.well(one, nanos, crowd, now);
      sent();
    }
  }

  private void fails(Request one) {
    underWay.remove(one);
    line.end(one);
    line.failed(one, now);
  }

  private void wait(String client, int count) {
    for (int i = 0; i < count; i++) {
      line.add(new Request(client, i));
    }
  }

  @Test
  void growsWithEachGoodAnswer() {
    wait("a", 10_000);
    assertThat(sent()).hasSize(RouteQueue.FIRST);
    answers(RouteQueue.FIRST, QUICK);
    assertThat(line.underWay()).isEqualTo(2 * RouteQueue.FIRST);
    answers(2_000, QUICK);
    assertThat(line.underWay()).isEqualTo(RouteQueue.MOST);
  }

  @Test
  void growsNoFurtherThanAnswersComeInTime() {
    wait("a", 40_000);
    sent();
    answers(2_000, QUICK);
    assertThat(line.underWay()).isEqualTo(RouteQueue.MOST);
    // A proxy that answers one every two milliseconds, however many it has.
    for (int i = 0; i < 20_000; i++) {
      answers(1, line.underWay() * TimeUnit.MILLISECONDS.toNanos(2));
      assertThat(line.underWay())
          .isLessThanOrEqualTo(i < 2_000 ? RouteQueue.MOST : 3 * RouteQueue.SURE);
    }
  }

  @Test
  void aRouteThatIsAlwaysSlowTakesAsManyAsAnother() {
    wait("a", 20_000);
    sent();
    answers(5_000, SLOW);
    assertThat(line.underWay()).isEqualTo(RouteQueue.MOST);
  }

  @Test
  void clientsTakeTurns() {
    wait("a", 100);
    wait("b", 2);
    wait("c", 1);
    answers(0, QUICK);
    assertThat(sent())
        .containsExactly(
            new Request("a", 0), new Request("b", 0), new Request("c", 0), new Request("a", 1));
    answers(1, QUICK);
    assertThat(underWay).contains(new Request("b", 1)).doesNotContain(new Request("a", 3));
  }

  @Test
  void aClientWhoseRequestsFailWaitsAndOthersDoNot() {
    wait("bad", 10);
    List<Request> bad = sent();
    assertThat(bad).hasSize(RouteQueue.FIRST);
    bad.forEach(this::fails);
    assertThat(sent()).isEmpty();
    Request good = new Request("good", 0);
    assertThat(line.isFree(good, now)).isTrue();
    line.begin(good);
    line.end(good);
    line.well(good, QUICK, 1, now);
    assertThat(sent()).as("its own failures count").isEmpty();
    now += RouteQueue.PAUSE_NANOS;
    bad = sent();
    assertThat(bad).hasSize(RouteQueue.FIRST);
    bad.forEach(this::fails);
    now += RouteQueue.PAUSE_NANOS;
    assertThat(sent()).as("twice as long").isEmpty();
    now += RouteQueue.PAUSE_NANOS;
    assertThat(sent()).hasSize(2);
  }

  @Test
  void theRouteIsUnwellWhereSeveralRequestsOfSeveralClientsFail() {
    wait("a", 100);
    sent();
    answers(90, QUICK);
    assertThat(line.window()).isGreaterThan(50);
    List.copyOf(underWay).forEach(this::fails);
    Request other = new Request("b", 0);
    assertThat(line.isFree(other, now)).as("one client is no evidence").isTrue();
    line.begin(other);
    fails(other);
    assertThat(line.window()).isEqualTo(RouteQueue.FIRST);
    assertThat(line.isFree(other, now)).as("of whom one has failed").isFalse();
    Request third = new Request("c", 0);
    assertThat(line.isFree(third, now)).as("of whom none has").isTrue();
    line.begin(third);
    line.end(third);
    line.well(third, QUICK, 1, now);
    assertThat(line.isFree(other, now)).as("one good answer ends it").isTrue();
  }

  @Test
  void requestsThatHangKeepNobodyElseFromTheRoute() {
    wait("hangs", 100);
    assertThat(sent()).hasSize(RouteQueue.FIRST);
    Request good = new Request("good", 0);
    assertThat(line.isFree(good, now)).isTrue();
    line.begin(good);
    assertThat(line.isFree(new Request("good", 1), now)).as("one of each").isFalse();
    wait("other", 2);
    assertThat(sent()).containsExactly(new Request("other", 0));
  }

  @Test
  void whereNobodyWaitsOnlyTheUtmostBounds() {
    Request one = new Request("a", 0);
    for (int i = 0; i < RouteQueue.MOST; i++) {
      line.begin(one);
      line.end(one);
      line.well(one, SLOW, 1, now);
    }
    assertThat(line.window()).isEqualTo(RouteQueue.MOST);
    assertThat(line.isFree(one, now)).isTrue();
  }

  @Test
  void beginsAnewWhereNoProxyServesIt() {
    wait("a", 1_000);
    sent();
    answers(100, QUICK);
    List.copyOf(underWay).forEach(this::fails);
    assertThat(sent()).isEmpty();
    line.away();
    assertThat(sent()).as("and at once").hasSize(RouteQueue.FIRST);
  }
}
