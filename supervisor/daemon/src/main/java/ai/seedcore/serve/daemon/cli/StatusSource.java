package ai.seedcore.serve.daemon.cli;

import ai.seedcore.serve.base.HostPort;
import ai.seedcore.serve.base.Token;
import ai.seedcore.serve.base.http.Http;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.CompletionException;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The options that say where a running daemon tells its status, and the request for it. */
final class StatusSource {

  private static final Duration PATIENCE = Duration.ofSeconds(3);

  @Option(
      names = "--status",
      paramLabel = "HOST:PORT",
      defaultValue = "${env:SEEDCORE_STATUS:-127.0.0.1:8090}",
      description = "The address of the daemon's status port. Default: 127.0.0.1:8090.")
  private String address;

  @Option(
      names = "--status-token-file",
      paramLabel = "FILE",
      defaultValue = "${env:SEEDCORE_STATUS_TOKEN_FILE}",
      description =
          "A file with the daemon's bearer token, if it requires one; also SEEDCORE_STATUS_TOKEN.")
  private @Nullable Path tokenFile;

  /**
   * Returns the URL of the status.
   *
   * @throws IllegalArgumentException if the address is invalid
   */
  String url() {
    try {
      return "http://" + HostPort.parse(address) + "/status";
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException("--status: " + e.getMessage(), e);
    }
  }

  /**
   * Returns the daemon's response.
   *
   * @throws IllegalArgumentException if an option is invalid
   * @throws CompletionException if there is no response; see {@link #unreachable}
   */
  Http.Answer ask(Http http) {
    String url = url();
    String token = Token.find("status", tokenFile, System.getenv());
    return (token == null ? http.get(url, PATIENCE) : http.get(url, token, PATIENCE)).join();
  }

  /** Returns what to say if there is no response. */
  String unreachable(CompletionException error) {
    return "no daemon at %s: it %s; is the daemon running at this address?"
        .formatted(url(), Http.reason(error));
  }
}
