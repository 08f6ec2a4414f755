package ai.seedcore.serve.docker;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Tests the scripts' error messages and their choice of an engine, without containers. */
class ScriptsTest {

  @TempDir Path folder;

  @ParameterizedTest
  @ValueSource(
      strings = {
        "start-cluster.sh",
        "ray-workers.sh",
        "sc-cmd.sh",
        "performance-monitor.sh",
        "wait_for_head.sh"
      })
  void printsHelp(String script) {
    Shell.Result help = Shell.script(script, "--help");
    assertThat(help.code()).isZero();
    assertThat(help.output()).contains("Usage: " + script);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "start-cluster.sh       | fly            | found 'fly', expected up, down, restart, status or logs",
        "start-cluster.sh       | up -1          | up: found '-1', expected an integer, 0 or more",
        "start-cluster.sh       | up 2x          | up: found '2x', expected an integer",
        "start-cluster.sh       | --timeout no   | --timeout: found 'no', expected an integer, 1 or more",
        "start-cluster.sh       | --timeout      | --timeout: found '', expected an integer, 1 or more",
        "start-cluster.sh       | down all       | down: found 'all', expected no arguments",
        "start-cluster.sh       | logs           | logs: expected head, workers or serve",
        "ray-workers.sh         | scale          | scale: expected a number",
        "ray-workers.sh         | scale many     | scale: found 'many', expected an integer",
        "sc-cmd.sh              | up-worker 0    | up-worker: found '0', expected an integer, 1 or more",
        "sc-cmd.sh              | scale_workers  | scale: expected a number",
        "performance-monitor.sh | measure        | found 'measure', expected startup, restart, stats or clear",
        "wait_for_head.sh       | head           | HOST:PORT: found 'head', expected an address such as seedcore-ray-head:6380",
      })
  void rejectsWrongArguments(String script, String arguments, String message) {
    Shell.Result result = Shell.script(script, arguments.split(" "));
    assertThat(result.output()).contains(message);
    assertThat(result.code()).isEqualTo(2);
  }

  @Test
  void reportsMissingEngine() {
    Shell.Result result =
        Shell.run(
            Map.of("SEEDCORE_ENGINE", "no-such-engine"), "./docker/start-cluster.sh", "status");
    assertThat(result.output()).contains("found no working container engine");
    assertThat(result.code()).isEqualTo(3);
  }

  @Test
  void ignoresEngineWithoutDaemon() throws IOException {
    program("docker", "exit 1");
    program("podman", "exit 0");
    program("podman-compose", "exit 0");
    Shell.Result result = lib("find_engine; echo \"$ENGINE with ${COMPOSE[*]}\"");
    assertThat(result.output()).isEqualToIgnoringWhitespace("podman with podman-compose");
  }

  @Test
  void waitEndsAtTimeout() {
    Shell.Result result = lib("TIMEOUT=1; wait_until 'waiting for nothing' false || echo over");
    assertThat(result.output()).contains("over");
  }

  @Test
  void runsCommandWhenHeadIsReachable() throws IOException {
    try (ServerSocket head = new ServerSocket(0)) {
      Shell.Result result =
          Shell.script("wait_for_head.sh", "localhost:" + head.getLocalPort(), "echo", "joined");
      assertThat(result.output())
          .contains("is reachable, launching: echo joined")
          .endsWith("joined\n");
      assertThat(result.code()).isZero();
    }
  }

  @Test
  void failsIfHeadIsNotReachableInTime() {
    Shell.Result result =
        Shell.run(
            Map.of("WAIT_FOR_HEAD_TIMEOUT", "1"),
            "./docker/wait_for_head.sh",
            "localhost:1",
            "true");
    assertThat(result.output()).contains("localhost:1 was not reachable within 1 s");
    assertThat(result.code()).isEqualTo(3);
  }

  private Shell.Result lib(String script) {
    return Shell.run(
        Map.of("PATH", folder + ":" + System.getenv("PATH")),
        "bash",
        "-euo",
        "pipefail",
        "-c",
        ". docker/lib.sh; " + script);
  }

  private void program(String name, String body) throws IOException {
    Path file = Files.writeString(folder.resolve(name), "#!/bin/sh\n" + body + "\n");
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
  }
}
