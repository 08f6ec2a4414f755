package ai.seedcore.serve.daemon.cli;

import ai.seedcore.serve.daemon.act.Status;
import ai.seedcore.serve.daemon.config.HostPort;
import ai.seedcore.serve.daemon.config.Token;
import ai.seedcore.serve.daemon.http.EventLoop;
import ai.seedcore.serve.daemon.http.Http;
import ai.seedcore.serve.daemon.status.StatusServer;
import io.vertx.core.Vertx;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletionException;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Prints what a running daemon sees and does. */
@Command(
    name = "status",
    mixinStandardHelpOptions = true,
    description = "Prints what the daemon sees and does. Exit code 0: all routes answer; 3: not.",
    footerHeading = "%nExamples:%n",
    footer = {"  seedcore-serve status", "  seedcore-serve status --json | jq .phase"})
final class StatusCommand implements Callable<Integer> {

  @Option(
      names = "--status",
      paramLabel = "HOST:PORT",
      defaultValue = "${env:SEEDCORE_STATUS:-127.0.0.1:8090}",
      description = "Where the daemon listens. Default: 127.0.0.1:8090.")
  private String address;

  @Option(
      names = "--status-token-file",
      paramLabel = "FILE",
      defaultValue = "${env:SEEDCORE_STATUS_TOKEN_FILE}",
      description =
          "A file with the daemon's token, where it wants one; also SEEDCORE_STATUS_TOKEN.")
  private @Nullable Path tokenFile;

  @Option(names = "--json", description = "Print the JSON as it is.")
  private boolean json;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() {
    PrintWriter out = spec.commandLine().getOut();
    Http.Answer answer;
    Vertx vertx = EventLoop.start();
    try {
      HostPort at = HostPort.parse(address);
      String token = Token.find("status", tokenFile, System.getenv());
      String url = "http://" + at + "/status";
      Duration patience = Duration.ofSeconds(3);
      Http http = new Http(vertx);
      answer = (token == null ? http.get(url, patience) : http.get(url, token, patience)).join();
    } catch (IllegalArgumentException e) {
      spec.commandLine().getErr().println("seedcore-serve: --status: " + e.getMessage());
      return SeedCore.CONFIGURATION;
    } catch (CompletionException e) {
      spec.commandLine()
          .getErr()
          .println(
              "seedcore-serve: no daemon at http://%s/status: it %s; is it running, and there?"
                  .formatted(address, Http.reason(e)));
      return SeedCore.NOT_READY;
    } finally {
      vertx.close();
    }
    if (answer.status() == 401 || answer.status() == 403) {
      spec.commandLine()
          .getErr()
          .println("seedcore-serve: the daemon says: " + answer.body().strip());
      return SeedCore.CONFIGURATION;
    }
    if (json) {
      out.println(answer.body());
      return exitCode(answer);
    }
    if (answer.status() != 200) {
      out.println("the daemon has not finished its first look yet");
      return SeedCore.NOT_READY;
    }
    print(StatusServer.JSON.readValue(answer.body(), Status.class), out);
    return exitCode(answer);
  }

  private static int exitCode(Http.Answer answer) {
    return answer.status() == 200
            && StatusServer.JSON.readTree(answer.body()).path("ready").asBoolean()
        ? 0
        : SeedCore.NOT_READY;
  }

  private static void print(Status status, PrintWriter out) {
    out.printf("%s for %s: %s%n", status.phase(), age(status.since()), status.reason());
    out.printf(
        "head    %s %s%n",
        status.head().address(),
        status.head().up()
            ? "up, Ray %s, %s".formatted(status.head().rayVersion(), status.head().session())
            : "down: " + status.head().reason());
    out.printf("serve   %s%n", status.serve());
    out.printf("driver  %s%s%n", status.driver().phase(), pid(status.driver().pid()));
    out.printf("doing   %s, next look within %d ms%n", status.action(), status.nextLookMs());
    if (status.lastRecoveryS() != null) {
      out.printf(
          "last recovery %.1f s, %d deploys so far%n", status.lastRecoveryS(), status.deploys());
    }
    out.printf("%n%-20s %-13s %8s %-17s %s%n", "APP", "STATUS", "REPLICAS", "VERSION", "ROUTE");
    for (Status.AppStatus app : status.apps()) {
      out.printf(
          "%-20s %-13s %8d %-17s %s%n",
          app.name(),
          app.status(),
          app.replicas(),
          app.deployedVersion() == null ? "-" : app.deployedVersion(),
          app.answers()
              ? "%s answers in %d ms".formatted(app.url(), app.probeMs())
              : "%s %s"
                  .formatted(
                      app.url(), app.routeReason() == null ? "not asked" : app.routeReason()));
      if (!app.message().isBlank()) {
        out.printf("    %s%n", app.message().lines().findFirst().orElse(""));
      }
    }
    out.flush();
  }

  private static String pid(long pid) {
    return pid == 0 ? "" : ", pid " + pid;
  }

  private static String age(Instant since) {
    Duration age = Duration.between(since, Instant.now());
    return age.toHours() > 0
        ? "%d h %d min".formatted(age.toHours(), age.toMinutesPart())
        : age.toMinutes() > 0
            ? "%d min %d s".formatted(age.toMinutes(), age.toSecondsPart())
            : "%d s".formatted(Math.max(0, age.toSeconds()));
  }
}
