package ai.seedcore.serve.daemon.cli;

import ai.seedcore.serve.base.HostPort;
import ai.seedcore.serve.base.Token;
import ai.seedcore.serve.base.http.EventLoop;
import ai.seedcore.serve.base.http.Http;
import ai.seedcore.serve.daemon.report.Status;
import io.vertx.core.Vertx;
import java.io.IOException;
import java.io.PrintWriter;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletionException;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Sends one request to a deployment, as a client would, and says what became of it. */
@Command(
    name = "try",
    mixinStandardHelpOptions = true,
    description = {
      "Sends a deployment the example of its declaration (the first of upgrade.examples, or"
          + " probe.body), as a client of the front door would, and prints the response.",
      "Status, duration and path go to standard error.",
      "Exit code 0: the status is below 400; 1: it is not; 3: there was no response."
    },
    footerHeading = "%nExamples:%n",
    footer = {
      "  seedcore-serve try SalienceScorer",
      "  seedcore-serve try SalienceScorer --body '{\"text\": \"disk full\"}' | jq .score",
      "  seedcore-serve try Chat --body @question.json --front-door-token-file token"
    })
final class TryCommand implements Callable<Integer> {

  /** Asks the front door to say how it served a request. */
  private static final String EXPLAIN = "X-SeedCore-Explain";

  @Parameters(paramLabel = "NAME", description = "The name of a declared deployment.")
  private String name;

  @Option(
      names = "--body",
      paramLabel = "TEXT|@FILE",
      description = "Another body: a text, or the content of a file.")
  private @Nullable String body;

  @Option(
      names = "--timeout",
      paramLabel = "SECONDS",
      defaultValue = "60",
      description = "How long the response may take. Default: 60.")
  private double timeout;

  @Mixin private StatusSource source;

  @Option(
      names = "--front-door-token-file",
      paramLabel = "FILE",
      defaultValue = "${env:SEEDCORE_FRONT_DOOR_TOKEN_FILE}",
      description =
          "A file with the front door's token, if it requires one; also SEEDCORE_FRONT_DOOR_TOKEN.")
  private @Nullable Path doorTokenFile;

  @Option(
      names = "--front-door-token-header",
      paramLabel = "NAME",
      defaultValue = "${env:SEEDCORE_FRONT_DOOR_TOKEN_HEADER:-Authorization}",
      description = "The header field of that token. Default: Authorization.")
  private String doorTokenHeader;

  @Option(
      names = "--url",
      paramLabel = "URL",
      description =
          "The base URL to send the request to, such as https://models.example.com. Default: that of"
              + " the daemon's front door or, without one, of Serve's proxy.")
  private @Nullable URI base;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() throws InterruptedException {
    if (!(timeout > 0 && timeout <= 86_400)) {
      return complain(
          "--timeout: found %s, expected seconds greater than 0 and at most 86400"
              .formatted(timeout));
    }
    Status.AppStatus app;
    URI target;
    String sent;
    String token;
    try {
      Status status = status();
      app =
          status.apps().stream()
              .filter(each -> each.name().equals(name))
              .findFirst()
              .orElseThrow(
                  () ->
                      new IllegalArgumentException(
                          "NAME: found '%s', expected one of %s"
                              .formatted(
                                  name,
                                  status.apps().stream()
                                      .map(Status.AppStatus::name)
                                      .collect(Collectors.joining(", ")))));
      target = target(status, app);
      sent = body == null ? app.example() : body();
      // Serve's proxy must not get the front door's token.
      token =
          base == null && status.door() == null
              ? null
              : Token.find("front_door", doorTokenFile, System.getenv());
    } catch (CompletionException e) {
      say(source.unreachable(e));
      return SeedCore.NOT_READY;
    } catch (IllegalArgumentException e) {
      return complain(String.valueOf(e.getMessage()));
    }
    return send(target, sent, token);
  }

  private Status status() {
    Vertx vertx = EventLoop.start();
    try {
      Http.Answer answer = source.ask(new Http(vertx));
      if (answer.status() != 200) {
        throw new IllegalArgumentException(
            "the daemon responded with status %d: %s"
                .formatted(answer.status(), answer.body().strip()));
      }
      return Status.read(answer.body());
    } finally {
      vertx.close();
    }
  }

  private URI target(Status status, Status.AppStatus app) {
    if (app.url() == null) {
      throw new IllegalArgumentException("%s has no route".formatted(name));
    }
    URI proxy = URI.create(app.url());
    URI to = base;
    if (to == null && status.door() != null) {
      HostPort door = HostPort.parse(status.door().address());
      HostPort reachable =
          door.host().equals("0.0.0.0") ? new HostPort("127.0.0.1", door.port()) : door;
      to = URI.create("http://" + reachable);
    }
    return to == null
        ? proxy
        : URI.create(to.toString().replaceFirst("/+$", "") + proxy.getRawPath());
  }

  private String body() {
    String given = body == null ? "" : body;
    if (!given.startsWith("@")) {
      return given;
    }
    try {
      return Files.readString(Path.of(given.substring(1)));
    } catch (IOException e) {
      throw new IllegalArgumentException(
          "--body: found '%s', which cannot be read (%s)".formatted(given, e), e);
    }
  }

  private int send(URI target, @Nullable String sent, @Nullable String token)
      throws InterruptedException {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(target)
            .timeout(Duration.ofMillis(Math.round(1_000 * timeout)))
            .header(EXPLAIN, "1");
    if (sent != null) {
      request
          .header("Content-Type", "application/json")
          .POST(BodyPublishers.ofString(sent, StandardCharsets.UTF_8));
    }
    if (token != null) {
      boolean bearer = doorTokenHeader.equalsIgnoreCase("Authorization");
      request.header(doorTokenHeader, bearer ? "Bearer " + token : token);
    }
    long start = System.nanoTime();
    HttpResponse<byte[]> response;
    try {
      response =
          HttpClient.newBuilder()
              .version(HttpClient.Version.HTTP_1_1)
              .build()
              .send(request.build(), BodyHandlers.ofByteArray());
    } catch (IOException e) {
      say("%s: no response: %s".formatted(target, Http.reason(e)));
      return SeedCore.NOT_READY;
    }
    double millis = (System.nanoTime() - start) / 1e6;
    PrintWriter out = spec.commandLine().getOut();
    String text = new String(response.body(), StandardCharsets.UTF_8);
    out.print(text.endsWith("\n") ? text : text + System.lineSeparator());
    out.flush();
    say(
        String.format(
            Locale.ROOT,
            "%s %s: status %d after %.1f ms, %d bytes, %s",
            sent == null ? "GET" : "POST",
            target,
            response.statusCode(),
            millis,
            response.body().length,
            response
                .headers()
                .firstValue("Server-Timing")
                .map(timing -> "path: " + timing)
                .orElse("the path is not known: no front door has answered")));
    return response.statusCode() < 400 ? 0 : 1;
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
