package ai.seedcore.serve.door;

import ai.seedcore.serve.base.HostPort;
import ai.seedcore.serve.base.fuzz.Faults;
import ai.seedcore.serve.base.fuzz.Talk;
import ai.seedcore.serve.base.http.Sockets;
import io.vertx.core.http.HttpServerRequest;
import java.time.Duration;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;

/** Sends arbitrary bytes to a door in front of a proxy that responds. */
public final class DoorFuzz {

  private static final Queue<String> SMUGGLED = new ConcurrentLinkedQueue<>();
  private static Talk talk;

  private DoorFuzz() {}

  private static synchronized void start() throws Exception {
    if (talk != null) {
      return;
    }
    FakeProxy proxy = new FakeProxy();
    proxy.behaviour = DoorFuzz::answer;
    int port = Sockets.freePort();
    FrontDoor door =
        new FrontDoor(
            new DoorSettings(
                new HostPort("127.0.0.1", port),
                100,
                4 << 20,
                Duration.ofSeconds(5), // Long enough for a fuzzer that gets little processor time.
                100_000,
                500,
                Duration.ofSeconds(75),
                Duration.ofSeconds(10),
                List.of(),
                List.of(),
                false,
                true,
                null,
                null),
            () -> DoorTokens.NONE,
            List.of(
                Route.declared("/A", "A", Idempotence.ALL),
                Route.declared("/B", "B", Idempotence.SAFE)),
            proxy.uri(),
            true,
            "0.1.0",
            null);
    door.listen(false);
    while (door.status() == null || door.status().proxies().stream().noneMatch(p -> p.serves())) {
      Thread.onSpinWait();
    }
    talk = new Talk(port, "GET /B?good=1 HTTP/1.1\r\nHost: good\r\n\r\n");
    Faults.look();
  }

  /** Records requests that the door did not write itself, and that were therefore smuggled. */
  private static void answer(HttpServerRequest request) {
    if (!request.headers().getAll("Via").toString().contains("seedcore-")
        || request.headers().getAll("X-Request-ID").isEmpty()
        || request.headers().getAll("Host").size() != 1) {
      SMUGGLED.add(request.method() + " " + request.uri() + " " + request.headers());
    }
    request.response().putHeader("Content-Length", "2").end("ok");
  }

  /** Tests one input. */
  public static void fuzzerTestOneInput(byte[] input) throws Exception {
    start();
    talk.say(input);
    Faults.none();
    if (!SMUGGLED.isEmpty()) {
      throw new AssertionError("the proxy was sent " + SMUGGLED.poll());
    }
  }
}
