package ai.seedcore.serve.daemon.decide;

import static org.assertj.core.api.Assertions.assertThat;

import ai.seedcore.serve.daemon.observe.Capacity;
import ai.seedcore.serve.daemon.observe.Head;
import ai.seedcore.serve.daemon.observe.Identity;
import ai.seedcore.serve.daemon.observe.Observation;
import ai.seedcore.serve.daemon.observe.Orphan;
import ai.seedcore.serve.daemon.observe.Route;
import ai.seedcore.serve.daemon.observe.Serve;
import ai.seedcore.serve.daemon.rollout.Versions;
import ai.seedcore.serve.protocol.Application;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** The decision table: what is seen, and what is done about it. */
class ReconcilerTest {

  private static final Instant NOW = Instant.parse("2026-01-01T00:00:00Z");
  private static final String SESSION = "session_1";
  private static final State.Ensured FOUND = new State.Ensured(false, true, null);
  private static final Identity LIFE = new Identity(SESSION, "head1");
  private static final JsonNode CONFIG =
      JsonMapper.shared()
          .readTree(
              """
              {"num_replicas": 1, "max_ongoing_requests": 100, "user_config": {"json": "{}"},
               "health_check_period_s": 5.0, "health_check_timeout_s": 10.0,
               "graceful_shutdown_wait_loop_s": 2.0, "graceful_shutdown_timeout_s": 20.0}
              """);

  private final Reconciler reconciler =
      new Reconciler(List.of(desired("A"), desired("B")), Set.of());
  private State state =
      State.EMPTY
          .seen(up(new Serve.Unknown("not asked"), Map.of()), NOW)
          .withVersions(new Versions(Map.of("A", good("A"), "B", good("B"))));
  private Role role = new Role.Leads();
  private DriverView driver = driver(DriverView.Phase.WARM, null, null);
  private WorkView work = WorkView.FREE;
  private NodeView node = new NodeView(NodeView.Kind.NONE, null, false, Instant.MIN, null, false);

  @Test
  void aHeadThatIsAwayIsWaitedForWithADriverThatGetsWarm() {
    Observation seen =
        new Observation(new Head.Down("refuses"), new Serve.Unknown(""), null, Map.of(), true);
    driver = driver(DriverView.Phase.ABSENT, null, null);
    assertThat(decide(seen))
        .isEqualTo(
            new Decision(
                Phase.WAITING,
                new Action.StartDriver(),
                Cause.HEAD_DOWN,
                "refuses",
                Reconciler.AWAY));
    driver = driver(DriverView.Phase.WARM, null, null);
    assertThat(decide(seen).action()).isEqualTo(new Action.Rest());
  }

  @Test
  void whatRunsIsLeftAlone() {
    Observation seen = up(running(app("RUNNING", "v1"), app("RUNNING", "v1")), answering());
    assertThat(decide(seen))
        .isEqualTo(
            new Decision(
                Phase.SERVING,
                new Action.Rest(),
                Cause.ALL_WELL,
                "all declared routes answer",
                Reconciler.AT_REST));
  }

  @Test
  void whatCouldNotBeAskedIsUnknownNotMissing() {
    Decision decision = decide(up(new Serve.Unknown("status 500"), Map.of()));
    assertThat(decision.action()).isEqualTo(new Action.Rest());
    assertThat(decision.phase()).isEqualTo(Phase.RECOVERING);
    assertThat(decision.reason()).contains("unknown").contains("status 500");
  }

  @Test
  void slowStartUpIsWaitedFor() {
    Serve.Application slow =
        new Serve.Application("DEPLOYING", "", "v1", "/A", 0, Set.of(), CONFIG);
    Observation seen = up(running(slow, app("RUNNING", "v1")), answering());
    for (int minutes = 0; minutes < 60; minutes++) {
      Decision decision = decide(seen, NOW.plusSeconds(60L * minutes));
      assertThat(decision.action()).isEqualTo(new Action.Rest());
      assertThat(decision.reason()).isEqualTo("A is DEPLOYING");
    }
  }

  @Test
  void aRouteThatDoesNotAnswerIsNotServing() {
    Map<String, Route> routes = new HashMap<>(answering());
    routes.put("B", new Route(false, "answers with status 500", 3, NOW, false));
    Decision decision = decide(up(running(app("RUNNING", "v1"), app("RUNNING", "v1")), routes));
    assertThat(decision.phase()).isEqualTo(Phase.RECOVERING);
    assertThat(decision.action()).isEqualTo(new Action.Rest());
    assertThat(decision.reason()).isEqualTo("B runs, but its route answers with status 500");
  }

