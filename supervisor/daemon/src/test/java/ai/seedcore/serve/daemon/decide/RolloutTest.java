package ai.seedcore.serve.daemon.decide;

import static org.assertj.core.api.Assertions.assertThat;

import ai.seedcore.serve.daemon.config.Upgrade.Order;
import ai.seedcore.serve.daemon.observe.Capacity;
import ai.seedcore.serve.daemon.observe.Head;
import ai.seedcore.serve.daemon.observe.Identity;
import ai.seedcore.serve.daemon.observe.Observation;
import ai.seedcore.serve.daemon.observe.Route;
import ai.seedcore.serve.daemon.observe.Serve;
import ai.seedcore.serve.daemon.rollout.Verdict;
import ai.seedcore.serve.daemon.rollout.Versions;
import ai.seedcore.serve.daemon.rollout.Versions.Known;
import ai.seedcore.serve.daemon.rollout.Versions.Trial;
import ai.seedcore.serve.protocol.Application;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The part of the decision table that is about versions: v1 serves, and v2 is declared. */
class RolloutTest {

  private static final Instant NOW = Instant.parse("2026-01-01T00:00:00Z");
  private static final String SESSION = "session_1";
  private static final Known ACCEPTED_V1 = new Known(application("v1"), null);
  private static final Known ACCEPTED_V2 = new Known(application("v2"), null);
  private static final String TERMS = new DesiredJava(application("v2")).terms();
  private static final Known TRIAL = trial("v2", null);
  private static final Known REJECTED = trial("v2", "is slow");

  private Order order = Order.AUTO;
  private String limits = "";
  private String declared = "v2";
  private @Nullable Known known = ACCEPTED_V1;
  private boolean recorded = true;
  private String running = "v1";
  private String status = "RUNNING";
  private int replicas = 1;
  private boolean answers = true;
  private boolean completed = true;
  private Capacity capacity = Capacity.UNKNOWN;
  private @Nullable Verdict verdict;
  private Map<String, Instant> unserved = Map.of();
  private Role role = new Role.Leads();

  @Test
  void aNewVersionIsRecordedAsOnTrialAndThenSubmittedWhileTheOldOneServes() {
    Decision first = decide();
    assertThat(first.action()).isEqualTo(recording(TRIAL));
    assertThat(first.phase()).isEqualTo(Phase.SERVING);
    assertThat(first.reason()).isEqualTo("A has version v1, but version v2 is declared");
    known = TRIAL;
    Decision next = decide();
    assertThat(next.action()).isEqualTo(new Action.Deploy("A"));
    assertThat(next.phase()).isEqualTo(Phase.SERVING);
  }

  @Test
  void onTrialItWaitsForTheVerdict() {
    submitted();
    Decision decision = decide();
    assertThat(decision.action()).isEqualTo(new Action.Rest());
    assertThat(decision.phase()).isEqualTo(Phase.SERVING);
    assertThat(decision.cause()).isEqualTo(Cause.VERSION_ON_TRIAL);
    assertThat(decision.reason()).isEqualTo("A: version v2 is on trial beside version v1");
    verdict = new Verdict("v2", Verdict.Outcome.OPEN, "it starts");
    assertThat(decide().reason()).endsWith("beside version v1: it starts");
    verdict = new Verdict("v3", Verdict.Outcome.PASSED, "");
    assertThat(decide().action()).isEqualTo(new Action.Rest());
    verdict = new Verdict("v2", Verdict.Outcome.PASSED, "");
    assertThat(decide().action()).isEqualTo(recording(ACCEPTED_V2));
    role = new Role.Undecided();
    assertThat(decide().action()).isEqualTo(new Action.Rest());
  }

  @Test
  void anAcceptedVersionTakesOverWithoutBeingUnready() {
    known = ACCEPTED_V2;
    running = "v2";
    status = "DEPLOYING";
    Decision decision = decide();
    assertThat(decision.phase()).isEqualTo(Phase.SERVING);
    assertThat(decision.cause()).isEqualTo(Cause.VERSION_ON_TRIAL);
    status = "RUNNING";
    assertThat(decide().cause()).isEqualTo(Cause.ALL_WELL);
  }

  @Test
  void aVersionThatFailsIsRejectedAndThePreviousOneSubmittedAgain() {
    submitted();
    verdict = new Verdict("v2", Verdict.Outcome.FAILED, "is slow");
    assertThat(decide().action()).isEqualTo(recording(REJECTED));
    known = REJECTED;
    Decision back = decide();
    assertThat(back.action()).isEqualTo(new Action.Deploy("A", REJECTED.good()));
    assertThat(back.phase()).isEqualTo(Phase.SERVING);
    running = "v1";
    status = "RUNNING";
    Decision rest = decide();
    assertThat(rest.action()).isEqualTo(new Action.EndDriver());
    assertThat(rest.phase()).isEqualTo(Phase.SERVING);
    assertThat(rest.cause()).isEqualTo(Cause.VERSION_REJECTED);
    assertThat(rest.reason())
        .isEqualTo(
            "all declared routes answer; A: version v2 was rejected, and version v1 serves on: it"
                + " is slow");
  }

