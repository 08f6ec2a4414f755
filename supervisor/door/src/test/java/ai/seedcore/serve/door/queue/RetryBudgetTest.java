package ai.seedcore.serve.door.queue;

import static org.assertj.core.api.Assertions.assertThat;

import ai.seedcore.serve.door.client.Client;
import ai.seedcore.serve.door.client.Clients;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** Tests how many requests of a route, and of one client, are sent again. */
class RetryBudgetTest {

  private final Clients clients = new Clients(List.of());
  private final RetryBudget budget = new RetryBudget();
  private final long now = System.nanoTime();

  private Client client(int number) {
    return clients.named("10.0.0." + number);
  }

  private int withdraw(Client client, long at) {
    int allowed = 0;
    while (budget.withdraw(client, at)) {
      allowed++;
    }
    return allowed;
  }

  @Test
  void leavesHalfOfItToOthers() {
    assertThat(withdraw(client(1), now)).isEqualTo(RouteQueue.MAX_WINDOW);
    assertThat(withdraw(client(2), now)).isEqualTo(RouteQueue.MAX_WINDOW / 2);
  }

  @Test
  void isUsedUpBySeveralClientsTogether() {
    int all = 0;
    for (int i = 0; i < 40; i++) {
      all += withdraw(client(i), now);
    }
    assertThat(all).isEqualTo(2 * RouteQueue.MAX_WINDOW);
    assertThat(budget.withdraw(client(50), now)).isFalse();
  }

  @Test
  void isFilledByAFifthOfTheRequests() {
    for (int i = 0; i < 40; i++) {
      withdraw(client(i), now);
    }
    for (int i = 0; i < 4; i++) {
      budget.deposit();
    }
    assertThat(budget.withdraw(client(50), now)).isFalse();
    budget.deposit();
    budget.deposit(); // The sum of five times 0.2 is less than 1 by a rounding error.
    assertThat(budget.withdraw(client(50), now)).isTrue();
    assertThat(budget.withdraw(client(51), now)).isFalse();
  }

  @Test
  void isFilledByTenInASecond() {
    for (int i = 0; i < 40; i++) {
      withdraw(client(i), now);
    }
    long later = now + TimeUnit.SECONDS.toNanos(2);
    assertThat(withdraw(client(50), later)).isEqualTo(10);
    assertThat(withdraw(client(51), later)).isEqualTo(5);
  }

  @Test
  void holdsNoMoreThanItsMaximum() {
    for (int i = 0; i < 100; i++) {
      budget.deposit();
    }
    assertThat(withdraw(client(1), now + TimeUnit.HOURS.toNanos(1)))
        .isEqualTo(RouteQueue.MAX_WINDOW);
  }

  @Test
  void forgivesAClientTenInASecond() {
    assertThat(withdraw(client(1), now)).isEqualTo(RouteQueue.MAX_WINDOW);
    // Ten more are left, and it owes ten fewer, so its limit is ten further on.
    assertThat(withdraw(client(1), now + TimeUnit.SECONDS.toNanos(1))).isEqualTo(10);
  }
}