  @Test
  void withoutServeTheWayIsConnectEnsureUploadDeploy() {
    Observation seen = up(new Serve.Absent(), Map.of());
    state = state.withUploaded(true);
    assertThat(decide(seen).action()).isEqualTo(new Action.Connect(SESSION, "127.0.0.1"));
    driver = driver(DriverView.Phase.CONNECTED, SESSION, null);
    assertThat(decide(seen).action()).isEqualTo(new Action.EnsureServe());
    seen = up(new Serve.Opaque("c", "no page yet"), Map.of());
    state =
        state.seen(seen, NOW).withEnsured(new State.Ensured(true, true, null)).withUploaded(false);
    assertThat(decide(seen).action()).isEqualTo(new Action.Upload());
    state = state.withUploaded(true);
    assertThat(decide(seen).action()).isEqualTo(new Action.Deploy("A"));
    state = state.withDeploy("A", NOW, NOW.plusSeconds(2));
    assertThat(decide(seen).action()).isEqualTo(new Action.Deploy("B"));
    state = state.withDeploy("B", NOW, NOW.plusSeconds(2));
    assertThat(decide(seen).action()).isEqualTo(new Action.Rest());
  }

  @Test
  void whileTheDriverIsBusyThereIsTimeToUpload() {
    driver = driver(DriverView.Phase.CONNECTED, SESSION, "EnsureServe");
    assertThat(decide(up(new Serve.Absent(), Map.of())).action()).isEqualTo(new Action.Upload());
    state = state.withUploaded(true);
    assertThat(decide(up(new Serve.Absent(), Map.of())).action()).isEqualTo(new Action.Rest());
  }

  @Test
  void onlyTheMissingOrChangedIsDeployed() {
    driver = driver(DriverView.Phase.CONNECTED, SESSION, null);
    state = state.withEnsured(FOUND).withUploaded(true);
    Map<String, Serve.Application> apps = new HashMap<>();
    apps.put("A", app("RUNNING", "v1"));
    Decision missing = decide(up(running("c", apps), answering()));
    assertThat(missing.action()).isEqualTo(new Action.Deploy("B"));
    assertThat(missing.reason()).isEqualTo("B is missing");
    apps.put("B", app("RUNNING", "v0"));
    Decision changed = decide(up(running("c", apps), answering()));
    assertThat(changed.action()).isEqualTo(new Action.Deploy("B"));
    assertThat(changed.reason()).isEqualTo("B has version v0, but version v1 is declared");
  }

  @Test
  void theNumberOfReplicasIsPartOfTheWish() {
    driver = driver(DriverView.Phase.CONNECTED, SESSION, null);
    state = state.withEnsured(FOUND).withUploaded(true);
    JsonNode three = JsonMapper.shared().readTree("{\"num_replicas\": 3}");
    Serve.Application changed =
        new Serve.Application("RUNNING", "", "v1", "/A", 3, Set.of(), three);
    assertThat(decide(up(running(changed, app("RUNNING", "v1")), answering())).reason())
        .isEqualTo("A has 3 replicas, but 1 are declared");
  }

  @Test
  void aChangedRouteIsAChange() {
    driver = driver(DriverView.Phase.CONNECTED, SESSION, null);
    state = state.withEnsured(FOUND).withUploaded(true);
    Serve.Application moved =
        new Serve.Application("RUNNING", "", "v1", "/old", 1, Set.of(), CONFIG);
    Decision decision = decide(up(running(moved, app("RUNNING", "v1")), answering()));
    assertThat(decision.action()).isEqualTo(new Action.Deploy("A"));
    assertThat(decision.reason()).isEqualTo("A has the route /old, but /A is declared");
  }

  @Test
  void aReportOfServeThatIsOlderThanADeploymentDoesNotDenyIt() {
    driver = driver(DriverView.Phase.CONNECTED, SESSION, null);
    state = state.withEnsured(FOUND).withUploaded(true).withDeploy("B", NOW, NOW.plusSeconds(2));
    Map<String, Serve.Application> apps = Map.of("A", app("RUNNING", "v1"));
    Serve.Running before = new Serve.Running("c", apps, NOW.minusMillis(1));
    Instant later = NOW.plusSeconds(60);
    assertThat(decide(up(before, answering()), later).phase()).isEqualTo(Phase.SERVING);
    Map<String, Route> others = Map.of("A", new Route(true, "", 3, NOW, false));
    assertThat(decide(up(before, others), later).reason())
        .isEqualTo("B was deployed, but the proxy does not answer for its route yet");
    Serve.Running since = new Serve.Running("c", apps, NOW);
    assertThat(decide(up(since, answering()), later).action()).isEqualTo(new Action.Deploy("B"));
  }

  @Test
  void aSubmissionGetsTenSecondsToShowUp() {
    driver = driver(DriverView.Phase.CONNECTED, SESSION, null);
    state = state.withEnsured(FOUND).withUploaded(true).withDeploy("B", NOW, NOW.plusSeconds(1));
    Observation seen = up(running("c", Map.of("A", app("RUNNING", "v1"))), answering());
    Serve.Running since =
        new Serve.Running("c", Map.of("A", app("RUNNING", "v1")), NOW.plusSeconds(1));
    assertThat(decide(up(since, answering()), NOW.plusMillis(9_999)).action())
        .isEqualTo(new Action.Rest());
    assertThat(decide(seen, NOW.plusSeconds(10)).action()).isEqualTo(new Action.Deploy("B"));
  }