  @Test
  void aVersionThatDoesNotStartIsRejectedInServesWords() {
    submitted();
    status = "DEPLOY_FAILED";
    assertThat(decide().action())
        .isEqualTo(recording(trial("v2", "does not start: Serve's words")));
  }

  @Test
  void afterARejectionAnotherVersionIsTriedAtOnce() {
    known = REJECTED;
    declared = "v3";
    assertThat(decide().action()).isEqualTo(recording(trial("v3", null)));
    declared = "v1";
    assertThat(decide().action()).isEqualTo(recording(ACCEPTED_V1));
  }

  /** Until Serve's target is another one, only the record holds the version on trial back. */
  @Test
  void aChangeDuringATrialEndsTheTrialBeforeTheRecordChanges() {
    for (String next : List.of("v3", "v1")) {
      submitted();
      declared = next;
      Decision back = decide();
      assertThat(back.action()).isEqualTo(new Action.Deploy("A", TRIAL.good()));
      assertThat(back.phase()).isEqualTo(Phase.SERVING);
      running = "v1";
      status = "RUNNING";
      assertThat(decide().action())
          .isEqualTo(recording(next.equals("v1") ? ACCEPTED_V1 : trial("v3", null)));
    }
  }

  @Test
  void aRejectedVersionIsTriedAgainUnderOtherTerms() {
    known = REJECTED;
    limits = "more patience";
    String terms = new DesiredJava(application("v2"), order, limits).terms();
    assertThat(decide().action())
        .isEqualTo(recording(new Known(application("v1"), new Trial("v2", terms, null))));
  }

  /** Its replicas may just be unknown, after a restart of the controller. */
  @Test
  void aVersionOnTrialIsNotAcceptedBecauseNothingElseRuns() {
    submitted();
    replicas = 0;
    assertThat(decide().action()).isEqualTo(new Action.Rest());
    answers = false;
    Decision decision = decide();
    assertThat(decision.action()).isEqualTo(new Action.Deploy("A", TRIAL.good()));
    assertThat(decision.phase()).isEqualTo(Phase.RECOVERING);
  }

  @Test
  void ifTheGoodVersionFailsAsWellTheDeclaredOneIsDeployed() {
    for (Known before : List.of(TRIAL, REJECTED)) {
      known = before;
      running = "v1";
      status = "DEPLOY_FAILED";
      replicas = 0;
      answers = false;
      assertThat(decide().action()).isEqualTo(recording(ACCEPTED_V2));
    }
    known = ACCEPTED_V2;
    assertThat(decide().action()).isEqualTo(new Action.Deploy("A"));
  }

  @Test
  void aServeThatCannotHoldAVersionBackGetsTheDeclaredOne() {
    completed = false;
    for (Known before : List.of(TRIAL, REJECTED)) {
      known = before;
      assertThat(decide().action()).isEqualTo(recording(ACCEPTED_V2));
    }
  }

  @Test
  void aNewClusterGetsTheGoodVersionFirst() {
    answers = false;
    for (Known before : List.of(TRIAL, REJECTED)) {
      known = before;
      recorded = false;
      assertThat(decide(new Serve.Opaque("c", "no page yet")).action())
          .isEqualTo(recording(before));
      recorded = true;
      assertThat(decide(new Serve.Opaque("c", "no page yet")).action())
          .isEqualTo(new Action.Deploy("A", before.good()));
    }
    // And once that runs, the trial begins.
    known = TRIAL;
    status = "DEPLOYING";
    assertThat(decide().action()).isEqualTo(new Action.Rest());
    status = "RUNNING";
    assertThat(decide().action()).isEqualTo(new Action.Deploy("A"));
  }

  @Test
  void aLateResponseOfTheOldVersionDoesNotSpareTheNewOneItsTrial() {
    answers = false;
    assertThat(decide().action()).isEqualTo(recording(TRIAL));
    assertThat(decide().phase()).isEqualTo(Phase.RECOVERING);
    known = TRIAL;
    assertThat(decide().action()).isEqualTo(new Action.Deploy("A"));
    status = "UNHEALTHY"; // It has to come up again first.
    assertThat(decide().action()).isEqualTo(new Action.Rest());
  }

  @Test
  void whatHasFailedForLongIsReplacedWithoutATrial() {
    answers = false;
    unserved = Map.of("A", NOW.minus(Rollout.FAILED).plusMillis(1));
    assertThat(decide().action()).isEqualTo(recording(TRIAL));
    unserved = Map.of("A", NOW.minus(Rollout.FAILED));
    assertThat(decide().action()).isEqualTo(recording(ACCEPTED_V2));
    assertThat(decide().reason())
        .endsWith("is stopped first, because its route has not been served for 30 s");
    known = TRIAL; // A trial that has not begun.
    assertThat(decide().action()).isEqualTo(recording(ACCEPTED_V2));
    submitted(); // And one that has.
    assertThat(decide().action()).isEqualTo(recording(ACCEPTED_V2));
    replicas = 0; // What had failed is gone, too.
    assertThat(decide().action()).isEqualTo(recording(ACCEPTED_V2));
    answers = true;
    assertThat(decide().action()).isEqualTo(new Action.Rest());
  }

