package ai.seedcore.serve.daemon.decide;

import static org.assertj.core.api.Assertions.assertThat;

import ai.seedcore.serve.daemon.observe.Capacity;
import ai.seedcore.serve.daemon.observe.Head;
import ai.seedcore.serve.daemon.observe.Identity;
import ai.seedcore.serve.daemon.observe.Observation;
import ai.seedcore.serve.daemon.observe.Route;
import ai.seedcore.serve.daemon.observe.Serve;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.node.MissingNode;

class StateTest {

  private static final Instant NOW = Instant.parse("2026-01-01T00:00:00Z");

  private State state = State.EMPTY;
  private String session = "session_1";
  private Serve serve = running(1);
  private boolean answers;

  @Test
  void remembersSinceWhenAnApplicationThatHadReplicasIsNotServed() {
    serve = running(0);
    assertThat(unserved(0)).isEmpty(); // It starts.
    serve = running(1);
    assertThat(unserved(1)).containsEntry("A", NOW.plusSeconds(1));
    serve = running(0); // Its replicas die, and start, again and again.
    assertThat(unserved(2)).containsEntry("A", NOW.plusSeconds(1));
    serve = running(1);
    assertThat(unserved(3)).containsEntry("A", NOW.plusSeconds(1));
    answers = true;
    assertThat(unserved(4)).isEmpty();
  }

  @Test
  void aRouteThatIsServedCountsWhileTheApplicationsAreUnknown() {
    assertThat(unserved(0)).containsOnlyKeys("A");
    serve = new Serve.Opaque("c", "the dashboard does not answer");
    assertThat(unserved(1)).containsOnlyKeys("A");
    answers = true;
    assertThat(unserved(2)).isEmpty();
    answers = false;
    assertThat(unserved(3)).isEmpty();
  }

  @Test
  void forgetsApplicationsThatAreGoneAndOtherSessions() {
    assertThat(unserved(0)).containsOnlyKeys("A");
    session = "session_2";
    assertThat(unserved(1)).containsEntry("A", NOW.plusSeconds(1));
    serve = new Serve.Running("c", Map.of(), Instant.MAX);
    assertThat(unserved(2)).isEmpty();
  }

  private Map<String, Instant> unserved(int seconds) {
    Instant now = NOW.plusSeconds(seconds);
    state =
        state.seen(
            new Observation(
                new Head.Up(new Identity(session, "head1"), "2.60.0", "127.0.0.1", Set.of()),
                serve,
                Set.of("A"),
                Map.of("A", new Route(answers, answers ? "" : "fails", 3, now, false)),
                List.of(),
                Map.of(),
                Capacity.UNKNOWN,
                null,
                Map.of(),
                true,
                false),
            now);
    return state.unserved();
  }

  private static Serve running(int replicas) {
    return new Serve.Running(
        "c",
        Map.of(
            "A",
            new Serve.Application(
                "RUNNING", "", "v1", "/A", replicas, Set.of(), MissingNode.getInstance())),
        Instant.MAX);
  }
}
