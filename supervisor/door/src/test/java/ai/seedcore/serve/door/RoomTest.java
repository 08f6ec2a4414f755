package ai.seedcore.serve.door;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What one may have where there are others, and where there are none. */
class RoomTest {

  private static int takeAll(Room room, Usage.Share share) {
    int taken = 0;
    while (room.take(1, share, null)) {
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
    room.give(3_000, first, null);
    assertThat(takeAll(room, first)).as("no longer all of it").isBetween(2_000, 2_400);
    assertThat(room.isOthers(1)).isFalse();
  }

  @Test
  void aClientLeavesRoomForOthersOfItsRouteAndForOtherRoutes() {
    Room room = new Room(3_000); // 4,000 in all.
    Usage.Share route = new Usage.Share();
    Usage.Share first = new Usage.Share();
    while (room.take(1, first, route)) {
      assertThat(room.used()).isLessThanOrEqualTo(3_000);
    }
    int others = 0;
    while (room.take(1, new Usage.Share(), route)) {
      others++;
    }
    assertThat(others).as("of its route").isBetween(490, 510);
    assertThat(room.isOthers(1)).isFalse();
    int elsewhere = 0;
    while (room.take(1, new Usage.Share(), new Usage.Share())) {
      elsewhere++;
    }
    assertThat(elsewhere).as("of other routes").isGreaterThan(490);
  }

  @Test
  void nobodyTakesLessThanNothingOrMoreThanAll() {
    Room room = new Room(300);
    Usage.Share share = new Usage.Share();
    assertThat(room.take(-1, share, null)).isFalse();
    assertThat(room.take(Long.MAX_VALUE, share, null)).isFalse();
    assertThat(room.take(Long.MIN_VALUE, share, null)).isFalse();
    assertThat(room.used()).isZero();
  }
}
