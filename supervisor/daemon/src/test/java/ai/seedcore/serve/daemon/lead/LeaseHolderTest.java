package ai.seedcore.serve.daemon.lead;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

/** What daemons leave for each other in the cluster. */
class LeaseHolderTest {

  private static final LeaseHolder LEADER = holder("host 1", "life 1");

  @Test
  void aCardIsReadAsItWasWritten() {
    assertThat(LeaseHolder.read(LEADER.beat(7).text())).contains(LEADER.beat(7));
    assertThat(LeaseHolder.read("{\"host\": 3")).isEmpty();
  }

  @Test
  void theLeadIsTakenAtOnceFromNobodyButOneself() {
    assertThat(LEADER.yieldsTo(holder("host 2", "life 2"), true)).isFalse();
    assertThat(LEADER.release().yieldsTo(holder("host 2", "life 2"), false)).isTrue();
    // A beat of ours that was on its way when the head restarted.
    assertThat(LEADER.beat(9).yieldsTo(LEADER, false)).isTrue();
    // Ours before a restart of ours; another with our seat, once we have led, is another.
    assertThat(LEADER.yieldsTo(holder("host 1", "life 2"), true)).isTrue();
    assertThat(LEADER.yieldsTo(holder("host 1", "life 2"), false)).isFalse();
  }

  private static LeaseHolder holder(String seat, String life) {
    return new LeaseHolder("host", 1, seat, life, "0.1.0", "hash", List.of("A"), 0, false);
  }
}
