package ai.seedcore.serve.door;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import ai.seedcore.serve.base.ConfigException;
import java.net.ConnectException;
import java.net.http.HttpClient;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.Locale;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** One door takes the place of another, at the same address. */
class DoorSuccessionTest extends DoorFixture {

  private static final Duration LIMIT = Duration.ofSeconds(20);

  private FrontDoor successor() throws Exception {
    replaces = true;
    return openServing(Limits.USUAL);
  }

  private static CompletableFuture<Void> finish(FrontDoor door) {
    return CompletableFuture.runAsync(
        () -> {
          door.finish(FrontDoor.ESTABLISHING, LIMIT);
          door.close();
        });
  }

  @Test
  void noRequestFailsWhileDoorsReplaceEachOther() throws Exception {
    FrontDoor door = openServing(Limits.USUAL);
    AtomicBoolean enough = new AtomicBoolean();
    AtomicInteger answered = new AtomicInteger();
    Queue<Object> failures = new ConcurrentLinkedQueue<>();
    HttpClient keepsConnections = client();
    CompletableFuture<?> clients =
        CompletableFuture.allOf(
            CompletableFuture.runAsync(
                () -> repeat(enough, answered, failures, this::overNewConnection)),
            CompletableFuture.runAsync(
                () -> repeat(enough, answered, failures, this::overNewConnection)),
            CompletableFuture.runAsync(
                () ->
                    repeat(
                        enough,
                        answered,
                        failures,
                        () ->
                            keepsConnections
                                .send(request("/A").build(), BodyHandlers.ofString())
                                .statusCode())));
    for (int i = 0; i < 3; i++) {
      FrontDoor next = successor();
      int before = answered.get();
      finish(door).join();
      await().until(() -> answered.get() > before + 10);
      assertThat(next.status().answered()).isNotEmpty();
      door = next;
    }
    enough.set(true);
    clients.join();
    assertThat(failures).isEmpty();
  }

  private int overNewConnection() throws Exception {
    try (RawClient client = new RawClient(port)) {
      return client.get("/A").read().status();
    }
  }

  private interface Attempt {
    int status() throws Exception;
  }

  private static void repeat(
      AtomicBoolean enough, AtomicInteger answered, Queue<Object> failures, Attempt attempt) {
    while (!enough.get()) {
      try {
        int status = attempt.status();
        answered.incrementAndGet();
        if (status != 200) {
          failures.add(status);
        }
      } catch (Exception e) {
        failures.add(e);
      }
    }
  }

  @Test
  void successorGetsEveryNewConnection() throws Exception {
    FrontDoor old = openServing(Limits.USUAL);
    FrontDoor successor = successor();
    for (int i = 0; i < 50; i++) {
      assertThat(overNewConnection()).isEqualTo(200);
    }
    assertThat(old.status().answered()).isEmpty();
    successor.close();
    // It did not stay: the first one is alone again.
    assertThat(overNewConnection()).isEqualTo(200);
    await().until(() -> !old.status().answered().isEmpty());
  }

  @Test
  void keptConnectionEndsWithItsNextResponse() throws Exception {
    FrontDoor old = openServing(Limits.USUAL);
    try (RawClient client = new RawClient(port)) {
      assertThat(client.get("/A").read().header("Connection")).isEmpty();
      successor();
      CompletableFuture<Void> finished = finish(old);
      await()
          .untilAsserted(
              () -> {
                RawClient.Response response = client.get("/A").read();
                assertThat(response.status()).isEqualTo(200);
                assertThat(response.all("Connection")).containsExactly("close");
              });
      assertThat(client.readUntilClosed()).isEmpty();
      finished.join();
    }
  }

  @Test
  void heldRequestIsServedByDoorThatHoldsIt() throws Exception {
    proxy.table = null;
    FrontDoor old = open(Limits.USUAL);
    CompletableFuture<HttpResponse<String>> held = postAsync("/A", "{}");
    awaitQueued(old, 1);
    replaces = true;
    FrontDoor successor = open(Limits.USUAL);
    CompletableFuture<Void> finished = finish(old);
    CompletableFuture<HttpResponse<String>> heldNext = postAsync("/A", "{}");
    awaitQueued(successor, 1);
    assertThat(finished).isNotDone();
    proxy.table = Map.of("/A", "A", "/B", "B");
    assertThat(held.join().statusCode()).isEqualTo(200);
    assertThat(heldNext.join().statusCode()).isEqualTo(200);
    finished.join();
  }