  @Test
  void aFailedApplicationDoesNotHoldUpAMissingOne() {
    driver = driver(DriverView.Phase.CONNECTED, SESSION, null);
    state = state.withEnsured(FOUND).withUploaded(true);
    Serve.Application failed =
        new Serve.Application("DEPLOY_FAILED", "", "v1", "/A", 0, Set.of(), CONFIG);
    assertThat(decide(up(running("c", Map.of("A", failed)), Map.of())).action())
        .isEqualTo(new Action.Deploy("B"));
  }

  @Test
  void anotherControllerOfTheSameSessionIsLookedAtAnew() {
    driver = driver(DriverView.Phase.CONNECTED, SESSION, null);
    state = state.seen(up(running("c1", Map.of()), Map.of()), NOW);
    state = state.withEnsured(FOUND).withUploaded(true);
    assertThat(decide(up(running("c1", Map.of()), Map.of())).action())
        .isEqualTo(new Action.Deploy("A"));
    Observation another = up(running("c2", Map.of()), Map.of());
    state = state.seen(another, NOW);
    assertThat(decide(another).action()).isEqualTo(new Action.EnsureServe());
  }

  @Test
  void aServePageThatCannotBeReadIsNoReasonToCallServedRoutesUnserved() {
    assertThat(decide(up(new Serve.Opaque("c", "slow"), answering())).phase())
        .isEqualTo(Phase.SERVING);
    assertThat(decide(up(new Serve.Unknown("slow"), answering())).phase()).isEqualTo(Phase.SERVING);
    Map<String, Route> one = Map.of("A", new Route(true, "", 1, NOW, false));
    assertThat(decide(up(new Serve.Opaque("c", "slow"), one)).phase()).isEqualTo(Phase.RECOVERING);
  }

  @Test
  void inAServeThatWeStartedNothingRunsThatWeDidNotSubmit() {
    driver = driver(DriverView.Phase.CONNECTED, SESSION, null);
    Observation opaque = up(new Serve.Opaque("c", "no page yet"), Map.of());
    state = state.seen(opaque, NOW).withUploaded(true);
    assertThat(decide(opaque).action()).isEqualTo(new Action.EnsureServe());
    state = state.withEnsured(new State.Ensured(true, true, null));
    assertThat(decide(opaque).action()).isEqualTo(new Action.Deploy("A"));
    state = state.withDeploy("A", NOW, NOW).withDeploy("B", NOW, NOW);
    assertThat(decide(opaque).action()).isEqualTo(new Action.Rest());
  }

  @Test
  void whereNobodySaysWhatRunsTheProxyIsBelievedInTheEnd() {
    driver = driver(DriverView.Phase.CONNECTED, SESSION, null);
    Map<String, Route> one = Map.of("A", new Route(true, "", 1, NOW, false));
    Observation opaque = up(new Serve.Opaque("c", "refuses"), one);
    state = state.seen(opaque, NOW).withUploaded(true).withEnsured(FOUND);
    assertThat(decide(opaque, NOW.plusSeconds(14)).action()).isEqualTo(new Action.Rest());
    assertThat(decide(opaque, NOW.plusSeconds(16)).action()).isEqualTo(new Action.Deploy("B"));
    Observation silent =
        new Observation(opaque.head(), opaque.serve(), null, Map.of(), true); // No word of routes.
    assertThat(decide(silent, NOW.plusSeconds(99)).action()).isEqualTo(new Action.Rest());
  }

  @Test
  void whoStandsByWatchesWithAWarmDriverAndDoesNothing() {
    role = new Role.StandsBy("another daemon leads");
    Observation nothing = up(new Serve.Absent(), Map.of());
    Decision decision = decide(nothing);
    assertThat(decision.phase()).isEqualTo(Phase.STANDBY);
    assertThat(decision.action()).isEqualTo(new Action.Rest());
    driver = driver(DriverView.Phase.ABSENT, null, null);
    assertThat(decide(nothing).action()).isEqualTo(new Action.StartDriver());
    driver = driver(DriverView.Phase.CONNECTED, SESSION, null);
    assertThat(decide(nothing).action()).isEqualTo(new Action.EndDriver());
  }

  @Test
  void whileNobodyKnowsWhoLeadsNothingIsDone() {
    role = new Role.Undecided();
    driver = driver(DriverView.Phase.CONNECTED, SESSION, null);
    for (Serve serve :
        List.of(
            new Serve.Absent(),
            new Serve.Opaque("c", "no page"),
            running("c", Map.of("A", app("DEPLOY_FAILED", "v1"))))) {
      Observation seen = up(serve, Map.of());
      state = state.seen(seen, NOW);
      assertThat(decide(seen).action()).as(serve.toString()).isEqualTo(new Action.Rest());
      state = state.withEnsured(new State.Ensured(true, true, null));
      assertThat(decide(seen).action()).as(serve.toString()).isEqualTo(new Action.Rest());
    }
  }

