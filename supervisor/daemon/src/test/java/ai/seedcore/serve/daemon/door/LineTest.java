package ai.seedcore.serve.daemon.door;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** How many are sent at a time, by how the route answers. */
class LineTest {

  private static final long QUICK = TimeUnit.MILLISECONDS.toNanos(5);
  private static final long SLOW = TimeUnit.SECONDS.toNanos(2);

  private final Line<Integer> line = new Line<>();
  private long now = System.nanoTime();

  private int sent() {
    int sent = 0;
    while (line.next(now) != null) {
      sent++;
    }
    return sent;
  }

  /** So many answers come, and whatever may be is sent in their place. */
  private void answers(int count, long nanos) {
    for (int i = 0; i < count; i++) {
      line.end();
      line.well(nanos);
      sent();
    }
  }

  private void wait(int count) {
    for (int i = 0; i < count; i++) {
      line.add(i);
    }
  }

  @Test
  void growsWithEachGoodAnswer() {
    wait(10_000);
    assertThat(sent()).isEqualTo(Line.FIRST);
    answers(Line.FIRST, QUICK);
    assertThat(line.underWay()).isEqualTo(2 * Line.FIRST);
    answers(2_000, QUICK);
    assertThat(line.underWay()).isEqualTo(Line.MOST);
  }

  @Test
  void growsNoFurtherThanAnswersComeInTime() {
    wait(10_000);
    sent();
    answers(1_000, SLOW);
    assertThat(line.underWay()).isLessThanOrEqualTo(Line.SURE);
    answers(2_000, QUICK);
    assertThat(line.underWay()).isEqualTo(Line.MOST);
    answers(5_000, SLOW);
    assertThat(line.underWay()).isEqualTo(Line.SURE);
  }

  @Test
  void aRouteThatIsAlwaysSlowTakesAsManyAsAnother() {
    for (int i = 0; i < 200; i++) {
      line.begin();
      line.end();
      line.well(SLOW);
    }
    line.unwell(now);
    now += Line.PAUSE_NANOS;
    wait(10_000);
    sent();
    answers(2_000, SLOW);
    assertThat(line.underWay()).isEqualTo(Line.MOST);
  }

  @Test
  void leavesARouteAloneThatHasFailedAndThenTriesAFew() {
    wait(10_000);
    sent();
    answers(500, QUICK);
    int before = line.underWay();
    line.unwell(now);
    for (int i = 0; i < before; i++) {
      line.end();
    }
    assertThat(sent()).isZero();
    assertThat(line.isFree(now)).isFalse();
    now += Line.PAUSE_NANOS;
    assertThat(sent()).isEqualTo(Line.FIRST);
  }

  @Test
  void sendsHalfWhereReplicasAreOverloaded() {
    wait(10_000);
    sent();
    answers(96, QUICK);
    int window = line.window();
    line.overloaded(now);
    assertThat(line.window()).isEqualTo(window / 2);
  }

  @Test
  void keepsTheOrderOfArrivalAlsoForWhatIsSentAgain() {
    wait(3);
    assertThat(line.next(now)).isZero();
    line.end();
    line.addAgain(0);
    assertThat(line.next(now)).isZero();
    assertThat(line.next(now)).isEqualTo(1);
  }

  @Test
  void whereNobodyWaitsOnlyTheUtmostBounds() {
    for (int i = 0; i < Line.MOST; i++) {
      line.begin();
      line.end();
      line.well(SLOW);
    }
    assertThat(line.window()).isEqualTo(Line.MOST);
    assertThat(line.isFree(now)).isTrue();
  }
}
