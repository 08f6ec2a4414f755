package ai.seedcore.serve.daemon.decide;

import static org.assertj.core.api.Assertions.assertThat;

import ai.seedcore.serve.daemon.observe.Serve;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** When a deployed Python application is another than the declared one. */
class DesiredPythonTest {

  private static final String CONFIG =
      "{\"name\": \"P\", \"import_path\": \"a:b\", \"deployments\": [{\"name\": \"D\", \"x\": 2}]}";

  private final DesiredPython desired =
      new DesiredPython("P", "/p", "v1", (ObjectNode) JsonMapper.shared().readTree(CONFIG));

  @Test
  void itsVersionTells() {
    assertThat(desired.difference(app(null, CONFIG), false).orElseThrow())
        .contains("another client");
    assertThat(desired.difference(app("v0", CONFIG), true).orElseThrow()).contains("version v0");
  }

  @Test
  void whatWasSubmittedTellsInAnyFormOfItsNumbers() {
    assertThat(desired.difference(app("v1", CONFIG), false)).isEmpty();
    assertThat(desired.difference(app("v1", CONFIG.replace("2", "2.0")), false)).isEmpty();
    assertThat(desired.difference(app("v1", CONFIG.replace("2", "3")), false)).isPresent();
    assertThat(desired.difference(app("v1", "{\"name\": \"P\"}"), false)).isPresent();
  }

  @Test
  void whatThisDaemonSubmittedIsTakenForTheSame() {
    assertThat(desired.difference(app("v1", CONFIG.replace("2", "3")), true)).isEmpty();
  }

  private static Serve.Application app(@Nullable String version, String submitted) {
    JsonNode none = JsonMapper.shared().missingNode();
    JsonNode config = JsonMapper.shared().readTree(submitted);
    return new Serve.Application("RUNNING", "", version, "/p", 1, Set.of(), none, config);
  }
}
