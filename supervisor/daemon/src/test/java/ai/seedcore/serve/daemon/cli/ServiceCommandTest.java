package ai.seedcore.serve.daemon.cli;

import static org.assertj.core.api.Assertions.assertThat;

import ai.seedcore.serve.daemon.host.Installation;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

class ServiceCommandTest {

  @TempDir Path folder;
  private final StringWriter said = new StringWriter();

  @Test
  void installedAgainWhatIsTheUsersStays() throws Exception {
    Path jar = Files.writeString(folder.resolve("a.jar"), "one");
    install(jar);
    Path environment = folder.resolve("root/etc/seedcore/environment");
    assertThat(environment).content().contains("SEEDCORE_RAY=/opt/ray/bin/ray\n");
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(environment)))
        .isEqualTo("rw-------");
    Files.writeString(environment, "SEEDCORE_STATUS_TOKEN=secret\n");
    Files.writeString(jar, "two");
    install(jar);
    assertThat(environment).content().isEqualTo("SEEDCORE_STATUS_TOKEN=secret\n");
    assertThat(folder.resolve("root/opt/seedcore/seedcore-serve.jar")).hasContent("two");
    install(folder.resolve("root/opt/seedcore/seedcore-serve.jar"));
    assertThat(folder.resolve("root/opt/seedcore/seedcore-serve.jar")).hasContent("two");
    assertThat(new Installation(folder.resolve("root")).uninstall()).isNotEmpty();
    assertThat(folder.resolve("root/opt/seedcore")).doesNotExist();
    assertThat(environment).exists();
    assertThat(new Installation(folder.resolve("root")).uninstall()).isEmpty();
  }

  @Test
  void theUnitRunsAsWhoRunsRay() {
    assertThat(run("service", "unit", "--user", "ray")).isZero();
    assertThat(said.toString()).contains("User=ray\n", "Type=notify\n").doesNotContain("%USER%");
    assertThat(run("service", "unit", "--user", "ray\nExecStartPre=x")).isEqualTo(2);
    assertThat(said.toString()).contains("--user: found 'ray").contains("expected a user name");
  }

  @Test
  void whatIsMissingIsSaid() {
    String root = folder.toString();
    assertThat(run("service", "install", "--root", root, "--user", "ray", "--ray", root))
        .isEqualTo(2);
    assertThat(said.toString()).contains("ray: found " + root + ", expected the 'ray' command");
    assertThat(run("service")).isEqualTo(2);
    assertThat(said.toString()).contains("install", "uninstall", "unit");
  }

  private void install(Path jar) throws Exception {
    new Installation(folder.resolve("root"))
        .install(
            jar,
            Path.of("/usr/bin/java"),
            "ray",
            List.of("SEEDCORE_RAY=/opt/ray/bin/ray"),
            "complete");
  }

  private int run(String... arguments) {
    CommandLine line = SeedCore.commandLine();
    line.setOut(new PrintWriter(said, true));
    line.setErr(new PrintWriter(said, true));
    return line.execute(arguments);
  }
}
