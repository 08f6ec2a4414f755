package ai.seedcore.serve.daemon.lead;

import static org.assertj.core.api.Assertions.assertThat;

import ai.seedcore.serve.daemon.decide.Role;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

/** Several daemons that watch one cluster: at most one of them leads at any time. */
class LeadershipTest {

  private static final Duration LAP = Duration.ofMillis(100);

  private final Keys keys = new Keys();
  private final List<Daemon> daemons = new ArrayList<>();
  private Instant now = Instant.parse("2026-01-01T00:00:00Z");

  /** What a cluster keeps for its daemons; it forgets all when it restarts. */
  private static final class Keys implements LeaseStore {
    final Map<String, String> all = new TreeMap<>();
    boolean unreachable;
    int questions;

    private <T> CompletableFuture<T> answer(T value) {
      return unreachable
          ? CompletableFuture.failedFuture(new IllegalStateException("unreachable"))
          : CompletableFuture.completedFuture(value);
    }

    @Override
    public CompletableFuture<List<String>> keys(String prefix) {
      questions++;
      return answer(all.keySet().stream().filter(key -> key.startsWith(prefix)).toList());
    }

    @Override
    public CompletableFuture<Optional<String>> get(String key) {
      return answer(Optional.ofNullable(all.get(key)));
    }

    @Override
    public CompletableFuture<Boolean> put(String key, String text, boolean overwrite) {
      if (unreachable) {
        return answer(false);
      }
      boolean added = !all.containsKey(key);
      if (added || overwrite) {
        all.put(key, text);
      }
      return answer(added);
    }

    @Override
    public CompletableFuture<Void> delete(String key) {
      if (!unreachable) {
        all.remove(key);
      }
      return answer(null);
    }
  }

  private final class Daemon {
    final Leadership leadership;
    String session = "session 1";
    boolean able = true;
    boolean suspended;
    Role role = new Role.Undecided();
    int wakes;

    Daemon(String seat, String life, String declares) {
      LeaseHolder self =
          new LeaseHolder("host", 7, seat, life, "0.1.0", declares, List.of(declares), 0, false);
      leadership = new Leadership(keys, self, () -> wakes++);
      daemons.add(this);
    }

    void lap() {
      if (!suspended) {
        role = leadership.role(session, able, now);
      }
    }

    boolean leads() {
      return role instanceof Role.Leads;
    }
  }

  /** Lets that time pass, in laps, in each of which at most one daemon may lead. */
  private void pass(Duration time) {
    for (Instant end = now.plus(time); now.isBefore(end); now = now.plus(LAP)) {
      daemons.forEach(Daemon::lap);
      assertThat(daemons.stream().filter(d -> !d.suspended && d.leads()).count())
          .as("leaders")
          .isLessThanOrEqualTo(1);
    }
  }

  @Test
  void oneLeadsAndTheOtherSaysWhoDoes() {
    Daemon first = new Daemon("seat 1", "life 1", "A");
    pass(LAP.multipliedBy(2));
    Daemon second = new Daemon("seat 2", "life 2", "A");
    pass(Duration.ofSeconds(20));
    assertThat(first.leads()).isTrue();
    assertThat(second.role)
        .isEqualTo(new Role.StandsBy("another daemon leads: pid 7 on host, version 0.1.0"));
  }

  @Test
  void oneOfThoseThatAskAtTheSameTimeLeads() {
    for (int i = 0; i < 5; i++) {
      new Daemon("seat " + i, "life " + i, "A");
    }
    pass(Duration.ofSeconds(10));
    assertThat(daemons.stream().filter(Daemon::leads).count()).isEqualTo(1);
  }

  @Test
  void aLeaderThatSaysNothingForSixSecondsIsFollowed() {
    Daemon first = new Daemon("seat 1", "life 1", "A");
    pass(LAP.multipliedBy(2));
    Daemon second = new Daemon("seat 2", "life 2", "A");
    pass(Duration.ofSeconds(10));
    first.suspended = true;
    pass(Duration.ofSeconds(5));
    assertThat(second.leads()).isFalse();
    pass(Duration.ofSeconds(4));
    assertThat(second.leads()).isTrue();
    assertThat(keys.all).as("the lease that ran out is removed").hasSize(1);
    first.suspended = false; // It was suspended, not dead: its lease has run out by its own clock.
    pass(Duration.ofSeconds(10));
    assertThat(second.leads()).isTrue();
    assertThat(first.role).isInstanceOf(Role.StandsBy.class);
  }