  @Test
  void whatIsNoLongerWishedIsTakenDownOnceAllElseRuns() {
    Reconciler after = new Reconciler(List.of(desired("A")), Set.of("B"));
    driver = driver(DriverView.Phase.CONNECTED, SESSION, null);
    Observation seen = up(running(app("RUNNING", "v1"), app("RUNNING", "v1")), answering());
    assertThat(after.decide(new Situation(state, seen, role, driver, node, work, NOW)).action())
        .isEqualTo(new Action.Delete("B"));
    Observation others = up(running(app("RUNNING", "v1"), app("RUNNING", null)), answering());
    assertThat(after.decide(new Situation(state, others, role, driver, node, work, NOW)).phase())
        .isEqualTo(Phase.SERVING);
  }

  @Test
  void whatWasJustSubmittedIsGivenTimeAndThenTriedAgainWithBackoff() {
    driver = driver(DriverView.Phase.CONNECTED, SESSION, null);
    state = state.withEnsured(FOUND).withUploaded(true);
    state = state.withDeploy("B", NOW, NOW.plusSeconds(30));
    Observation seen = up(running("c", Map.of("A", app("RUNNING", "v1"))), answering());
    assertThat(decide(seen).action()).isEqualTo(new Action.Rest());
    Decision later = decide(seen, NOW.plusSeconds(20));
    assertThat(later.action()).isEqualTo(new Action.Rest());
    assertThat(later.reason()).contains("tried 1 times");
    assertThat(decide(seen, NOW.plusSeconds(31)).action()).isEqualTo(new Action.Deploy("B"));
  }

  @Test
  void aFailedDeploymentIsTakenDownAndSoSubmittedAnew() {
    driver = driver(DriverView.Phase.CONNECTED, SESSION, null);
    Serve.Application failed =
        new Serve.Application("DEPLOY_FAILED", "model is corrupt", "v1", "/A", 0, Set.of(), CONFIG);
    Decision decision = decide(up(running(failed, app("RUNNING", "v1")), answering()));
    assertThat(decision.action()).isEqualTo(new Action.Delete("A"));
    assertThat(decision.reason()).isEqualTo("A failed to deploy: model is corrupt");
    state = state.withDelay("A", NOW.plusSeconds(9));
    assertThat(decide(up(running(failed, app("RUNNING", "v1")), answering())).action())
        .isEqualTo(new Action.Rest());
  }

  @Test
  void aPythonApplicationThatFailedIsSubmittedAgainAndHoldsUpNoOther() {
    driver = driver(DriverView.Phase.CONNECTED, SESSION, null);
    state = state.withEnsured(FOUND).withUploaded(true);
    JsonNode config = JsonMapper.shared().readTree("{\"name\": \"P\"}");
    DesiredApplication python = new DesiredPython("P", "/P", "v1", (ObjectNode) config);
    Reconciler both = new Reconciler(List.of(desired("A"), python), Set.of());
    JsonNode none = JsonMapper.shared().missingNode();
    Serve.Running serve =
        running(
            "c",
            Map.of(
                "A",
                new Serve.Application("DEPLOY_FAILED", "corrupt", "v1", "/A", 0, Set.of(), CONFIG),
                "P",
                new Serve.Application(
                    "DEPLOY_FAILED", "no module", "v1", "/P", 2, Set.of(), none, config)));
    state = state.withDelay("A", NOW.plusSeconds(9));
    Situation now = new Situation(state, up(serve, answering()), role, driver, node, work, NOW);
    Decision decision = both.decide(now);
    assertThat(decision.action()).isEqualTo(new Action.Deploy("P"));
    assertThat(decision.reason())
        .isEqualTo("A failed to deploy: corrupt; P failed to deploy: no module");
  }

  @Test
  void aRefusalIsToldUntilTheNextAttempt() {
    driver = driver(DriverView.Phase.CONNECTED, SESSION, null);
    state =
        state
            .withEnsured(FOUND)
            .withUploaded(true)
            .withDeploy("B", NOW, NOW)
            .withRefusal("B", "args: found a text", NOW.plusSeconds(3));
    Serve.Running serve = running("c", Map.of("A", app("RUNNING", "v1")));
    Decision decision = decide(up(serve, answering()));
    assertThat(decision.action()).isEqualTo(new Action.Rest());
    assertThat(decision.reason()).endsWith("the last one was refused: args: found a text");
    assertThat(decide(up(serve, answering()), NOW.plusSeconds(3)).action())
        .isEqualTo(new Action.Deploy("B"));
  }

