package ai.seedcore.serve.door.client;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Tests the shares of clients and routes in a common budget. */
class RoomTest {

  private static int takeAll(Room budget, Usage.Share share) {
    int taken = 0;
    while (budget.take(1, share, null)) {
      taken++;
    }
    return taken;
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2, 3, 4, 5, 7, 100, 5_000})
  void allowsASingleClientTheConfiguredAmount(int maxAlone) {
    Room budget = new Room(maxAlone);
    assertThat(takeAll(budget, new Usage.Share())).isEqualTo(maxAlone);
    assertThat(budget.isReserved(1)).isFalse();
  }

  @Test
  void sharesWhatIsLeftAmongClients() {
    Room budget = new Room(3_000); // 4,000 in total.
    Usage.Share first = new Usage.Share();
    assertThat(takeAll(budget, first)).isEqualTo(3_000);
    assertThat(takeAll(budget, new Usage.Share())).isBetween(740, 760);
    assertThat(takeAll(budget, new Usage.Share())).isBetween(170, 200);
    budget.give(3_000, first, null);
    assertThat(takeAll(budget, first)).as("no longer all of it").isBetween(2_000, 2_400);
    assertThat(budget.isReserved(1)).isFalse();
  }

  @Test
  void reservesSharesForOtherClientsAndRoutes() {
    Room budget = new Room(3_000); // 4,000 in total.
    Usage.Share route = new Usage.Share();
    Usage.Share first = new Usage.Share();
    while (budget.take(1, first, route)) {
      assertThat(budget.used()).isLessThanOrEqualTo(3_000);
    }
    int others = 0;
    while (budget.take(1, new Usage.Share(), route)) {
      others++;
    }
    assertThat(others).as("of its route").isBetween(490, 510);
    assertThat(budget.isReserved(1)).isFalse();
    int elsewhere = 0;
    while (budget.take(1, new Usage.Share(), new Usage.Share())) {
      elsewhere++;
    }
    assertThat(elsewhere).as("of other routes").isGreaterThan(490);
  }

  @Test
  void rejectsNegativeAndExcessiveAmounts() {
    Room budget = new Room(300);
    Usage.Share share = new Usage.Share();
    assertThat(budget.take(-1, share, null)).isFalse();
    assertThat(budget.take(Long.MAX_VALUE, share, null)).isFalse();
    assertThat(budget.take(Long.MIN_VALUE, share, null)).isFalse();
    assertThat(budget.used()).isZero();
  }
}
