package ai.seedcore.serve.daemon.fuzz;

import static org.assertj.core.api.Assertions.assertThat;

import ai.seedcore.serve.daemon.config.ConfigFuzz;
import ai.seedcore.serve.daemon.observe.RepliesFuzz;
import ai.seedcore.serve.daemon.status.StatusFuzz;
import ai.seedcore.serve.door.DoorFuzz;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.Timeout;

/**
 * Every input that the fuzzer was given or has found worth keeping, once more: one that broke
 * something stays among them.
 */
@Timeout(120)
class CorpusTest {

  private static final Path CORPUS = Path.of("src/test/fuzz");

  private interface Target {
    void run(byte[] input) throws Exception;
  }

  private static final Map<String, Target> TARGETS =
      Map.of(
          "config", ConfigFuzz::fuzzerTestOneInput,
          "door", DoorFuzz::fuzzerTestOneInput,
          "replies", RepliesFuzz::fuzzerTestOneInput,
          "status", StatusFuzz::fuzzerTestOneInput);

  @TestFactory
  Stream<DynamicTest> harmless() throws IOException {
    assertThat(CORPUS).isDirectory();
    return TARGETS.entrySet().stream()
        .flatMap(
            target ->
                inputs(target.getKey()).stream()
                    .map(
                        input ->
                            DynamicTest.dynamicTest(
                                target.getKey() + "/" + input.getFileName(),
                                () -> target.getValue().run(Files.readAllBytes(input)))));
  }

  private static List<Path> inputs(String target) {
    try (Stream<Path> files = Files.list(CORPUS.resolve(target))) {
      return files.filter(Files::isRegularFile).sorted().toList();
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }
}
