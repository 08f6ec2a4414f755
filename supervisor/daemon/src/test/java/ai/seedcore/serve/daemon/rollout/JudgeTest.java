package ai.seedcore.serve.daemon.rollout;

import static org.assertj.core.api.Assertions.assertThat;

import ai.seedcore.serve.daemon.config.Upgrade;
import ai.seedcore.serve.daemon.rollout.Verdict.Outcome;
import ai.seedcore.serve.door.DoorStatus.Comparison;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class JudgeTest {

  private static final Upgrade LIMITS = Upgrade.DEFAULT;

  /** Watched seconds, offered, compared, worse, the two medians in ms, and what comes of it. */
  @ParameterizedTest
  @CsvSource({
    // Nobody sends requests.
    "1.9, 0, 0, 0, 0, 0, OPEN",
    "2.0, 0, 0, 0, 0, 0, PASSED",
    // Enough were compared.
    "1.0, 50, 49, 0, 5, 5, OPEN",
    "1.0, 50, 50, 0, 5, 5, PASSED",
    // Few requests must do after a while.
    "9.9, 3, 3, 0, 5, 5, OPEN",
    "10, 3, 3, 0, 5, 5, PASSED",
    "10, 3, 3, 1, 5, 5, FAILED",
    // One of fifty may fail, by an accident.
    "5.0, 50, 50, 1, 5, 5, PASSED",
    "5.0, 50, 50, 2, 5, 5, FAILED",
    "1.0, 9, 9, 2, 5, 5, OPEN",
    "1.0, 9, 9, 3, 5, 5, FAILED",
    // Three times as slow, and what a new JVM may take longer.
    "5.0, 50, 50, 0, 5, 35, PASSED",
    "10, 9, 1, 0, 5, 200, PASSED",
    "10, 9, 1, 0, 5, 215, PASSED",
    // It may become faster: for half a minute, or ten times as many requests.
    "10, 9, 1, 0, 5, 215.1, OPEN",
    "29.9, 9, 3, 0, 5, 900, OPEN",
    "30, 9, 3, 0, 5, 900, FAILED",
    // The first ones only say that it was cold.
    "30, 9, 2, 0, 5, 900, PASSED",
    "5.0, 50, 50, 0, 5, 35.1, OPEN",
    "29.9, 499, 499, 0, 5, 35.1, OPEN",
    "29.9, 499, 499, 0, 5, 35, PASSED",
    "5.0, 500, 500, 0, 5, 35.1, FAILED",
    "30, 60, 60, 0, 5, 35.1, FAILED",
    "10, 9, 0, 0, 0, 0, PASSED",
  })
  void judges(
      double watched, long offered, int compared, int worse, double old, double fresh, Outcome as) {
    Verdict verdict =
        Judge.judge(
            "v2",
            new Comparison("v2", offered, compared, worse, old, fresh, "answers with status 500"),
            LIMITS,
            Duration.ofMillis(Math.round(watched * 1_000)));
    assertThat(verdict.outcome()).isEqualTo(as);
    assertThat(verdict.version()).isEqualTo("v2");
  }

  @Test
  void saysWhatIsWrong() {
    assertThat(failure(new Comparison("v2", 9, 9, 3, 5, 5, "answers with status 500: no table")))
        .isEqualTo(
            "fails at 3 of 9 requests that the version that serves answers: it answers with status"
                + " 500: no table");
    assertThat(failure(new Comparison("v2", 900, 500, 0, 1.25, 2_000.5, "")))
        .isEqualTo(
            "is too slow: it takes 2000.5 ms where the version that serves takes 1.3 ms (the"
                + " medians of the latest of the 500 requests)");
  }

  private static String failure(Comparison seen) {
    return Judge.judge("v2", seen, LIMITS, Duration.ofSeconds(5)).why();
  }

  @Test
  void passesWithoutADoorOrAComparison() {
    Upgrade none = new Upgrade(Upgrade.Order.AUTO, List.of(), 0, 0.1, 3.0);
    Comparison bad = new Comparison("v2", 9, 9, 9, 5, 5, "");
    assertThat(Judge.judge("v2", null, LIMITS, Duration.ZERO).outcome()).isEqualTo(Outcome.PASSED);
    assertThat(Judge.judge("v2", bad, none, Duration.ZERO).outcome()).isEqualTo(Outcome.PASSED);
  }
}
