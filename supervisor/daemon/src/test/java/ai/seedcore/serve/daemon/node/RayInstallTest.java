package ai.seedcore.serve.daemon.node;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.seedcore.serve.base.ConfigException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Ray as the ways to install it lay it out. */
class RayInstallTest {

  @TempDir private Path folder;

  @ParameterizedTest
  @ValueSource(
      strings = {
        "lib/python3.11/site-packages",
        "lib64/python3.9/site-packages",
        "lib/python3/dist-packages",
      })
  void isFoundWhereItIs(String packages) throws IOException {
    Path command = install(packages, true);
    assertThat(RayInstall.find(command).version()).isEqualTo("2.40.1");
    assertThat(RayInstall.find(folder).jar()).exists();
  }

  @Test
  void oneWithoutItsJavaPartIsNamed() throws IOException {
    Path command = install("lib/python3.12/site-packages", false);
    assertThatThrownBy(() -> RayInstall.find(command))
        .isInstanceOf(ConfigException.class)
        .hasMessageContaining("found Ray 2.40.1 in")
        .hasMessageContaining("lacks Java support")
        .hasMessageContaining("pip install 'ray[serve]==2.40.1'");
  }

  @Test
  void aCommandThatIsNoneIsRefused() {
    assertThatThrownBy(() -> RayInstall.find(folder.resolve("nothing")))
        .hasMessageContaining("expected the 'ray' command");
  }

  private Path install(String packages, boolean java) throws IOException {
    Path command = Files.createDirectories(folder.resolve("bin")).resolve("ray");
    Files.writeString(command, "#!/usr/bin/python3\n");
    assertThat(command.toFile().setExecutable(true)).isTrue();
    Path ray = Files.createDirectories(folder.resolve(packages).resolve("ray"));
    Files.writeString(ray.resolve("_version.py"), "version = \"2.40.1\"\n");
    if (java) {
      Files.createFile(Files.createDirectories(ray.resolve("jars")).resolve("ray_dist.jar"));
    }
    return command;
  }
}
