package ai.seedcore.serve.daemon.report;

import static org.assertj.core.api.Assertions.assertThat;

import ai.seedcore.serve.daemon.decide.DesiredApplication;
import ai.seedcore.serve.daemon.decide.DesiredJava;
import ai.seedcore.serve.daemon.decide.DriverView;
import ai.seedcore.serve.daemon.decide.NodeView;
import ai.seedcore.serve.daemon.decide.Role;
import ai.seedcore.serve.daemon.decide.Situation;
import ai.seedcore.serve.daemon.decide.State;
import ai.seedcore.serve.daemon.decide.WorkView;
import ai.seedcore.serve.daemon.observe.Head;
import ai.seedcore.serve.daemon.observe.Identity;
import ai.seedcore.serve.daemon.observe.Observation;
import ai.seedcore.serve.daemon.observe.Route;
import ai.seedcore.serve.daemon.observe.Serve;
import ai.seedcore.serve.protocol.Application;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.json.JsonMapper;

/** What took which second, in a recovery as the loop sees it. */
class TimelineTest {

  private static final Instant ZERO = Instant.parse("2026-01-01T00:00:00Z");
  private static final List<DesiredApplication> APPS =
      List.of(
          new DesiredJava(
              new Application(
                  "A",
                  "C",
                  "/A",
                  "v1",
                  1,
                  null,
                  100,
                  "[]",
                  "{}",
                  new Application.Lifecycle(5, 10, 2, 20),
                  Map.of())));

  private final Timeline timeline = new Timeline();
  private State state = State.EMPTY;

  private void lap(double seconds, boolean connected, Head head, Serve serve, boolean answers) {
    Map<String, Route> routes =
        answers ? Map.of("A", new Route(true, "", 3, ZERO, false)) : Map.of();
    DriverView driver =
        new DriverView(
            connected ? DriverView.Phase.CONNECTED : DriverView.Phase.WARM,
            null,
            null,
            "2.39.0",
            Instant.MIN);
    timeline.lap(
        new Situation(
            state,
            new Observation(head, serve, Set.of(), routes, true),
            new Role.Leads(),
            driver,
            new NodeView(NodeView.Kind.NONE, null, false, Instant.MIN, null, false),
            WorkView.FREE,
            ZERO.plusMillis(Math.round(1_000 * seconds))),
        APPS,
        seconds == 3 ? new Status.UploadStatus("p", 1, 2) : null);
  }

  private static Serve serve(String status) {
    return new Serve.Running(
        "c",
        status.isEmpty()
            ? Map.of()
            : Map.of(
                "A",
                new Serve.Application(
                    status, "", "v1", null, 1, Set.of(), JsonMapper.shared().missingNode())),
        Instant.MAX);
  }

  @Test
  void eachStepHasItsSecondsFromTheHeadsFirstSignOfLife() {
    Head up = new Head.Up(new Identity("s", "h"), "2.39.0", "127.0.0.1", Set.of());
    Serve none = new Serve.Absent();
    lap(-4, false, new Head.Down("refuses"), new Serve.Unknown(""), false);
    lap(0, false, up, none, false);
    lap(1, true, up, none, false);
    lap(3, true, up, serve(""), false);
    lap(3.5, true, up, serve("DEPLOYING"), false);
    lap(5.25, true, up, serve("RUNNING"), false);
    lap(6, true, up, serve("RUNNING"), true);
    assertThat(timeline.end(ZERO, ZERO.plusSeconds(6)))
        .containsExactly(
            new Status.Step("the head is down", -4, 0),
            new Status.Step("the driver connects", 0, 1),
            new Status.Step("Serve starts", 1, 3),
            new Status.Step("a package is uploaded", 3, 3.5),
            new Status.Step("A is submitted", 3, 3.5),
            new Status.Step("A: replicas start", 3.5, 5.25),
            new Status.Step("A: the route is probed", 5.25, 6));
    assertThat(timeline.end(ZERO, ZERO)).isEmpty();
  }

  /** While the daemon starts what it has submitted, it does not ask the dashboard. */
  @Test
  void whatWasSubmittedStartsUntilItsRouteAnswers() {
    Head up = new Head.Up(new Identity("s", "h"), "2.39.0", "127.0.0.1", Set.of());
    Serve opaque = new Serve.Opaque("c", "not asked");
    // It was submitted to the Serve of the head that is down now.
    state = state.withDeploy("A", ZERO, ZERO);
    lap(-2, true, new Head.Down("refuses"), new Serve.Unknown(""), false);
    state = State.EMPTY;
    lap(1, true, up, opaque, false);
    state = state.withDeploy("A", ZERO, ZERO);
    lap(2, true, up, opaque, false);
    lap(5, true, up, opaque, true);
    assertThat(timeline.end(ZERO, ZERO.plusSeconds(6)))
        .containsExactly(
            new Status.Step("the head is down", -2, 1),
            new Status.Step("A is submitted", 1, 2),
            new Status.Step("A: replicas start", 2, 5));
  }

  @Test
  void aStepThatComesAgainIsOneStepAndOneThatLastsEndsNow() {
    Head up = new Head.Up(new Identity("s", "h"), "2.39.0", "127.0.0.1", Set.of());
    lap(1, true, up, serve("DEPLOYING"), false);
    lap(2, true, up, serve("RUNNING"), true);
    lap(4, true, up, serve("DEPLOYING"), false);
    assertThat(timeline.end(ZERO, ZERO.plusSeconds(9)))
        .containsExactly(new Status.Step("A: replicas start", 1, 9));
  }
}