  @Test
  void http2ConnectionIsAskedToEnd() throws Exception {
    FrontDoor old = openServing(Limits.USUAL);
    try (RawHttp2 client = new RawHttp2(port)) {
      assertThat(client.get(1, "/A").answer(1).status()).isEqualTo(200);
      successor();
      CompletableFuture<Void> finished = finish(old);
      RawHttp2.Frame frame = client.read();
      while (frame.type() != RawHttp2.GOAWAY) {
        frame = client.read();
      }
      assertThat(frame.code()).isZero();
      assertThat(frame.payload().getInt(0)).isEqualTo(Integer.MAX_VALUE);
      // It was sent before the client knew.
      assertThat(client.get(3, "/A").answer(3).status()).isEqualTo(200);
      finished.join();
      assertThat(client.isClosed()).isTrue();
    }
  }

  @Test
  void silentClientDelaysTheEndOnlySoLong() throws Exception {
    FrontDoor old = openServing(Limits.USUAL);
    try (RawClient client = new RawClient(port)) {
      assertThat(client.get("/A").read().status()).isEqualTo(200);
      successor();
      old.finish(FrontDoor.ESTABLISHING, Duration.ofSeconds(3));
      assertThat(old.status().connections()).isOne();
      old.close();
      assertThat(client.readUntilClosed()).isEmpty();
    }
  }

  @Test
  void doorKnowsWhereToSendRequestsBeforeItListens() throws Exception {
    Map<String, String> table = proxy.table;
    proxy.table = Map.of("/A", "A"); // B, which is declared, is not served yet.
    FrontDoor door = open(Limits.USUAL);
    CompletableFuture<Void> known = CompletableFuture.runAsync(() -> awaitUpstreams(door, LIMIT));
    awaitServes(door);
    assertThat(known).isNotDone();
    proxy.table = table;
    known.get(5, TimeUnit.SECONDS);
    proxy.table = Map.of();
    awaitNotServing(door);
    long start = System.nanoTime();
    awaitUpstreams(door, Duration.ofSeconds(1)); // A route may be down.
    assertThat(Duration.ofNanos(System.nanoTime() - start)).isGreaterThan(Duration.ofSeconds(1));
  }

  private static void awaitUpstreams(FrontDoor door, Duration limit) {
    try {
      door.awaitUpstreams(limit);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  @Test
  void doorThatLingersStillAcceptsConnectionsThatItThenCloses() throws Exception {
    FrontDoor door = openServing(Limits.USUAL);
    assertThat(get(request("/-/health")).statusCode()).isEqualTo(200);
    door.leave();
    assertThat(get(request("/-/health")).statusCode()).isEqualTo(503);
    assertThat(get(request("/-/healthz")).statusCode()).isEqualTo(503);
    Duration lingering = Duration.ofSeconds(3);
    long start = System.nanoTime();
    CompletableFuture<Void> finished =
        CompletableFuture.runAsync(() -> door.finish(lingering, LIMIT));
    await()
        .until(
            () -> {
              try (RawClient client = new RawClient(port)) {
                return client
                    .get("/A")
                    .read()
                    .head()
                    .toLowerCase(Locale.ROOT)
                    .contains("connection: close");
              }
            });
    finished.join();
    assertThat(Duration.ofNanos(System.nanoTime() - start)).isBetween(lingering, LIMIT);
    door.close();
    assertThatThrownBy(() -> new RawClient(port).close()).isInstanceOf(ConnectException.class);
  }

  @Test
  void portIsNotSharedUnasked() throws Exception {
    openServing(Limits.USUAL);
    assertThatThrownBy(() -> open(Limits.USUAL))
        .isInstanceOf(ConfigException.class)
        .hasMessageContaining("expected a free port");
  }
}
