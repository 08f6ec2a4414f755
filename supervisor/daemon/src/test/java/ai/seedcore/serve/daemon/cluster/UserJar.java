package ai.seedcore.serve.daemon.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.stream.Stream;
import javax.tools.ToolProvider;

/** A jar of a user's own, with one class of package {@code org.example}. */
final class UserJar {

  private UserJar() {}

  /** Compiles the class and packs it. */
  static void make(Path jar, String name, String source) throws IOException {
    Path work = Files.createTempDirectory(jar.getParent(), "classes");
    Path file = Files.writeString(work.resolve(name + ".java"), source);
    int result =
        ToolProvider.getSystemJavaCompiler()
            .run(null, null, null, "-d", work.toString(), file.toString());
    assertThat(result).isZero();
    try (JarOutputStream out = new JarOutputStream(Files.newOutputStream(jar));
        Stream<Path> classes = Files.list(work.resolve("org/example"))) {
      for (Path each : classes.sorted().toList()) {
        out.putNextEntry(new JarEntry("org/example/" + each.getFileName()));
        Files.copy(each, out);
      }
    }
  }
}