  @Test
  void anotherRouteCannotBeServedBesideTheOldOne() {
    known = new Known(withRoute("v1", "/before"), null);
    assertThat(decide().action()).isEqualTo(recording(ACCEPTED_V2));
    assertThat(decide().reason()).endsWith("is stopped first, because its route changes");
  }

  @Test
  void whatDoesNotRunIsReplacedWithoutATrial() {
    answers = true;
    replicas = 0;
    assertThat(decide().action()).isEqualTo(recording(ACCEPTED_V2));
    replicas = 1;
    known = null; // It is not known how to restore it.
    assertThat(decide().action()).isEqualTo(recording(ACCEPTED_V2));
    known = ACCEPTED_V1;
    running = "somebody else's";
    assertThat(decide().action()).isEqualTo(recording(ACCEPTED_V2));
    running = "v1";
    completed = false; // This Serve cannot hold a version back.
    assertThat(decide().action()).isEqualTo(recording(ACCEPTED_V2));
  }

  @Test
  void withoutRoomForBothTheUserDecides() {
    capacity =
        new Capacity(
            List.of(new Capacity.Node("n", Map.of("CPU", 4.0), Map.of("CPU", 0.4))), List.of());
    Decision decision = decide();
    assertThat(decision.action()).isEqualTo(recording(ACCEPTED_V2));
    assertThat(decision.reason())
        .endsWith(
            "the old version is stopped first, because no node has the resources for a replica of"
                + " each");
    order = Order.START_FIRST;
    assertThat(decide().action()).isEqualTo(recording(TRIAL));
    order = Order.STOP_FIRST;
    capacity = Capacity.UNKNOWN;
    assertThat(decide().action()).isEqualTo(recording(ACCEPTED_V2));
    assertThat(decide().reason()).endsWith("because upgrade.order is stop-first");
  }

  @Test
  void whatServesIsRecordedByTheLeader() {
    declared = "v1";
    known = null;
    assertThat(decide().action()).isEqualTo(recording(ACCEPTED_V1));
    assertThat(decide().phase()).isEqualTo(Phase.SERVING);
    role = new Role.StandsBy("another leads");
    assertThat(decide().action()).isEqualTo(new Action.EndDriver());
  }

  private void submitted() {
    known = TRIAL;
    running = "v2";
    status = "DEPLOYING";
  }

  private static Action recording(Known known) {
    return new Action.RecordVersions(new Versions(Map.of("A", known)));
  }

  private Decision decide() {
    return decide(
        new Serve.Running(
            "c",
            Map.of(
                "A",
                new Serve.Application(
                    status, "Serve's words", running, "/A", replicas, Set.of(), config())),
            Instant.MAX));
  }

  private Decision decide(Serve serve) {
    Map<String, Known> versions = new HashMap<>();
    if (known != null) {
      versions.put("A", known);
    }
    Observation seen =
        new Observation(
            new Head.Up(new Identity(SESSION, "head1"), "2.39.0", "127.0.0.1", Set.of()),
            serve,
            Set.of("A"),
            Map.of("A", new Route(answers, answers ? "" : "fails", 3, NOW, false)),
            List.of(),
            Map.of(),
            capacity,
            recorded ? new Versions(versions) : Versions.NONE,
            verdict == null ? Map.of() : Map.of("A", verdict),
            true,
            false);
    boolean opaque = serve instanceof Serve.Opaque;
    State state =
        new State(
                new Identity(SESSION, "head1"),
                "c",
                new State.Ensured(opaque, completed, null),
                null,
                true,
                Map.of(),
                new Versions(versions),
                recorded,
                unserved)
            .seen(seen, NOW);
    return new Reconciler(List.of(new DesiredJava(application(declared), order, limits)), Set.of())
        .decide(
            new Situation(
                state,
                seen,
                role,
                new DriverView(DriverView.Phase.CONNECTED, SESSION, null, "2.39.0", Instant.MIN),
                new NodeView(NodeView.Kind.NONE, null, false, Instant.MIN, null, false),
                WorkView.FREE,
                NOW));
  }

  private static JsonNode config() {
    return JsonMapper.shared()
        .readTree(
            """
            {"num_replicas": 1, "max_ongoing_requests": 100, "user_config": {"json": "{}"},
             "health_check_period_s": 5.0, "health_check_timeout_s": 10.0,
             "graceful_shutdown_wait_loop_s": 2.0, "graceful_shutdown_timeout_s": 20.0}
            """);
  }

  private static Known trial(String version, @Nullable String rejected) {
    return new Known(application("v1"), new Trial(version, TERMS, rejected));
  }

  private static Application application(String version) {
    return withRoute(version, "/A");
  }

  private static Application withRoute(String version, String route) {
    return new Application(
        "A",
        "C",
        route,
        version,
        1,
        null,
        100,
        "[]",
        "{}",
        new Application.Lifecycle(5, 10, 2, 20),
        Map.of("num_cpus", 0.5));
  }
}
