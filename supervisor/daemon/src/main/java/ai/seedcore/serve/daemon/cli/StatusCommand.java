package ai.seedcore.serve.daemon.cli;

import ai.seedcore.serve.base.http.EventLoop;
import ai.seedcore.serve.base.http.Http;
import ai.seedcore.serve.daemon.report.Status;
import io.vertx.core.Vertx;
import java.io.PrintWriter;
import java.time.Instant;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Help.Ansi;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Prints the status of a running daemon. */
@Command(
    name = "status",
    mixinStandardHelpOptions = true,
    description = {
      "Prints the state of the daemon, the reason and the next step, the deployments, and recent"
          + " events.",
      "Exit code 0: all routes answer, or are at work; 3: they do not."
    },
    footerHeading = "%nExamples:%n",
    footer = {
      "  seedcore-serve status",
      "  seedcore-serve status --watch",
      "  seedcore-serve status --json | jq .phase"
    })
final class StatusCommand implements Callable<Integer> {

  /** The escape sequence that clears a terminal. */
  private static final String CLEAR = "\033[H\033[2J";

  @Mixin private StatusSource source;

  @Option(names = "--json", description = "Print the status document as JSON.")
  private boolean json;

  @Option(
      names = "--watch",
      arity = "0..1",
      fallbackValue = "2",
      paramLabel = "SECONDS",
      description = "Print the status every SECONDS until Ctrl-C. Default: 2.")
  private @Nullable Double watch;

  @Option(
      names = "--events",
      paramLabel = "N",
      defaultValue = "5",
      description = "The number of recent events to print. Default: 5.")
  private int events;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() throws InterruptedException {
    if (watch != null && !(watch >= 0.1 && watch <= 3_600)) {
      return complain("--watch: found %s, expected seconds from 0.1 to 3600".formatted(watch));
    }
    if (events < 0) {
      return complain("--events: found %d, expected 0 or more".formatted(events));
    }
    Vertx vertx = EventLoop.start();
    try {
      Http http = new Http(vertx);
      if (watch == null) {
        return once(http);
      }
      for (; ; ) { // Ctrl-C ends the process.
        if (Ansi.AUTO.enabled()) {
          spec.commandLine().getOut().print(CLEAR);
        }
        int code = once(http);
        if (code == SeedCore.CONFIGURATION) {
          return code;
        }
        TimeUnit.MILLISECONDS.sleep(Math.round(watch * 1_000));
      }
    } catch (IllegalArgumentException e) {
      return complain(String.valueOf(e.getMessage()));
    } finally {
      vertx.close();
    }
  }

  private int once(Http http) {
    PrintWriter out = spec.commandLine().getOut();
    Http.Answer answer;
    try {
      answer = source.ask(http);
    } catch (CompletionException e) {
      say(source.unreachable(e));
      return SeedCore.NOT_READY;
    }
    if (answer.status() == 401 || answer.status() == 403) {
      return complain("the daemon responded: " + answer.body().strip());
    }
    if (answer.status() == 503) {
      say("the daemon has not observed the cluster yet");
      return SeedCore.NOT_READY;
    }
    Status status;
    try {
      status = Status.read(answer.body());
    } catch (IllegalArgumentException e) {
      return complain("%s: %s".formatted(source.url(), e.getMessage()));
    }
    out.print(
        json
            ? answer.body() + System.lineSeparator()
            : StatusText.of(status, Ansi.AUTO, Instant.now(), events));
    out.flush();
    return status.ready() ? 0 : SeedCore.NOT_READY;
  }

  private int complain(String message) {
    say(message);
    return SeedCore.CONFIGURATION;
  }

  private void say(String message) {
    spec.commandLine().getErr().println("seedcore-serve: " + message);
    spec.commandLine().getErr().flush();
  }
}
