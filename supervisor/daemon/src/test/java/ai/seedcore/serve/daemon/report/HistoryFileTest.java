package ai.seedcore.serve.daemon.report;

import static org.assertj.core.api.Assertions.assertThat;

import ai.seedcore.serve.daemon.host.MonotonicClock;
import ai.seedcore.serve.daemon.status.Statuses;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What one daemon keeps is what the next one begins with. */
class HistoryFileTest {

  @TempDir Path folder;

  private static HistoryFile.Kept kept(Status.Past past) {
    return new HistoryFile.Kept(
        Instant.parse("2026-01-01T13:00:00Z"),
        past,
        Map.of("A availability", List.of(new Budgets.Hour(490_000, 7, 1))));
  }

  @Test
  void whatIsWrittenIsReadAgain() {
    Path file = folder.resolve("new/history.json");
    HistoryFile.Kept state = kept(Statuses.serving().past());
    try (HistoryFile history = new HistoryFile(file)) {
      assertThat(history.read()).isEmpty();
      for (int i = 0; i < 100; i++) {
        history.write(kept(Statuses.recovering().past()));
      }
      history.write(state);
    }
    assertThat(new HistoryFile(file).read()).hasValue(state);
    assertThat(folder.resolve("new")).isDirectoryNotContaining("glob:**.next");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "{",
        "[]",
        "null",
        "{}",
        "{\"schema\":2}",
        "{\"schema\":1}",
        "{\"schema\":1,\"at\":\"2026-01-01T12:00:00Z\",\"past\":{},\"budgets\":{}}",
        "{\"schema\":1,\"at\":\"2026-01-01T12:00:00Z\",\"past\":{\"since\":\"2026-01-01T12:00:00Z\",\"recoveries\":[{}],\"outages\":[],\"events\":[]},\"budgets\":{}}"
      })
  void anUnreadableFileBeginsANewHistory(String content) throws IOException {
    Path file = Files.writeString(folder.resolve("history.json"), content);
    assertThat(new HistoryFile(file).read()).isEmpty();
  }

  @Test
  void aFolderThatCannotBeWrittenHurtsNobody() throws IOException {
    Path file = Files.writeString(folder.resolve("a file"), "").resolve("history.json");
    try (HistoryFile history = new HistoryFile(file)) {
      history.write(kept(Statuses.serving().past()));
    }
    assertThat(new HistoryFile(file).read()).isEmpty();
  }

  @Test
  void aDaemonThatTakesOverWasNotAway() {
    History history = new History(new MonotonicClock());
    history.restore(new HistoryFile.Kept(Instant.now(), Statuses.serving().past(), Map.of()));
    assertThat(history.past().outages())
        .extracting(Status.Outage::reason)
        .containsExactly("the daemon started", "the daemon started");
  }

  @Test
  void theTimeWithoutADaemonIsAnOutage() {
    History history = new History(new MonotonicClock());
    history.restore(kept(Statuses.recovering().past()));
    Status.Past past = history.past();
    assertThat(past.since()).isEqualTo(Statuses.recovering().past().since());
    assertThat(past.recovered()).isZero();
    assertThat(past.recoveries()).hasSize(1);
    assertThat(past.outages())
        .extracting(Status.Outage::reason)
        .containsExactly("the daemon started", "the daemon did not run", "the daemon started");
    assertThat(past.outages().get(0).seconds()).isEqualTo(3_600.0); // Until the last sign of life.
    assertThat(past.outages().get(2).seconds()).isNull();
  }
}
