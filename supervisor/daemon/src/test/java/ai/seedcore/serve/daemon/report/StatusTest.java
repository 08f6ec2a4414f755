package ai.seedcore.serve.daemon.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.seedcore.serve.daemon.status.Statuses;
import java.util.Locale;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** What the daemon writes is what its commands read. */
class StatusTest {

  static Stream<Status> statuses() {
    return Stream.of(Statuses.serving(), Statuses.recovering(), Statuses.servedBy("a", "b"));
  }

  @ParameterizedTest
  @MethodSource("statuses")
  void aStatusComesBackAsItWas(Status status) {
    assertThat(Status.read(status.json())).isEqualTo(status);
  }

  @Test
  void itsKeysAreInSnakeCaseAndItsFormIsNumbered() {
    JsonNode json = JsonMapper.shared().readTree(Statuses.recovering().json());
    assertThat(json.path("schema").asInt()).isEqualTo(Status.SCHEMA);
    assertThat(json.propertyNames()).allMatch(name -> name.equals(name.toLowerCase(Locale.ROOT)));
    assertThat(json.path("action").asString()).isEqualTo("Deploy[name=B]");
    assertThat(json.has("past")).isTrue();
    assertThat(JsonMapper.shared().readTree(Statuses.recovering().jsonWithoutPast()).has("past"))
        .isFalse();
  }

  @Test
  void whatALaterDaemonAddsIsPassedOver() {
    String more = Statuses.serving().json().replaceFirst("\\{", "{\"added\":[1],");
    assertThat(Status.read(more)).isEqualTo(Statuses.serving());
  }

  @Test
  void anotherFormAndAnythingElseIsRefusedInWords() {
    String other = Statuses.serving().json().replaceFirst("\"schema\":1", "\"schema\":2");
    assertThatThrownBy(() -> Status.read(other)).hasMessageContaining("has status schema 2");
    assertThatThrownBy(() -> Status.read("<html>")).hasMessageContaining("not a status document");
    assertThatThrownBy(() -> Status.read("{}")).hasMessageContaining("has status schema 0");
  }
}