  @Test
  void aServeWithoutJavaIsReplacedIfAllThatItRunsCanBeDeployedAgain() {
    driver = driver(DriverView.Phase.CONNECTED, SESSION, null);
    State.Ensured foreign = new State.Ensured(false, false, "no Java.", true);
    state = state.withEnsured(foreign);
    JsonNode config = JsonMapper.shared().readTree("{\"name\": \"theirs\"}");
    Serve.Application restorable =
        new Serve.Application("RUNNING", "", null, "/t", 1, Set.of(), CONFIG, config);
    Serve.Running serve = running("c", Map.of("A", app("RUNNING", null), "theirs", restorable));
    Decision decision = decide(up(serve, Map.of()));
    assertThat(decision.action())
        .isEqualTo(new Action.ReplaceServe(Map.of("theirs", "{\"name\":\"theirs\"}")));
    assertThat(decision.phase()).isEqualTo(Phase.RECOVERING);

    Serve.Running more = running("c", Map.of("theirs", restorable, "byHand", app("RUNNING", null)));
    decision = decide(up(more, Map.of()));
    assertThat(decision.phase()).isEqualTo(Phase.BLOCKED);
    assertThat(decision.reason()).contains("could not deploy again: byHand");

    state = state.withEnsured(new State.Ensured(false, false, "no Java.", false));
    assertThat(decide(up(serve, Map.of())).phase()).isEqualTo(Phase.BLOCKED);
  }

  @Test
  void aFailedVersionIsNotTakenDownWhileAnEarlierOneServes() {
    driver = driver(DriverView.Phase.CONNECTED, SESSION, null);
    Serve.Application failed =
        new Serve.Application("DEPLOY_FAILED", "model is corrupt", "v1", "/A", 1, Set.of(), CONFIG);
    Decision decision = decide(up(running(failed, app("RUNNING", "v1")), answering()));
    assertThat(decision.action()).isEqualTo(new Action.Rest());
    assertThat(decision.reason())
        .contains("model is corrupt")
        .contains("running replicas are left alone: 1");
  }

  @Test
  void aReplicaThatServeHasForgottenIsEndedAfterAWhileByTheLeader() {
    driver = driver(DriverView.Phase.WARM, null, null);
    assertThat(decide(withOrphan(29)).phase()).isEqualTo(Phase.SERVING);
    Decision decision = decide(withOrphan(30));
    assertThat(decision.action()).isEqualTo(new Action.KillReplica("id", "SERVE_REPLICA::A#A#x"));
    assertThat(decision.cause()).isEqualTo(Cause.REPLICA_ORPHANED);
    // One that cannot be ended does not keep the daemon from its other work.
    state = state.withDelay("SERVE_REPLICA::A#A#x", NOW.plusSeconds(1));
    assertThat(decide(withOrphan(31)).phase()).isEqualTo(Phase.SERVING);
    assertThat(decide(withOrphan(32), NOW.plusSeconds(1)).action())
        .isInstanceOf(Action.KillReplica.class);
    role = new Role.Undecided();
    assertThat(decide(withOrphan(99), NOW.plusSeconds(2)).action())
        .isNotInstanceOf(Action.KillReplica.class);
  }

  private static Observation withOrphan(int seconds) {
    return new Observation(
        new Head.Up(LIFE, "2.39.0", "127.0.0.1", Set.of()),
        running(app("RUNNING", "v1"), app("RUNNING", "v1")),
        Set.of("A", "B"),
        answering(),
        List.of(
            new Orphan(
                "id",
                "SERVE_REPLICA::A#A#x",
                "A",
                1,
                "127.0.0.1",
                Map.of("CPU", 1.0),
                Duration.ofSeconds(seconds))),
        Map.of(),
        Capacity.UNKNOWN,
        null,
        Map.of(),
        true,
        false);
  }

  @Test
  void aRouteThatIsAtWorkIsServed() {
    driver = driver(DriverView.Phase.WARM, null, null);
    Map<String, Route> routes =
        Map.of(
            "A", new Route(true, "", 3, NOW, false),
            "B", new Route(false, "is busy", 9_000, NOW, true, 2));
    Observation busy = up(running(app("RUNNING", "v1"), app("RUNNING", "v1")), routes);
    assertThat(busy.allServe(List.of("A", "B"))).isTrue();
    assertThat(decide(busy).phase()).isEqualTo(Phase.SERVING);
    assertThat(decide(busy).reason()).contains("B is busy");
  }

  @Test
  void afterAMinuteItIsSaidWhatADeploymentWaitsFor() {
    driver = driver(DriverView.Phase.CONNECTED, SESSION, null);
    Serve.Application slow =
        new Serve.Application("DEPLOYING", "Serve's words", "v1", "/A", 0, Set.of(), CONFIG);
    for (int seconds : List.of(59, 60)) {
      Observation seen =
          new Observation(
              new Head.Up(LIFE, "2.39.0", "127.0.0.1", Set.of()),
              running(slow, app("RUNNING", "v1")),
              Set.of("B"),
              Map.of("B", new Route(true, "", 3, NOW, false)),
              List.of(),
              Map.of("A", Duration.ofSeconds(seconds)),
              Capacity.UNKNOWN,
              null,
              Map.of(),
              true,
              false);
      assertThat(decide(seen).reason())
          .contains(seconds < 60 ? "Serve's words" : "A is DEPLOYING for 60 s");
    }
  }

