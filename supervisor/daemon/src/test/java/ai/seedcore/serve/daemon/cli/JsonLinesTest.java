package ai.seedcore.serve.daemon.cli;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.spi.LoggingEvent;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.slf4j.event.KeyValuePair;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class JsonLinesTest {

  @Test
  void aLineIsOneObjectWithItsKeysBesideEachOther() {
    LoggingEvent event =
        new LoggingEvent(
            "f",
            new LoggerContext().getLogger("l"),
            Level.WARN,
            "two\nlines",
            new IllegalStateException("broken"),
            null);
    event.setKeyValuePairs(
        List.of(new KeyValuePair("state", "SERVING"), new KeyValuePair("recovered_s", 7.5)));
    String text = new String(new JsonLines().encode(event), StandardCharsets.UTF_8);
    assertThat(text).endsWith("\n");
    assertThat(text.strip()).doesNotContain("\n");
    JsonNode line = JsonMapper.shared().readTree(text);
    assertThat(line.path("level").asString()).isEqualTo("warn");
    assertThat(line.path("message").asString()).isEqualTo("two\nlines");
    assertThat(line.path("state").asString()).isEqualTo("SERVING");
    assertThat(line.path("recovered_s").asDouble()).isEqualTo(7.5);
    assertThat(line.path("error").asString()).contains("broken");
  }
}
