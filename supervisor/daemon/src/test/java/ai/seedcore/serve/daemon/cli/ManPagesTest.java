package ai.seedcore.serve.daemon.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.asciidoctor.Asciidoctor;
import org.asciidoctor.Options;
import org.asciidoctor.SafeMode;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.codegen.docgen.manpage.ManPageGenerator;

/**
 * The manual's pages are those of the commands as they are. Where they are not, the right ones are
 * written into target/man, to be copied.
 */
class ManPagesTest {

  private static final Path KEPT = Path.of("src/main/resources/man");

  @TempDir private Path drafts;

  @Test
  void areThoseOfTheCommands() throws IOException {
    Path made = Files.createDirectories(Path.of("target/man"));
    assertThat(
            ManPageGenerator.generateManPage(
                drafts.toFile(),
                null,
                new boolean[0],
                true,
                SeedCore.commandLine().getCommandSpec()))
        .isZero();
    try (Asciidoctor asciidoctor = Asciidoctor.Factory.create();
        Stream<Path> pages = Files.list(drafts)) {
      for (Path page : pages.toList()) {
        // A date and a version would change what is otherwise the same.
        String text = Files.readString(page).replaceAll("(?m)^:(revdate|manversion):.*$", "");
        String name = page.getFileName().toString().replace(".adoc", ".1");
        String roff =
            asciidoctor.convert(
                text,
                Options.builder().backend("manpage").standalone(true).safe(SafeMode.SAFE).build());
        Files.writeString(
            made.resolve(name),
            roff.replaceAll("(?m)^\\.\\\\\" {2,}(Date|Generator):.*\n", "")
                .replaceAll("(?m)^(\\.TH \"[^\"]*\" \"1\") \"[^\"]*\"", "$1 \"\""));
      }
    }
    assertThat(read(KEPT)).as("copy target/man/* to " + KEPT).isEqualTo(read(made));
  }

  private static Map<String, String> read(Path folder) throws IOException {
    Map<String, String> texts = new TreeMap<>();
    if (Files.isDirectory(folder)) {
      try (Stream<Path> files = Files.list(folder)) {
        for (Path file : files.toList()) {
          texts.put(file.getFileName().toString(), Files.readString(file));
        }
      }
    }
    return texts;
  }
}
