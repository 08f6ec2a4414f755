package ai.seedcore.serve.daemon.driver;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Lines of a child that may print anything. */
class LinesTest {

  @Test
  void endlessLinesAreCutAndTheNextOnesRead() throws IOException {
    String text = "one\n" + "x".repeat(3 * Lines.LIMIT) + "\n\nlast";
    List<String> lines = new ArrayList<>();
    Lines.read(new ByteArrayInputStream(text.getBytes(StandardCharsets.UTF_8)), lines::add);
    assertThat(lines).hasSize(4).startsWith("one").endsWith("", "last");
    assertThat(lines.get(1)).hasSize(Lines.LIMIT);
  }
}
