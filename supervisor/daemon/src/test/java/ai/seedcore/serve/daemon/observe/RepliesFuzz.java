package ai.seedcore.serve.daemon.observe;

import ai.seedcore.serve.base.Foreign;
import ai.seedcore.serve.base.http.EventLoop;
import ai.seedcore.serve.base.http.Http;
import ai.seedcore.serve.base.http.Http.Answer;
import ai.seedcore.serve.daemon.config.ConfigLoader;
import ai.seedcore.serve.daemon.config.Probe;
import ai.seedcore.serve.gcs.Credentials;
import ai.seedcore.serve.gcs.Gcs;
import ai.seedcore.serve.gcs.GcsFailure;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * Any bytes as the reply of a GCS, of a dashboard or of a route: they are read, or not believed.
 */
public final class RepliesFuzz {

  private static FakeGcs fake;
  private static Gcs gcs;
  private static Dashboard dashboard;
  private static List<Probe> probes;

  private RepliesFuzz() {}

  private static synchronized void start() throws IOException {
    if (fake != null) {
      return;
    }
    fake = new FakeGcs();
    Http http = new Http(EventLoop.start());
    gcs =
        new Gcs(
            http.vertx(),
            () -> new Gcs.Address("127.0.0.1", fake.port()),
            Credentials.none(),
            Duration.ofSeconds(5));
    dashboard =
        new Dashboard(http, "http://127.0.0.1:1", false, Credentials.none(), Clock.systemUTC());
    probes = new ArrayList<>();
    ConfigLoader.load(null, Map.of(), Map.of()).deployments().forEach(d -> probes.add(d.probe()));
    probes.add(Probe.PLAIN);
  }

  /** One input: its first byte says whose reply it is. */
  public static void fuzzerTestOneInput(byte[] input)
      throws IOException, InterruptedException, TimeoutException {
    start();
    if (input.length == 0) {
      return;
    }
    byte[] rest = Arrays.copyOfRange(input, 1, input.length);
    String text = new String(rest, StandardCharsets.UTF_8);
    switch (input[0] & 3) {
      case 0 -> {
        Serve read = dashboard.read(new Answer(200, text), Instant.MAX);
        if (read instanceof Serve.Running running) {
          running.apps().values().forEach(app -> harmless(app.message()));
        }
        dashboard.toldBy(text);
      }
      case 1 -> probes.forEach(probe -> harmless(probe.mismatch(new Answer(200, text)).orElse("")));
      case 2 -> harmless(Foreign.message(ServeMessage.words(text)));
      default -> askGcs(rest);
    }
  }

  private static void askGcs(byte[] reply) throws InterruptedException, TimeoutException {
    fake.raw = reply;
    for (CompletableFuture<?> asked :
        List.of(
            gcs.get("session", "session_name"),
            gcs.rayVersion(),
            gcs.nodes(),
            gcs.actors(),
            gcs.actor("serve", "x"))) {
      try {
        Object unused = asked.get(8, TimeUnit.SECONDS);
      } catch (ExecutionException e) {
        if (e.getCause() instanceof Error || GcsFailure.reason(e.getCause()).isBlank()) {
          throw new AssertionError(e);
        }
      }
    }
  }

  private static void harmless(String shown) {
    if (shown.length() > 8_000 || shown.chars().anyMatch(c -> c < ' ' || c == 0x2028)) {
      throw new AssertionError("shown as it is: " + shown);
    }
  }
}
