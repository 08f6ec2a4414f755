package ai.seedcore.serve.protocol;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.core.JacksonException;

class WireTest {

  @Test
  void decodesRequestFromOneLine() {
    Request.Deploy deploy =
        new Request.Deploy(
            7,
            new Application(
                "Echo",
                "org.example.Echo",
                "/Echo",
                "v1",
                null,
                new Application.Autoscaling(1, 3, 2, 30, 5.0, 10, 30),
                100,
                "[\"two\\nlines\",\n1]",
                "{\"threshold\":0.5}",
                new Application.Lifecycle(5, 10, 2, 20),
                Map.of("num_cpus", 0.1)),
            true);
    String line = Wire.line(deploy);
    assertThat(line).doesNotContain("\n").contains("\"op\":\"deploy\"");
    assertThat(Wire.request(line)).isEqualTo(deploy);
  }

  @Test
  void decodesReply() {
    Reply.Serve reply = new Reply.Serve(3, true, true, false, true, 8000);
    assertThat(Wire.reply(Wire.line(reply))).isEqualTo(reply);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "null x",
        "[]",
        "{}",
        "{\"reply\":\"warm\"",
        "{\"reply\":\"unknown\",\"id\":1}"
      })
  void rejectsInvalidReply(String line) {
    assertThatThrownBy(() -> Wire.reply(line)).isInstanceOf(JacksonException.class);
  }
}
