package ai.seedcore.serve.door;

import static org.awaitility.Awaitility.await;

import ai.seedcore.serve.base.HostPort;
import ai.seedcore.serve.base.http.Sockets;
import ai.seedcore.serve.door.upstream.Replica;
import io.opentelemetry.api.trace.Tracer;
import java.io.IOException;
import java.net.URI;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A door on the loopback interface. Route A is declared idempotent, B is declared but not
 * idempotent, and Other is undeclared.
 */
final class OpenDoor implements AutoCloseable {

  /** The door's limits: queued requests, bytes, bytes of a body, and connections. */
  record Bounds(int requests, long bytes, int body, int connections, @Nullable String token) {
    static final Bounds USUAL = new Bounds(100, 1 << 20, 100_000, 1_000, null);

    /** The defaults of the configuration. */
    static final Bounds DEFAULT = new Bounds(5_000, 64 << 20, 8 << 20, 12_000, null);

    Bounds requests(int most) {
      return new Bounds(most, bytes, body, connections, token);
    }

    Bounds connections(int most) {
      return new Bounds(requests, bytes, body, most, token);
    }

    Bounds token(String wanted) {
      return new Bounds(requests, bytes, body, connections, wanted);
    }
  }

  private final FrontDoor door;
  final int port;

  private OpenDoor(FrontDoor door, int port) {
    this.door = door;
    this.port = port;
  }

  /** Opens a door in front of a proxy, without waiting until the proxy serves. */
  static OpenDoor before(URI proxy, Bounds bounds) throws IOException {
    return before(proxy, bounds, null);
  }

  /** Opens a door that traces requests. */
  static OpenDoor before(URI proxy, Bounds bounds, @Nullable Tracer tracer) throws IOException {
    int port = Sockets.freePort();
    DoorSettings settings =
        new DoorSettings(
            new HostPort("127.0.0.1", port),
            bounds.requests(),
            bounds.bytes(),
            Duration.ofSeconds(30),
            bounds.body(),
            bounds.connections(),
            Duration.ofSeconds(75),
            Duration.ofSeconds(10),
            List.of(),
            List.of(),
            false,
            true,
            null,
            null);
    FrontDoor door =
        new FrontDoor(
            settings,
            () ->
                bounds.token() == null
                    ? DoorTokens.NONE
                    : new DoorTokens(List.of(bounds.token()), DoorTokens.AUTHORIZATION),
            List.of(
                Route.declared("/A", "A", Idempotence.ALL),
                Route.declared("/B", "B", Idempotence.SAFE)),
            proxy,
            true,
            "0.1.0",
            tracer);
    door.listen(false);
    return new OpenDoor(door, port);
  }

  /** Opens a door, and waits until its proxy serves. */
  static OpenDoor serving(URI proxy, Bounds bounds) throws IOException {
    OpenDoor door = before(proxy, bounds);
    await().until(() -> door.status().proxies().stream().anyMatch(p -> p.serves()));
    return door;
  }

  /** Lets another door take its place; see {@link FrontDoor#finish}. */
  void finish(Duration limit) {
    door.finish(FrontDoor.ESTABLISHING, limit);
  }

  /** Replaces the declared routes. */
  void declare(Route... routes) {
    door.publish(new ControlState(List.of(routes), Set.of(), Set.of(), false, "SERVING", "", null));
  }

  /** Sets the OpenAPI document. */
  void describe(String document) {
    door.describe(tokens -> document);
  }

  /** Tells the door which replicas there are. */
  void replicas(String key, List<Replica.Endpoint> endpoints) {
    door.replicas(key, endpoints);
  }

  /** Tells the door which versions are on trial. */
  void trials(Map<String, String> versions) {
    door.trials(versions, versions);
    versions.keySet().forEach(door::mirror);
  }

  /** Returns the door's status, once it has one. */
  DoorStatus status() {
    await().until(() -> door.status() != null);
    return Objects.requireNonNull(door.status());
  }

  /**
   * Waits until no request and no byte is left in the door, and only a given number of connections.
   */
  void awaitEmpty(int connections) {
    await()
        .untilAsserted(
            () -> {
              DoorStatus now = status();
              String left =
                  "waiting %d, under way %d, bytes %d, connections %d"
                      .formatted(now.waiting(), now.underWay(), now.keptBytes(), now.connections());
              org.assertj.core.api.Assertions.assertThat(left)
                  .isEqualTo("waiting 0, under way 0, bytes 0, connections " + connections);
            });
  }

  /** The durations of a client's consecutive requests on one connection. */
  static final class Times {
    private final double[] millis;

    private Times(double[] millis) {
      this.millis = millis;
      Arrays.sort(millis);
    }

    double quantile(double share) {
      return millis[Math.min(millis.length - 1, (int) (millis.length * share))];
    }

    double p50() {
      return quantile(0.5);
    }

    double p99() {
      return quantile(0.99);
    }

    @Override
    public String toString() {
      return "%d requests: p50 %.1f ms, p99 %.1f ms, max %.1f ms"
          .formatted(millis.length, p50(), p99(), quantile(1));
    }
  }

  /** Sends requests for a given time. Each has to get a 200 with its own body. */
  Times times(String path, Duration time) throws IOException {
    long end = System.nanoTime() + time.toNanos();
    double[] millis = new double[100_000];
    int n = 0;
    try (RawClient client = new RawClient(port)) {
      while (n < millis.length && System.nanoTime() < end) {
        long from = System.nanoTime();
        String body = "{\"n\":" + n + "}";
        RawClient.Response response = client.post(path, body).read();
        millis[n++] = (System.nanoTime() - from) / 1e6;
        if (response.status() != 200 || !response.body().contains(body)) {
          throw new AssertionError("found " + response + ", expected " + body);
        }
      }
    }
    return new Times(Arrays.copyOf(millis, n));
  }

  @Override
  public void close() {
    door.close();
  }
}
