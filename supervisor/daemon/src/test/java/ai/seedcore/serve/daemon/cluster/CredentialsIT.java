package ai.seedcore.serve.daemon.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Clusters that require a token, TLS between Ray's components, or both. */
@Tag("cluster")
@ExtendWith(LogOnFailure.class)
class CredentialsIT {

  private static final String FIRST = "the-first-token-of-the-cluster";
  private static final String SECOND = "the-second-token-of-the-cluster";

  /** What the cluster requires. */
  enum Mode {
    TOKEN(true, false),
    TLS(false, true),
    BOTH(true, true);

    private final boolean token;
    private final boolean tls;

    Mode(boolean token, boolean tls) {
      this.token = token;
      this.tls = tls;
    }

    /** Returns the variables by which a program finds the token and the certificates. */
    private Map<String, String> variables(Path folder, String secret) throws Exception {
      Map<String, String> variables = new HashMap<>();
      if (tls) {
        variables.putAll(Certificates.write(folder));
      }
      if (token) {
        variables.put(
            "RAY_AUTH_TOKEN_PATH", Files.writeString(tokenFile(folder), secret).toString());
      }
      return variables;
    }
  }

  @TempDir private Path folder;
  private final Web web = new Web();

  @ParameterizedTest
  @EnumSource
  void nodeOfAnother(Mode mode) throws Exception {
    assumeTrue(!mode.token || raysTokens());
    Map<String, String> variables = mode.variables(folder, FIRST);
    try (RayCluster cluster = new RayCluster()) {
      demand(cluster, mode, variables);
      try (DaemonProcess daemon = start(variables, "--address=" + RayCluster.ADDRESS)) {
        daemon.warmDriver(); // It does not know yet what the cluster will require.
        cluster.start();
        daemon.awaitReady();
        assertThat(daemon.log()).doesNotContain("driver gone");
        assertThat(web.allAnswer(RayCluster.ROUTES)).isTrue();

        // The token and the certificates change while the head is away.
        cluster.kill();
        daemon.awaitNotReady();
        mode.variables(folder, SECOND);
        cluster.start();
        daemon.awaitReady();
        assertThat(daemon.deploys()).isEqualTo(6);
        assertThat(daemon.log()).doesNotContain(FIRST, SECOND);
      }
      try (DaemonProcess without = DaemonProcess.onCluster(folder)) {
        without.awaitReason("WAITING", mode.tls ? "set RAY_USE_TLS" : "requires a token");
      }
      try (DaemonProcess byName = start(variables, "--address=localhost:26380")) {
        byName.awaitReady();
        assertThat(byName.deploys()).isZero();
      }
      if (mode.tls) {
        Certificates.write(folder, "-startdate", "-2d", "-validity", "1");
        try (DaemonProcess expired = start(variables, "--address=" + RayCluster.ADDRESS)) {
          expired.awaitReason("WAITING", "RAY_TLS_SERVER_CERT: ");
          assertThat(expired.reason()).contains("has expired on");
        }
        Certificates.write(folder);
        try (DaemonProcess stranger = start(variables, "--address=" + RayCluster.ADDRESS)) {
          stranger.awaitReason("WAITING", "has a certificate that RAY_TLS_CA_CERT did not sign");
        }
      } else {
        Files.writeString(tokenFile(folder), FIRST);
        try (DaemonProcess refused = start(variables, "--address=" + RayCluster.ADDRESS)) {
          refused.awaitReason("WAITING", "rejects the token of RAY_AUTH_TOKEN_PATH");
          assertThat(refused.log()).doesNotContain(FIRST);
        }
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void headOfOurOwn(Mode mode) throws Exception {
    assumeTrue(!mode.token || raysTokens());
    Map<String, String> variables = mode.variables(folder, FIRST);
    if (mode.token) {
      // The daemon makes a token of its own, although nobody has asked for one.
      variables.remove("RAY_AUTH_TOKEN_PATH");
      variables.put("RAY_AUTH_MODE", "");
      variables.put("HOME", folder.toString());
    }
    try (DaemonProcess daemon =
        start(variables, "--local", "--cpus=4", "--address=" + RayCluster.ADDRESS)) {
      daemon.awaitReady();
      assertThat(web.allAnswer(RayCluster.ROUTES)).isTrue();
      if (mode.token) {
        Path token = folder.resolve("cache/ray-token");
        assertThat(daemon.log())
            .contains("RAY_AUTH_MODE=token RAY_AUTH_TOKEN_PATH='%s'".formatted(token))
            .doesNotContain(Files.readString(token));
        assertThat(web.status(RayCluster.DASHBOARD + "/api/serve/applications/")).isEqualTo(401);
      }
      assertThat(daemon.end("TERM")).isEqualTo(143);
    }
    assertThat(Machine.marked("SEEDCORE_NODE=HEAD:" + RayCluster.ADDRESS)).isEmpty();
  }

  @ParameterizedTest
  @EnumSource
  void nodeOfOurOwn(Mode mode) throws Exception {
    assumeTrue(!mode.token || raysTokens());
    Map<String, String> variables = mode.variables(folder, FIRST);
    try (RayCluster cluster = new RayCluster("127.0.0.2")) {
      demand(cluster, mode, variables);
      cluster.start();
      try (DaemonProcess daemon =
          start(variables, "--join", "--address=127.0.0.2:26380", "--serve-host=127.0.0.1")) {
        daemon.awaitReady();
        assertThat(web.allAnswer(RayCluster.ROUTES)).isTrue();
      }
    }
  }

  private DaemonProcess start(Map<String, String> variables, String... arguments) {
    String[] all = new String[arguments.length + 2];
    System.arraycopy(arguments, 0, all, 0, arguments.length);
    all[arguments.length] = "--dashboard=" + RayCluster.DASHBOARD;
    all[arguments.length + 1] = "--serve-url=" + RayCluster.ROUTES;
    return DaemonProcess.start(folder, List.of(), variables, all);
  }

  private static void demand(RayCluster cluster, Mode mode, Map<String, String> variables) {
    variables.forEach(cluster::with);
    if (mode.token) {
      cluster.with("RAY_AUTH_MODE", "token");
    }
  }

  private static Path tokenFile(Path folder) {
    return folder.resolve("token");
  }

  /** Whether this Ray can require a token. */
  private static boolean raysTokens() {
    String version =
        Machine.run(RayCluster.ray("python"), "-c", "import ray; print(ray.__version__)").strip();
    String[] parts = version.substring(version.lastIndexOf('\n') + 1).split("\\.", -1);
    return Integer.parseInt(parts[1]) >= 52;
  }
}