  @Test
  void changedWishesHaveServeAskedAnewAlsoRightAfterItsStart() {
    Observation opaque = up(new Serve.Opaque("c", "not asked"), Map.of());
    state = state.seen(opaque, NOW).withEnsured(new State.Ensured(true, true, null));
    assertThat(state.knowsServe(NOW)).isTrue();
    assertThat(state.withNewWishes().knowsServe(NOW)).isFalse();
  }

  @Test
  void anotherLifeOfTheClusterEndsTheDriverAndForgets() {
    state = state.withEnsured(FOUND).withUploaded(true).withDeploy("A", NOW, NOW);
    driver = driver(DriverView.Phase.CONNECTED, SESSION, null);
    Observation reborn =
        new Observation(
            new Head.Up(new Identity("session_2", null), "2.39.0", "127.0.0.1", Set.of()),
            new Serve.Absent(),
            null,
            Map.of(),
            true);
    state = state.seen(reborn, NOW);
    assertThat(state.uploaded()).isFalse();
    assertThat(state.deploys()).isEmpty();
    assertThat(decide(reborn).action()).isEqualTo(new Action.EndDriver());
    // The GCS says that nothing serves: no need to wait until the dashboard is able to.
    driver = driver(DriverView.Phase.WARM, null, null);
    state = state.withUploaded(true);
    assertThat(decide(reborn).action()).isEqualTo(new Action.Connect("session_2", "127.0.0.1"));
  }

  @Test
  void anotherHeadOfTheSameSessionMayServeWhatSurvived() {
    Observation other =
        new Observation(
            new Head.Up(new Identity(SESSION, "head2"), "2.39.0", "127.0.0.1", Set.of()),
            new Serve.Opaque("c", "not asked"),
            null,
            Map.of(),
            true);
    state = state.withUploaded(true).seen(other, NOW);
    assertThat(state.uploaded()).isFalse();
    state = state.withUploaded(true).withEnsured(FOUND);
    driver = driver(DriverView.Phase.CONNECTED, SESSION, null);
    assertThat(decide(other).action()).isEqualTo(new Action.Rest());
  }

  @Test
  void aServeThatCannotHostJavaBlocksWithTheRemedyUntilAnotherRuns() {
    state =
        state
            .seen(up(running("c1", Map.of()), Map.of()), NOW)
            .withEnsured(new State.Ensured(false, true, "no Java; serve shutdown"));
    driver = driver(DriverView.Phase.CONNECTED, SESSION, null);
    Decision blocked = decide(up(running("c1", Map.of()), Map.of()));
    assertThat(blocked.phase()).isEqualTo(Phase.BLOCKED);
    assertThat(blocked.reason()).contains("serve shutdown");
    Observation another = up(running("c2", Map.of()), Map.of());
    state = state.seen(another, NOW);
    assertThat(decide(another).action()).isEqualTo(new Action.EnsureServe());
  }

  @Test
  void anIdleConnectedDriverIsDismissedOnceAllIsServed() {
    driver = driver(DriverView.Phase.CONNECTED, SESSION, null);
    Observation seen = up(running(app("RUNNING", "v1"), app("RUNNING", "v1")), answering());
    assertThat(decide(seen).action()).isEqualTo(new Action.EndDriver());
  }

  @Test
  void withoutARayNodeOnThisMachineItSaysWhatIsMissing() {
    Observation seen =
        new Observation(
            new Head.Up(LIFE, "2.39.0", null, Set.of()), new Serve.Absent(), null, Map.of(), true);
    assertThat(decide(seen).reason()).contains("no Ray node").contains("--join");
  }

  @Test
  void aClusterOfAnotherVersionBlocksAndBothAreNamed() {
    Observation seen =
        new Observation(
            new Head.Up(LIFE, "2.40.0", "127.0.0.1", Set.of()),
            new Serve.Absent(),
            null,
            Map.of(),
            true);
    assertThat(decide(seen).phase()).isEqualTo(Phase.BLOCKED);
    assertThat(decide(seen).reason()).contains("2.40.0").contains("2.39.0");
  }

  @Test
  void ourOwnHeadIsStartedAndNotTwice() {
    Observation down =
        new Observation(new Head.Down("refuses"), new Serve.Unknown(""), null, Map.of(), true);
    node = new NodeView(NodeView.Kind.HEAD, null, false, Instant.MIN, null, false);
    assertThat(decide(down).action()).isEqualTo(new Action.StartNode());
    node = new NodeView(NodeView.Kind.HEAD, null, true, Instant.MIN, null, false);
    assertThat(decide(down).action()).isEqualTo(new Action.Rest());
    node = new NodeView(NodeView.Kind.HEAD, null, false, NOW.plusSeconds(5), null, false);
    assertThat(decide(down).action()).isEqualTo(new Action.Rest());
  }

