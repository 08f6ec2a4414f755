package ai.seedcore.serve.daemon.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.seedcore.serve.daemon.config.DeclaredApplication;
import ai.seedcore.serve.daemon.config.Objectives;
import ai.seedcore.serve.door.DoorStatus;
import ai.seedcore.serve.door.Histogram;
import java.time.Duration;
import java.time.Instant;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.PropertyNamingStrategies;
import tools.jackson.databind.json.JsonMapper;

/** How much of an error budget is left, by hand-made counts. */
class BudgetsTest {

  private static final Instant START = Instant.parse("2026-01-01T12:00:00Z");
  private static final Objectives BOTH = new Objectives(0.99, new Objectives.Latency(0.25, 0.9));

  private final Budgets budgets = new Budgets();

  private static List<DeclaredApplication> declared(String objectives) {
    return List.of(
        JsonMapper.builder()
            .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
            .build()
            .readValue(
                "{\"name\":\"A\",\"class\":\"a.A\"%s}".formatted(objectives),
                DeclaredApplication.class));
  }

  private static final List<DeclaredApplication> DECLARED =
      declared(
          ",\"objectives\":{\"availability\":0.99,\"latency\":{\"within_s\":0.25,\"share\":0.9}}");

  private static DoorStatus door(long requests, long failed, long late) {
    Histogram latency = new Histogram(List.of(requests), 1, Collections.singletonList(null));
    return new DoorStatus(
        "",
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        Map.of(),
        List.of(),
        List.of(new DoorStatus.Timing("A", failed, late, latency, latency)),
        Map.of(),
        List.of(),
        List.of(),
        Map.of());
  }

  private Status.ObjectiveStatus availability(Instant now) {
    return budgets.of("A", BOTH, now).get(0);
  }

  private Status.ObjectiveStatus latency(Instant now) {
    return budgets.of("A", BOTH, now).get(1);
  }

  @Test
  void aBudgetIsWholeBeforeTheFirstRequest() {
    assertThat(availability(START))
        .isEqualTo(new Status.ObjectiveStatus("availability", 0.99, null, 0, 0, 1, null));
  }

  @Test
  void failuresAndLateResponsesSpendTheirOwnBudgets() {
    budgets.count(DECLARED, door(1_000, 4, 10), START);
    assertThat(availability(START).budgetLeft()).isCloseTo(0.6, within(1e-9));
    assertThat(latency(START).requests()).isEqualTo(996);
    assertThat(latency(START).budgetLeft()).isCloseTo(1 - 10 / 99.6, within(1e-9));
    // The door's counts grow, and each request is counted once.
    budgets.count(DECLARED, door(1_000, 4, 10), START.plusSeconds(1));
    budgets.count(DECLARED, door(2_000, 40, 10), START.plusSeconds(2));
    assertThat(availability(START).requests()).isEqualTo(2_000);
    assertThat(availability(START).budgetLeft()).isCloseTo(-1, within(1e-9));
  }

  @Test
  void whatIsOlderThanThirtyDaysIsForgotten() {
    budgets.count(DECLARED, door(1_000, 10, 0), START);
    budgets.count(DECLARED, door(2_000, 10, 0), START.plus(Duration.ofDays(20)));
    Instant later = START.plus(Duration.ofDays(29));
    assertThat(availability(later).missed()).isEqualTo(10);
    assertThat(availability(later).since()).isEqualTo("2026-01-01T12:00:00Z");
    later = START.plus(Duration.ofDays(31));
    assertThat(availability(later).missed()).isZero();
    assertThat(availability(later).requests()).isEqualTo(1_000);
    budgets.count(DECLARED, door(2_001, 10, 0), later);
    assertThat(budgets.kept(later).get("A availability")).hasSize(2);
  }

  @Test
  void countsComeBackAndThoseOfAnotherLimitDoNotCount() {
    budgets.count(DECLARED, door(1_000, 5, 50), START);
    Budgets next = new Budgets();
    next.restore(budgets.kept(START));
    next.count(DECLARED, door(10, 0, 0), START.plusSeconds(60));
    assertThat(next.of("A", BOTH, START).get(0).requests()).isEqualTo(1_010);
    Objectives stricter = new Objectives(null, new Objectives.Latency(0.1, 0.9));
    assertThat(next.of("A", stricter, START).get(0).requests()).isZero();
    assertThat(next.kept(START.plus(Duration.ofDays(31)))).isEmpty();
  }

  @Test
  void nothingIsCountedWithoutAnObjectiveOrADoor() {
    budgets.count(declared(""), door(1_000, 5, 50), START);
    budgets.count(DECLARED, null, START);
    assertThat(budgets.kept(START)).isEmpty();
    assertThat(budgets.of("A", Objectives.NONE, START)).isEmpty();
    // An objective concerns what comes after its declaration.
    budgets.count(DECLARED, door(1_010, 6, 50), START);
    assertThat(availability(START).requests()).isEqualTo(10);
    assertThat(availability(START).missed()).isEqualTo(1);
  }
}
