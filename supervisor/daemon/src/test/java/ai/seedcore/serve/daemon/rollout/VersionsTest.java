package ai.seedcore.serve.daemon.rollout;

import static org.assertj.core.api.Assertions.assertThat;

import ai.seedcore.serve.daemon.rollout.Versions.Known;
import ai.seedcore.serve.daemon.rollout.Versions.Trial;
import ai.seedcore.serve.protocol.Application;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class VersionsTest {

  private static final Application APPLICATION =
      new Application(
          "A",
          "C",
          "/A",
          "v1",
          null,
          new Application.Autoscaling(0, 3, 1, 30, 600, 10, 30),
          100,
          "[{\"a\":1}]",
          "{}",
          new Application.Lifecycle(5, 10, 2, 20),
          Map.of(
              "num_cpus", 0.5, "memory", 512L << 20, "runtime_env", Map.of("a", Map.of("b", "c"))));

  /** Otherwise the daemon would record the same again and again. */
  @Test
  void whatIsReadEqualsWhatWasWritten() {
    Versions versions =
        new Versions(
            Map.of(
                "A", new Known(APPLICATION, null),
                "B", new Known(APPLICATION, new Trial("v2", "t", null)),
                "C", new Known(APPLICATION, new Trial("v2", "t", "is too slow"))));
    Versions read = Versions.parse(versions.text());
    assertThat(read).isEqualTo(versions);
    assertThat(read.held()).isEqualTo(Map.of("B", "v2", "C", "v2"));
    assertThat(read.onTrial()).isEqualTo(Map.of("B", "v2"));
    assertThat(read.of("B").tries("v2")).isTrue();
    assertThat(read.of("B").rejects("v2", "t")).isFalse();
    assertThat(read.of("C").rejects("v2", "t")).isTrue();
    assertThat(read.of("C").tries("v2")).isFalse();
    assertThat(read.of("C").rejects("v3", "t")).isFalse();
    assertThat(read.of("C").rejects("v2", "other")).isFalse();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"", "no JSON", "[]", "{\"A\": 1}", "{\"A\": {\"good\": {\"name\": 7}}}", "null"})
  void whatCannotBeReadIsNothing(String text) {
    assertThat(Versions.parse(text)).isEqualTo(Versions.NONE);
  }

  @Test
  void aLaterVersionOfThisProgramMayAddFields() {
    String text = new Versions(Map.of("A", new Known(APPLICATION, null))).text();
    assertThat(Versions.parse(text.replace("{\"good\"", "{\"more\":1,\"good\"")).of("A").good())
        .isEqualTo(Versions.parse(text).of("A").good());
  }
}