  @Test
  void ourOwnNodeFollowsTheHeadIntoItsNextLife() {
    node = new NodeView(NodeView.Kind.WORKER, "session_0", false, Instant.MIN, null, false);
    Observation seen = up(running(app("RUNNING", "v1"), app("RUNNING", "v1")), answering());
    assertThat(decide(seen).action()).isEqualTo(new Action.StartNode());
    Observation early =
        new Observation(
            new Head.Up(new Identity(SESSION, null), "2.39.0", null, Set.of()),
            new Serve.Absent(),
            null,
            Map.of(),
            true);
    assertThat(decide(early).action()).isEqualTo(new Action.StartNode());
    node = new NodeView(NodeView.Kind.WORKER, "session_0", false, Instant.MIN, null, true);
    assertThat(decide(early).action()).isEqualTo(new Action.Rest());
    assertThat(decide(early).reason()).contains("its own node has not registered yet");
  }

  @Test
  void nothingIsDoneToAClusterWhoseGcsIsSilent() {
    node = new NodeView(NodeView.Kind.WORKER, "session_0", false, Instant.MIN, null, false);
    Observation seen = up(new Serve.Absent(), Map.of());
    assertThat(decide(seen).action()).isEqualTo(new Action.StartNode());
    Observation held = seen.hold();
    assertThat(decide(held).action()).isEqualTo(new Action.Rest());
    assertThat(decide(held).phase()).isEqualTo(Phase.WAITING);
    assertThat(decide(held).reason()).isEqualTo(decide(seen).reason());
    node = new NodeView(NodeView.Kind.NONE, null, false, Instant.MIN, null, false);
    driver = driver(DriverView.Phase.CONNECTED, SESSION, null);
    state = state.withUploaded(true);
    assertThat(decide(seen).action()).isInstanceOf(Action.EnsureServe.class);
    assertThat(decide(held).action()).isEqualTo(new Action.Rest());
  }

  @Test
  void workIsPutOffAfterFailuresButADriverIsStartedMeanwhile() {
    work = new WorkView(NOW.plusSeconds(1), Set.of(), false, true, false);
    Observation seen = up(new Serve.Absent(), Map.of());
    driver = driver(DriverView.Phase.ABSENT, null, null);
    assertThat(decide(seen).action()).isEqualTo(new Action.StartDriver());
    driver = driver(DriverView.Phase.WARM, null, null);
    assertThat(decide(seen).action()).isEqualTo(new Action.Rest());
    assertThat(decide(seen, NOW.plusSeconds(1)).action()).isInstanceOf(Action.Connect.class);
    driver = driver(DriverView.Phase.CONNECTED, SESSION, null);
    assertThat(decide(seen).action()).isEqualTo(new Action.Rest());
    assertThat(decide(seen).cause()).isEqualTo(Cause.SERVE_ABSENT);
    assertThat(decide(seen, NOW.plusSeconds(1)).action()).isEqualTo(new Action.EnsureServe());
  }

  @Test
  void anApplicationThatWasRedeployedTooOftenWaitsAndOthersDoNot() {
    driver = driver(DriverView.Phase.CONNECTED, SESSION, null);
    state =
        state
            .withEnsured(new State.Ensured(false, true, null))
            .withUploaded(true)
            .withDeploy("A", NOW.minusSeconds(60), NOW.minusSeconds(30));
    work = new WorkView(Instant.MIN, Set.of("A", "B"), false, false, false);
    Observation seen = up(running("c", Map.of()), Map.of());
    // The first submission in a life of the cluster is not counted.
    assertThat(decide(seen).action()).isEqualTo(new Action.Deploy("B"));
    state = state.withDeploy("B", NOW.minusSeconds(60), NOW.minusSeconds(30));
    assertThat(decide(seen).action()).isEqualTo(new Action.Rest());
    assertThat(decide(seen).reason()).endsWith("redeployed too often, waiting: A, B");
    work = new WorkView(Instant.MIN, Set.of("B"), false, false, false);
    assertThat(decide(seen).action()).isEqualTo(new Action.Deploy("A"));
  }

  @Test
  void onlyOneUploadRunsAtATime() {
    driver = driver(DriverView.Phase.CONNECTED, SESSION, null);
    state = state.withEnsured(new State.Ensured(false, true, null));
    Observation seen = up(running("c", Map.of()), Map.of());
    assertThat(decide(seen).action()).isEqualTo(new Action.Upload());
    work = new WorkView(Instant.MIN, Set.of(), true, false, false);
    assertThat(decide(seen).action()).isEqualTo(new Action.Rest());
  }

  @Test
  void packagesAreRenewedByTheLeaderWhileAllIsServed() {
    driver = driver(DriverView.Phase.WARM, null, null);
    Observation seen = up(running(app("RUNNING", "v1"), app("RUNNING", "v1")), answering());
    assertThat(decide(seen).action()).isEqualTo(new Action.Rest());
    work = new WorkView(Instant.MIN, Set.of(), false, true, false);
    assertThat(decide(seen).action()).isEqualTo(new Action.Upload());
    assertThat(decide(seen).phase()).isEqualTo(Phase.SERVING);
    role = new Role.StandsBy("another leads");
    assertThat(decide(seen).action()).isEqualTo(new Action.Rest());
    role = new Role.Leads();
    work = new WorkView(NOW.plusSeconds(1), Set.of(), false, true, false);
    assertThat(decide(seen).action()).isEqualTo(new Action.Rest());
    work = new WorkView(Instant.MIN, Set.of(), true, true, false);
    assertThat(decide(seen).action()).isEqualTo(new Action.Rest());
  }