  @Test
  void aLeadThatIsGivenBackIsTakenWithinTwoSeconds() {
    Daemon first = new Daemon("seat 1", "life 1", "A");
    pass(LAP.multipliedBy(2));
    Daemon second = new Daemon("seat 2", "life 2", "A");
    pass(Duration.ofSeconds(10));
    first.leadership.release(Duration.ofSeconds(1));
    daemons.remove(first);
    pass(Duration.ofSeconds(2));
    assertThat(second.leads()).isTrue();
  }

  @Test
  void aRestartedDaemonTakesItsOwnLeadAtOnce() {
    new Daemon("seat 1", "life 1", "A");
    pass(Duration.ofSeconds(5));
    daemons.clear(); // It was killed.
    Daemon again = new Daemon("seat 1", "life 2", "A");
    Daemon other = new Daemon("seat 2", "life 3", "A");
    pass(Duration.ofSeconds(1));
    assertThat(again.leads()).isTrue();
    assertThat(other.leads()).isFalse();
  }

  @Test
  void whoCannotActDoesNotLeadWhereAnotherCan() {
    Daemon unable = new Daemon("seat 1", "life 1", "A");
    unable.able = false;
    pass(Duration.ofSeconds(5));
    assertThat(unable.leads()).isFalse();
    Daemon able = new Daemon("seat 2", "life 2", "A");
    pass(Duration.ofSeconds(2));
    assertThat(able.leads()).isTrue();
  }

  @Test
  void aClusterThatIsNotReachedHasNoLeaderAfterSixSeconds() {
    Daemon first = new Daemon("seat 1", "life 1", "A");
    pass(Duration.ofSeconds(5));
    keys.unreachable = true;
    pass(Duration.ofSeconds(7));
    assertThat(first.leads()).isFalse();
    keys.unreachable = false;
    pass(Duration.ofSeconds(2));
    assertThat(first.leads()).isTrue();
  }

  @Test
  void anotherLifeOfTheClusterIsLedAnew() {
    Daemon first = new Daemon("seat 1", "life 1", "A");
    pass(LAP.multipliedBy(2));
    Daemon second = new Daemon("seat 2", "life 2", "A");
    pass(Duration.ofSeconds(5));
    keys.all.clear();
    daemons.forEach(daemon -> daemon.session = "session 2");
    daemons.forEach(Daemon::lap);
    assertThat(daemons).noneMatch(Daemon::leads);
    pass(Duration.ofSeconds(5));
    assertThat(first.leads() != second.leads()).isTrue();
  }

  @Test
  void theOtherOnesDeclarationsAreNamedWhereTheyDiffer() {
    new Daemon("seat 1", "life 1", "A");
    pass(LAP.multipliedBy(2));
    Daemon second = new Daemon("seat 2", "life 2", "B");
    pass(Duration.ofSeconds(5));
    assertThat(((Role.StandsBy) second.role).toString())
        .contains("other deployments (A) than this daemon (B)");
  }

  @Test
  void aDaemonThatBecomesAbleClaimsAtOnce() {
    Daemon daemon = new Daemon("seat 1", "life 1", "A");
    daemon.able = false;
    pass(Duration.ofSeconds(5));
    daemon.able = true;
    daemon.lap(); // Claims.
    daemon.lap(); // Collects the result.
    assertThat(daemon.leads()).isTrue();
  }

  @Test
  void theLoopIsWokenForNewsAndNotForRenewals() {
    Daemon first = new Daemon("seat 1", "life 1", "A");
    pass(Duration.ofSeconds(1));
    int before = first.wakes;
    assertThat(before).isPositive();
    pass(Duration.ofSeconds(10));
    assertThat(first.wakes).isEqualTo(before);
    Daemon second = new Daemon("seat 2", "life 2", "A");
    pass(Duration.ofSeconds(1));
    assertThat(second.wakes).isPositive();
  }

  @Test
  void aLeaderAsksEveryTwoSecondsAndAStandbyEverySecond() {
    Daemon first = new Daemon("seat 1", "life 1", "A");
    pass(Duration.ofSeconds(4));
    int before = keys.questions;
    pass(Duration.ofSeconds(10));
    assertThat(keys.questions - before).isEqualTo(5);
    daemons.remove(first);
    Daemon second = new Daemon("seat 2", "life 2", "A");
    before = keys.questions;
    pass(Duration.ofSeconds(3));
    assertThat(keys.questions - before).isEqualTo(3);
    assertThat(second.leads()).isFalse();
  }
}
