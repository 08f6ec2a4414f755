package ai.seedcore.serve.daemon.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The values of {@code env} reach the replica, and nothing else. */
@Tag("cluster")
class SecretsIT {

  private static final String SOURCE =
      """
      package org.example;

      import java.util.Map;
      import java.util.TreeMap;

      public class Env {
        public Object call(String body) throws Exception {
          ProcessBuilder builder = new ProcessBuilder("env");
          builder.environment().put("OTHER", "1");
          byte[] child = builder.start().getInputStream().readAllBytes();
          Map<String, Object> seen = new TreeMap<>();
          for (String name : new String[] {"FROM_ENV", "FROM_FILE", "PLAIN"}) {
            String value = System.getenv(name);
            seen.put(name, "" + (value == null ? null : value.length() + ":" + value.charAt(4)));
            seen.put("child " + name, new String(child).contains(name + "=" + value + "\\n"));
          }
          return seen;
        }
      }
      """;

  private static final String CONFIG =
      """
      builtin: false
      deployments:
        - name: Env
          class: org.example.Env
          route: /env
          jars: [env.jar]
          cpus: 0.1
          env:
            FROM_ENV: {from_env: THE_DAEMONS_OWN}
            FROM_FILE: {from_file: secret}
            PLAIN: plain-x7
      """;

  @TempDir Path folder;
  private final Web web = new Web();

  @Test
  void theirValuesReachTheReplicaAndNothingElse() throws Exception {
    UserJar.make(folder.resolve("env.jar"), "Env", SOURCE);
    Path config = Files.writeString(folder.resolve("env.yaml"), CONFIG);
    Files.writeString(folder.resolve("secret"), "from-a-file-x7\n");
    try (RayCluster cluster = new RayCluster().start();
        DaemonProcess daemon =
            DaemonProcess.start(
                folder,
                List.of(),
                Map.of("THE_DAEMONS_OWN", "from-the-environment-x7"),
                "--address=" + RayCluster.ADDRESS,
                "--dashboard=" + RayCluster.DASHBOARD,
                "--config=" + config)) {
      daemon.awaitReady();
      assertThat(web.post(RayCluster.ROUTES + "/env", "").body())
          .isEqualTo(
              "{\"FROM_ENV\":\"23:-\",\"FROM_FILE\":\"14:-\",\"PLAIN\":\"8:n\","
                  + "\"child FROM_ENV\":false,\"child FROM_FILE\":false,\"child PLAIN\":false}");
      long replica = cluster.replicaPids().get(0);
      assertHidden(cluster, daemon);

      Files.writeString(folder.resolve("secret"), "another-file-x7\n");
      await()
          .atMost(Duration.ofSeconds(60))
          .until(() -> web.post(RayCluster.ROUTES + "/env", "").body().contains("\"15:h\""));
      await().until(() -> !cluster.replicaPids().contains(replica));

      Files.delete(folder.resolve("secret"));
      await()
          .until(
              () ->
                  daemon
                      .status()
                      .toString()
                      .contains("deployment Env: env.FROM_FILE: found no readable text in"));
      assertHidden(cluster, daemon);
    }
  }

  private void assertHidden(RayCluster cluster, DaemonProcess daemon) throws Exception {
    assertThat(daemon.status().toString()).doesNotContain("-x7");
    for (String page :
        List.of(
            "/api/serve/applications/", "/api/v0/actors?detail=1", "/api/v0/workers?detail=1")) {
      assertThat(web.get(RayCluster.DASHBOARD + page).body())
          .as(page)
          .contains("{")
          .doesNotContain("-x7");
    }
    try (Stream<Path> logs =
        Files.walk(Path.of("/tmp/ray", cluster.session(), "logs")).filter(Files::isRegularFile)) {
      assertThat(logs.filter(file -> isRevealing(read(file)))).isEmpty();
    }
    assertThat(isRevealing(daemon.log())).isFalse();
    List<ProcessHandle> others =
        ProcessHandle.allProcesses()
            .filter(process -> !Machine.commandLine(process).contains("seedcore-serve.jar"))
            .toList();
    assertThat(others).noneMatch(process -> isRevealing(Machine.environment(process)));
    // Ray has unpacked it for everyone.
    try (Stream<Path> files = Files.walk(Path.of("/tmp/ray", cluster.session()))) {
      assertThat(files.filter(file -> file.endsWith("seedcore.env")))
          .isNotEmpty()
          .allSatisfy(
              file ->
                  assertThat(Files.getPosixFilePermissions(file).toString())
                      .doesNotContain("OTHERS")
                      .doesNotContain("GROUP"));
    }
  }

  private static boolean isRevealing(String text) {
    return text.contains("from-the-environment-x7") || text.contains("-file-x7");
  }

  private static String read(Path file) {
    try {
      return Files.readString(file, StandardCharsets.ISO_8859_1);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
