package ai.seedcore.serve.docker;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The head with a user id that the image does not know, as OpenShift assigns them. */
class AnyUserOverlayIT extends OverlayFixture {

  @BeforeAll
  static void apply() {
    begin("head, any user id", resource("anyuser"));
  }

  @Test
  void gcsKilled() throws IOException {
    assertThat(kube.exec("seedcore-head-0", "head", "id -u")).isEqualTo("1000680000");
    measure("the head's GCS killed (SIGKILL)", () -> kill("seedcore-head-0", "head", "gcs_server"));
  }
}
