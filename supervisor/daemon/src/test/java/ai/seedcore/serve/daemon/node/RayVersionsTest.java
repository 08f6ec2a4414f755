package ai.seedcore.serve.daemon.node;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** That all files name the versions of Ray in pom.xml, and that all tests passed with both. */
class RayVersionsTest {

  private static final Path PAGE = Path.of("../../docs/ray-versions.md");
  private static final Path ROOT = Path.of("../..");
  private static final Path POM = ROOT.resolve("pom.xml");

  @Test
  void allPassesWithTheVersionThatWeBuildFor() throws IOException {
    List<List<String>> table = table();
    String version = found("<ray.version>(.+)</ray.version>", Files.readString(POM));
    assertThat(table.get(0)).contains(version);
    assertThat(column(table, version))
        .hasSizeGreaterThan(5)
        .allSatisfy(cell -> assertThat(cell).matches("([1-9][0-9]*) of \\1"));
  }

  /** These files cannot read the POM. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "docker/Dockerfile.ray",
        "docker/kubernetes/kuberay/raycluster.yaml",
        "docs/getting-started.md",
        "supervisor/cai/src/main/java/ai/seedcore/serve/cai/CaiCommand.java"
      })
  void everyFileNamesTheVersionThatWeBuildFor(String file) throws IOException {
    String version = found("<ray.version>(.+)</ray.version>", Files.readString(POM));
    Matcher named =
        Pattern.compile("\\b2\\.\\d+\\.\\d+\\b").matcher(Files.readString(ROOT.resolve(file)));
    assertThat(named.results().map(MatchResult::group)).isNotEmpty().containsOnly(version);
  }

  @Test
  void theReadmeNamesBothVersions() throws IOException {
    String pom = Files.readString(POM);
    Matcher named =
        Pattern.compile("\\b2\\.\\d+\\.\\d+\\b")
            .matcher(Files.readString(ROOT.resolve("README.md")));
    assertThat(named.results().map(MatchResult::group))
        .containsOnly(
            found("<ray.version>(.+)</ray.version>", pom),
            found("<ray.oldest.version>(.+)</ray.oldest.version>", pom));
  }

  @Test
  void allPassesWithTheOldestVersion() throws IOException {
    List<List<String>> table = table();
    String oldest = found("<ray.oldest.version>(.+)</ray.oldest.version>", Files.readString(POM));
    assertThat(column(table, oldest))
        .allSatisfy(cell -> assertThat(cell).matches("([1-9][0-9]*) of \\1"));
  }

  @Test
  void theImageInstallsTheVersionThatWeBuildFor() throws IOException {
    String version = found("<ray.version>(.+)</ray.version>", Files.readString(POM));
    assertThat(Files.readAllLines(ROOT.resolve("docker/requirements.txt")))
        .contains("ray==" + version);
  }

  @Test
  void everyVersionWasTriedInAllRows() throws IOException {
    List<List<String>> table = table();
    assertThat(table.get(0)).hasSizeGreaterThan(2);
    assertThat(table)
        .allSatisfy(
            row ->
                assertThat(row)
                    .hasSameSizeAs(table.get(0))
                    .noneMatch(cell -> cell.isBlank() || cell.equals("not run")));
  }

  /** The cells of the first table, the head first. */
  private static List<List<String>> table() throws IOException {
    try (Stream<String> lines = Files.lines(PAGE)) {
      return lines
          .dropWhile(line -> !line.startsWith("| what |"))
          .takeWhile(line -> line.startsWith("|"))
          .filter(line -> line.startsWith("| "))
          .map(RayVersionsTest::cells)
          .toList();
    }
  }

  private static List<String> cells(String line) {
    String inner = line.substring(1, line.lastIndexOf('|'));
    return Stream.of(inner.split("\\|", -1)).map(String::strip).toList();
  }

  private static List<String> column(List<List<String>> table, String version) {
    int at = table.get(0).indexOf(version);
    return table.stream().skip(1).map(row -> row.get(at)).toList();
  }

  private static String found(String pattern, String text) {
    Matcher match = Pattern.compile(pattern).matcher(text);
    assertThat(match.find()).as(pattern).isTrue();
    return match.group(1);
  }
}
