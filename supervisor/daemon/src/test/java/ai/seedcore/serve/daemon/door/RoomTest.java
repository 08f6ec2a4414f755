package ai.seedcore.serve.daemon.door;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What one may have where there are others, and where there are none. */
class RoomTest {

  private static int takeAll(Room room, Usage.Share share) {
    int taken = 0;
    while (room.take(1, share)) {
      taken++;
    }
    return taken;
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2, 3, 4, 5, 7, 100, 5_000})
  void oneAloneHasWhatIsDeclared(int alone) {
    Room room = new Room(alone);
    assertThat(takeAll(room, new Usage.Share())).isEqualTo(alone);
    assertThat(room.isOthers(1)).isFalse();
  }

  @Test
  void othersHaveWhatIsLeftAndEqualsHaveEqualParts() {
    Room room = new Room(3_000); // 4,000 in all.
    Usage.Share first = new Usage.Share();
    assertThat(takeAll(room, first)).isEqualTo(3_000);
    assertThat(takeAll(room, new Usage.Share())).isBetween(740, 760);
    assertThat(takeAll(room, new Usage.Share())).isBetween(170, 200);
    room.give(3_000, first);
    assertThat(takeAll(room, first)).as("no longer all of it").isBetween(2_000, 2_400);
    assertThat(room.isOthers(1)).isFalse();
  }

  @Test
  void allSharesHaveToBear() {
    Room room = new Room(300);
    Usage.Share route = new Usage.Share();
    Usage.Share one = new Usage.Share();
    assertThat(room.take(200, one, route)).isTrue();
    assertThat(room.take(150, new Usage.Share(), route)).as("its route has too much").isFalse();
    assertThat(room.isOthers(50)).isTrue();
    assertThat(room.take(100, new Usage.Share(), new Usage.Share())).isTrue();
    room.give(200, one, route);
    assertThat(room.used()).isEqualTo(100);
  }

  @Test
  void nobodyTakesLessThanNothingOrMoreThanAll() {
    Room room = new Room(300);
    Usage.Share share = new Usage.Share();
    assertThat(room.take(-1, share)).isFalse();
    assertThat(room.take(Long.MAX_VALUE, share)).isFalse();
    assertThat(room.take(Long.MIN_VALUE, share)).isFalse();
    assertThat(room.used()).isZero();
  }
}