  @Test
  void aForgottenReplicaMayFinishItsRequestsFirst() {
    Reconciler patient = new Reconciler(List.of(desired("A", 60), desired("B")), Set.of());
    driver = driver(DriverView.Phase.WARM, null, null);
    for (int seconds : List.of(30, 69, 70)) {
      Decision decision =
          patient.decide(new Situation(state, withOrphan(seconds), role, driver, node, work, NOW));
      assertThat(decision.action() instanceof Action.KillReplica)
          .as("after %d s", seconds)
          .isEqualTo(seconds >= 70);
    }
  }

  @Test
  void aNodeThatIsStartingIsNotStartedAgain() {
    Observation away =
        new Observation(new Head.Down("refuses"), new Serve.Unknown(""), null, Map.of(), true);
    node = new NodeView(NodeView.Kind.HEAD, null, false, Instant.MIN, null, false);
    Decision first = decide(away);
    assertThat(first.action()).isEqualTo(new Action.StartNode());
    node = new NodeView(NodeView.Kind.HEAD, null, true, Instant.MIN, null, false);
    Decision starting = decide(away);
    assertThat(starting.action()).isEqualTo(new Action.Rest());
    assertThat(starting.reason()).isNotEqualTo(first.reason()).contains("starting");
    node = new NodeView(NodeView.Kind.HEAD, null, false, NOW.plusSeconds(1), "no space", false);
    Decision failed = decide(away);
    assertThat(failed.action()).isEqualTo(new Action.Rest());
    assertThat(failed.reason()).isEqualTo("no space");
    assertThat(decide(away, NOW.plusSeconds(1)).action()).isEqualTo(new Action.StartNode());
  }

  @Test
  void nothingIsDoneToAClusterWhoseVersionIsUnknown() {
    driver = driver(DriverView.Phase.CONNECTED, SESSION, null);
    Observation seen =
        new Observation(
            new Head.Up(LIFE, Head.VERSION_UNKNOWN, "127.0.0.1", Set.of()),
            new Serve.Absent(),
            Set.of(),
            Map.of(),
            true);
    Decision decision = decide(seen);
    assertThat(decision.phase()).isEqualTo(Phase.RECOVERING);
    assertThat(decision.cause()).isEqualTo(Cause.VERSION);
    assertThat(decision.action()).isEqualTo(new Action.Rest());
  }

  @Test
  void newDeclarationsKeepWhatIsKnownOfServe() {
    state = state.withEnsured(new State.Ensured(true, true, "trouble")).withUploaded(true);
    State next = state.withDeploy("A", NOW, NOW).withNewWishes();
    assertThat(next.ensured()).isEqualTo(new State.Ensured(false, true, "trouble"));
    assertThat(next.uploaded()).isFalse();
    assertThat(next.wasSubmitted("A")).isFalse();
    assertThat(State.EMPTY.withNewWishes().ensured()).isNull();
  }

  private Decision decide(Observation seen) {
    return decide(seen, NOW);
  }

  private Decision decide(Observation seen, Instant now) {
    return reconciler.decide(new Situation(state, seen, role, driver, node, work, now));
  }

  private static Observation up(Serve serve, Map<String, Route> routes) {
    return new Observation(
        new Head.Up(LIFE, "2.39.0", "127.0.0.1", Set.of()), serve, routes.keySet(), routes, true);
  }

  private static Serve.Running running(Serve.Application a, Serve.Application b) {
    return running("c", Map.of("A", a, "B", b));
  }

  private static Serve.Running running(String controller, Map<String, Serve.Application> apps) {
    return new Serve.Running(controller, apps, Instant.MAX);
  }

  private static Map<String, Route> answering() {
    return Map.of("A", new Route(true, "", 3, NOW, false), "B", new Route(true, "", 3, NOW, false));
  }

  private static Serve.Application app(String status, @Nullable String version) {
    return new Serve.Application(status, "", version, null, 1, Set.of(), CONFIG);
  }

  private static DriverView driver(
      DriverView.Phase phase, @Nullable String session, @Nullable String busyWith) {
    return new DriverView(phase, session, busyWith, "2.39.0", Instant.MIN);
  }

  private static Versions.Known good(String name) {
    return new Versions.Known(((DesiredJava) desired(name)).application(), null);
  }

  private static DesiredApplication desired(String name) {
    return desired(name, 20);
  }

  private static DesiredApplication desired(String name, int gracefulShutdownSeconds) {
    return new DesiredJava(
        new Application(
            name,
            "C",
            "/" + name,
            "v1",
            1,
            null,
            100,
            "[]",
            "{}",
            new Application.Lifecycle(5, 10, 2, gracefulShutdownSeconds),
            Map.of()));
  }
}
