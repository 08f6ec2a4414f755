package ai.seedcore.serve.daemon.lead;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Instant;
import org.junit.jupiter.api.Test;

/** What follows from what a daemon knows of the lead. */
class LeaseTest {

  private static final Instant NOW = Instant.parse("2026-01-01T00:00:00Z");

  @Test
  void whoHoldsItLeadsUntilItRunsOut() {
    Lease lease = Lease.UNKNOWN.after(new Lease.Held(3, NOW), NOW.plusSeconds(1));
    assertThat(lease.leads(NOW.plusSeconds(1))).isTrue();
    assertThat(lease.leads(NOW.plusMillis(5_999))).isTrue();
    assertThat(lease.leads(NOW.plusSeconds(6))).isFalse();
    assertThat(lease.held()).isEqualTo(3);
  }

  @Test
  void aBeatThatDoesNotChangeForSixSecondsIsADeadLeaders() {
    Lease lease = Lease.UNKNOWN.after(new Lease.Taken(3, "beat 1"), NOW);
    assertThat(lease.leads(NOW)).isFalse();
    lease = lease.after(new Lease.Taken(3, "beat 1"), NOW.plusSeconds(5));
    assertThat(lease.expired(NOW.plusMillis(5_999))).isNull();
    assertThat(lease.expired(NOW.plusSeconds(6))).isEqualTo("beat 1");
    lease = lease.after(new Lease.Taken(3, "beat 2"), NOW.plusSeconds(6));
    assertThat(lease.expired(NOW.plusSeconds(7))).isNull();
    lease = lease.after(new Lease.Taken(4, "beat 2"), NOW.plusSeconds(11));
    assertThat(lease.expired(NOW.plusSeconds(13))).isNull();
  }

  @Test
  void whoFindsAnotherLeadsNoMore() {
    Lease lease =
        Lease.UNKNOWN.after(new Lease.Held(3, NOW), NOW).after(new Lease.Taken(4, "x"), NOW);
    assertThat(lease.leads(NOW)).isFalse();
    assertThat(lease.held()).isZero();
    assertThat(lease.after(new Lease.Free(), NOW)).isEqualTo(Lease.UNKNOWN);
  }

  @Test
  void aCardOfAnotherVersionIsNoReasonToFail() {
    assertThat(LeaseHolder.read("{\"host\": \"h\", \"more\": [1]}")).isPresent();
    assertThat(LeaseHolder.read("not JSON")).isEmpty();
    assertThat(LeaseHolder.read("")).isEmpty();
  }
}
