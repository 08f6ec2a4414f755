package ai.seedcore.serve.daemon.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

class SeedCoreTest {

  @TempDir Path folder;
  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  @Test
  void helpShowsExamplesAndExitCodes() {
    assertThat(execute("--help")).isZero();
    assertThat(out.toString()).contains("Examples:", "run --local", "Exit codes:", "143");
    assertThat(execute("run", "--help")).isZero();
    assertThat(out.toString()).contains("--address", "SEEDCORE_SERVE_PORT");
  }

  @Test
  void aWrongFlagEndsAtOnceWithTwo() {
    assertThat(execute("run", "--serve-port=none")).isEqualTo(2);
    assertThat(err.toString()).contains("--serve-port: serve_port");
    assertThat(execute("run", "--nonsense")).isEqualTo(2);
    assertThat(execute("run", "--address=ray://head:10001")).isEqualTo(2);
    assertThat(err.toString()).contains("head:6380");
  }

  @Test
  void configCheckSaysWhatHoldsOrWhatIsWrong() throws IOException {
    Path good = Files.writeString(folder.resolve("good.yaml"), "serve_port: 8100");
    assertThat(execute("config", "check", good.toString())).isZero();
    assertThat(out.toString()).contains("valid", "SalienceScorer", "/AnomalyDetector");
    Path bad = Files.writeString(folder.resolve("bad.yaml"), "deployments: [{name: A}]");
    assertThat(execute("config", "check", bad.toString())).isEqualTo(2);
    assertThat(err.toString()).contains("bad.yaml", "deployments[3].class");
    assertThat(execute("config", "check", folder.resolve("none.yaml").toString())).isEqualTo(2);
    assertThat(err.toString()).contains("none.yaml: cannot be read");
  }

  @Test
  void statusWithoutADaemonSaysSo() {
    assertThat(execute("status", "--status=127.0.0.1:1")).isEqualTo(3);
    assertThat(err.toString()).contains("no daemon at http://127.0.0.1:1/status");
    assertThat(execute("status", "--status=x")).isEqualTo(2);
  }

  @Test
  void waitForHeadRunsTheCommandOnceThePortAcceptsAndEndsAsItDoes() throws IOException {
    try (ServerSocket head = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      String address = "127.0.0.1:" + head.getLocalPort();
      assertThat(execute("wait-for-head", address)).isZero();
      assertThat(execute("wait-for-head", address, "--", "sh", "-c", "exit 7")).isEqualTo(7);
      assertThat(err.toString()).contains("launching: sh -c exit 7");
    }
  }

  @Test
  void waitForHeadGivesUpInTime() {
    assertThat(execute("wait-for-head", "127.0.0.1:1", "--timeout=0.3", "--", "true")).isEqualTo(3);
    assertThat(err.toString()).contains("was not reachable within 0.3 s");
    assertThat(execute("wait-for-head", "127.0.0.1")).isEqualTo(2);
    assertThat(execute("wait-for-head", "no.such.host.invalid:1", "--timeout=0.1")).isEqualTo(3);
    assertThat(err.toString()).contains("does not resolve");
  }

  private int execute(String... arguments) {
    CommandLine line = SeedCore.commandLine();
    line.setOut(new PrintWriter(out, true));
    line.setErr(new PrintWriter(err, true));
    return line.execute(arguments);
  }
}
