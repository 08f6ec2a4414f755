package ai.seedcore.serve.door;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import ai.seedcore.serve.door.OpenDoor.Bounds;
import ai.seedcore.serve.door.RawClient.Response;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpServerResponse;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Tests the direct path: requests that are sent to replicas without a proxy. */
@Timeout(60)
class DoorReplicasTest {

  private final List<AutoCloseable> opened = new ArrayList<>();
  private final ExecutorService pool = Executors.newCachedThreadPool();
  private FakeProxy proxy;
  private FakeReplica first;
  private FakeReplica second;
  private OpenDoor door;

  @BeforeEach
  void open() throws Exception {
    proxy = opened(new FakeProxy());
    first = opened(new FakeReplica("a1"));
    second = opened(new FakeReplica("a2"));
    door = opened(OpenDoor.serving(proxy.uri(), Bounds.USUAL));
  }

  @AfterEach
  void close() throws Exception {
    pool.shutdownNow();
    for (int i = opened.size() - 1; i >= 0; i--) {
      opened.get(i).close();
    }
  }

  private <T extends AutoCloseable> T opened(T one) {
    opened.add(one);
    return one;
  }

  private void list(String app, FakeReplica... replicas) {
    door.replicas(FakeReplica.KEY, Stream.of(replicas).map(each -> each.endpoint(app)).toList());
  }

  private void listReady(String app, FakeReplica... replicas) {
    list(app, replicas);
    awaitReady(replicas.length);
  }

  private void awaitReady(int many) {
    await()
        .until(
            () ->
                door.status().replicas().stream().filter(r -> r.state().equals("ready")).count()
                    == many);
  }

  private Response post(String path) throws Exception {
    try (RawClient client = new RawClient(door.port)) {
      return client.post(path, "{}").read();
    }
  }

  @Test
  void sendsRequestsToAReplicaThatHasProvedItsIdentity() throws Exception {
    listReady("A", first);
    assertThat(post("/A/x?q=1").body()).isEqualTo("direct");
    assertThat(first.seen).containsExactly("POST /A/x?q=1");
    assertThat(proxy.seen).isEmpty();
    assertThat(door.status().replicas().get(0).version()).isEqualTo("v1");
    assertThat(post("/B").body()).isEqualTo("{}"); // The proxy echoes.
  }

  @ParameterizedTest
  @ValueSource(ints = {201, 404, 408, 500, 503})
  void keepsStatusesThatAClassHasChosen(int status) throws Exception {
    listReady("A", first);
    first.behaviour = request -> FakeReplica.respond(request, status, "its own");
    Response response = post("/A");
    assertThat(response.status()).isEqualTo(status);
    assertThat(response.body()).isEqualTo("its own");
    assertThat(first.seen).hasSize(1);
  }

  @Test
  void passesStreamsOnAsTheyAreWritten() throws Exception {
    listReady("A", first);
    CompletableFuture<HttpServerResponse> stream = new CompletableFuture<>();
    first.behaviour =
        request -> {
          HttpServerResponse response = request.response().setChunked(true);
          response.write("one");
          stream.complete(response);
        };
    HttpRequest request =
        HttpRequest.newBuilder(URI.create("http://127.0.0.1:%d/A".formatted(door.port))).build();
    try (InputStream body =
        HttpClient.newHttpClient().send(request, BodyHandlers.ofInputStream()).body()) {
      assertThat(new String(body.readNBytes(3), StandardCharsets.US_ASCII)).isEqualTo("one");
      stream.get().end("two");
      assertThat(new String(body.readAllBytes(), StandardCharsets.US_ASCII)).isEqualTo("two");
    }
  }

  @Test
  void passesBytesOnThatAreNotText() throws Exception {
    listReady("A", first);
    first.behaviour =
        request -> request.body().onSuccess(body -> request.response().end(body.length() + ""));
    try (RawClient client = new RawClient(door.port)) {
      byte[] bytes = {(byte) 0xff, 0, (byte) 0xc3};
      client.send("POST /A?x HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n").send(bytes);
      assertThat(client.read().body()).isEqualTo("3");
    }
    assertThat(first.seen).containsExactly("POST /A?x");
  }

  @Test
  void sendsNothingToAServerThatCannotProveItsIdentity() throws Exception {
    first.key = "another key";
    list("A", first);
    listReady("B", second);
    list("A", first);
    for (int i = 0; i < 20; i++) {
      assertThat(post("/A").body()).isEqualTo("{}");
    }
    assertThat(first.seen).isEmpty();
  }

  @Test
  void sendsNothingToAServerThatPassesOnTheProofOfAnother() throws Exception {
    first.relays = 20_000;
    list("A", first);
    listReady("B", second);
    list("A", first);
    for (int i = 0; i < 20; i++) {
      assertThat(post("/A").body()).isEqualTo("{}");
    }
    assertThat(first.seen).isEmpty();
  }

  @Test
  void usesTheProxyAgainOnceAReplicaHasGone() throws Exception {
    listReady("A", first);
    first.close();
    for (int i = 0; i < 10; i++) {
      assertThat(post("/A").status()).isEqualTo(200);
    }
    assertThat(proxy.seen).hasSize(10);
  }

  @Test
  void servesWithoutAnyProxy() throws Exception {
    listReady("A", first);
    proxy.stop();
    await().until(() -> door.status().proxies().stream().noneMatch(p -> p.serves()));
    assertThat(post("/A").body()).isEqualTo("direct");
    try (RawClient client = new RawClient(door.port)) {
      assertThat(client.get("/-/healthz").read().status()).isEqualTo(200);
    }
  }

  @Test
  void sendsToTheReplicaWithTheFewestRequests() throws Exception {
    listReady("B", first, second);
    AtomicReference<FakeReplica> busy = new AtomicReference<>();
    for (FakeReplica each : List.of(first, second)) {
      Consumer<HttpServerRequest> usual = each.behaviour;
      each.behaviour =
          request -> {
            if (!busy.compareAndSet(null, each)) { // The first request of all stays in flight.
              usual.accept(request);
            }
          };
    }
    try (RawClient hangs = new RawClient(door.port)) {
      hangs.post("/B", "{}");
      await().until(() -> first.seen.size() + second.seen.size() == 1);
      for (int i = 0; i < 10; i++) {
        assertThat(post("/B").body()).isEqualTo("direct");
      }
      assertThat(busy.get().seen).hasSize(1);
    }
  }

  /** What a class responds is its answer, whatever the status. */
  @ParameterizedTest
  @ValueSource(ints = {404, 500, 503})
  void returnsTheResponsesOfTheClass(int status) throws Exception {
    listReady("B", first);
    first.behaviour = request -> FakeReplica.respond(request, status, "mine");
    Response response = post("/B");
    assertThat(response.status()).isEqualTo(status);
    assertThat(response.body()).isEqualTo("mine");
    assertThat(first.seen).hasSize(1);
  }

  @Test
  void sendsAgainWhatAReplicaDidNotExecute() throws Exception {
    listReady("B", first); // Not idempotent.
    AtomicInteger refusals = new AtomicInteger(3);
    first.behaviour =
        request -> {
          if (refusals.getAndDecrement() > 0) {
            FakeReplica.refuse(request, 503, "overloaded");
          } else {
            FakeReplica.respond(request, 200, "executed");
          }
        };
    Response response = post("/B");
    assertThat(response.body()).isEqualTo("executed");
    assertThat(response.header("X-SeedCore-Not-Executed")).isEmpty();
    assertThat(first.seen).hasSize(4);
  }

  /** It may run requests of others, which this door does not know of. */
  @Test
  void passesOverAReplicaThatIsFull() throws Exception {
    listReady("B", first, second);
    first.behaviour = request -> FakeReplica.refuse(request, 503, "overloaded");
    long from = System.nanoTime();
    for (int i = 0; i < 20; i++) {
      assertThat(post("/B").body()).isEqualTo("direct");
    }
    assertThat(Duration.ofNanos(System.nanoTime() - from)).isLessThan(Duration.ofSeconds(3));
    assertThat(second.seen).hasSize(20);
  }

  /** Otherwise the replica that can be reached would get all requests of the route. */
  @Test
  @Tag("slow")
  void usesTheProxyIfOneOfTheReplicasCannotBeReached() throws Exception {
    second.key = "another key";
    list("A", first, second);
    awaitReady(1);
    await().atMost(Duration.ofSeconds(20)).until(() -> post("/A").body().equals("{}"));
    second.key = FakeReplica.KEY;
    awaitReady(2);
    assertThat(post("/A").body()).isEqualTo("direct");
  }

  /** As after a power failure: its connections stay open, and the cluster does not list it. */
  @Test
  @Tag("slow")
  void givesUpAReplicaThatVanishes() throws Exception {
    listReady("B", first);
    first.behaviour = request -> first.frozen = true;
    try (RawClient client = new RawClient(door.port)) {
      client.post("/B", "{}");
      await().until(() -> first.seen.size() == 1);
      list("B");
      assertThat(client.read().status()).isEqualTo(502);
    }
    door.awaitEmpty(0);
  }

  @Test
  void leavesAReplicaThatDrainsAlone() throws Exception {
    listReady("B", first, second);
    first.draining = true;
    for (int i = 0; i < 20; i++) {
      assertThat(post("/B").body()).isEqualTo("direct");
    }
    assertThat(first.seen.size()).isLessThanOrEqualTo(1);
    assertThat(second.seen).hasSize(20);
  }

  @Test
  void sendsNoMoreThanAReplicaExecutesAtATime() throws Exception {
    first.limit = 2;
    listReady("A", first);
    AtomicInteger running = new AtomicInteger();
    AtomicInteger most = new AtomicInteger();
    first.behaviour =
        request -> {
          most.accumulateAndGet(running.incrementAndGet(), Math::max);
          request
              .body()
              .onSuccess(
                  read ->
                      io.vertx.core.Vertx.currentContext()
                          .owner()
                          .setTimer(
                              20,
                              timer -> {
                                running.decrementAndGet();
                                request.response().end("direct");
                              }));
        };
    List<CompletableFuture<Integer>> all = new ArrayList<>();
    for (int i = 0; i < 20; i++) {
      all.add(
          CompletableFuture.supplyAsync(
              () -> {
                try {
                  return post("/A").status();
                } catch (Exception e) {
                  throw new IllegalStateException(e);
                }
              }));
    }
    assertThat(all).allMatch(each -> each.join() == 200);
    assertThat(most.get()).isLessThanOrEqualTo(2);
  }

  /** Until the second is asked, too, a request may take as long as nearly all others do. */
  @Test
  void sendsASlowRequestToASecondReplica() throws Exception {
    listReady("A", first, second);
    allowHedging();
    AtomicInteger hung = new AtomicInteger();
    first.behaviour = request -> hung.incrementAndGet();
    while (hung.get() == 0) {
      long from = System.nanoTime();
      assertThat(post("/A").body()).isEqualTo("direct");
      assertThat(Duration.ofNanos(System.nanoTime() - from)).isLessThan(Duration.ofMillis(900));
    }
    await().until(() -> door.status().hedged() == 1);
    assertThat(door.status().underWay()).isZero();
    assertThat(first.state(door)).isIn("ready", "ejected");
  }

  /** An error of the second replica is not the response: the first one is only slow. */
  @Test
  void anErrorOfTheSecondReplicaDoesNotCount() throws Exception {
    listReady("A", first, second);
    allowHedging();
    AtomicInteger errors = new AtomicInteger();
    first.behaviour = request -> later(request, 600);
    second.behaviour =
        request -> {
          errors.incrementAndGet();
          FakeReplica.respond(request, 500, "broken");
        };
    int slow = 0;
    while (slow == 0) {
      int before = first.seen.size();
      Response response = post("/A");
      slow += first.seen.size() - before;
      assertThat(slow == 0 || response.body().equals("direct")).isTrue();
    }
    assertThat(errors.get()).isPositive();
    assertThat(door.status().hedged()).isEqualTo(1);
  }

  /** Sends enough requests for an estimate and for a few second attempts. */
  private void allowHedging() throws Exception {
    for (int i = 0; i < 120; i++) {
      assertThat(post("/A").status()).isEqualTo(200);
    }
  }

  @Test
  void hedgesAShareOfTheTrafficOnly() throws Exception {
    listReady("A", first, second);
    allowHedging();
    first.behaviour = request -> later(request, 400);
    List<CompletableFuture<Integer>> all = new ArrayList<>();
    for (int i = 0; i < 60; i++) {
      all.add(CompletableFuture.supplyAsync(() -> status("/A"), pool));
    }
    assertThat(all).allMatch(each -> each.join() == 200);
    assertThat(door.status().hedged()).isBetween(1L, 4L);
  }

  @Test
  void sendsARequestTwiceOnlyIfItMayBeExecutedTwice() throws Exception {
    listReady("B", first, second);
    AtomicInteger executed = new AtomicInteger();
    first.behaviour = request -> later(request, 500 + executed.incrementAndGet());
    second.behaviour = first.behaviour;
    assertThat(post("/B").status()).isEqualTo(200);
    assertThat(executed).hasValue(1);
  }

  @Test
  void aReplicaThatFailsWhileAnotherSucceedsGetsNoRequestsForAWhile() throws Exception {
    listReady("B", first, second);
    first.behaviour = request -> FakeReplica.respond(request, 500, "broken");
    int failed = 0;
    for (int i = 0; i < 60; i++) {
      failed += post("/B").status() == 500 ? 1 : 0;
    }
    assertThat(failed).isBetween(1, 10);
    await().until(() -> first.state(door).equals("ejected"));
    assertThat(second.state(door)).isEqualTo("ready");
    // Where there is no other, it gets them.
    second.close();
    await().until(() -> post("/B").status() == 500);
  }

  @Test
  void ejectsAtMostHalfOfTheReplicas() throws Exception {
    FakeReplica third = opened(new FakeReplica("a3"));
    listReady("B", first, second, third);
    first.behaviour = request -> FakeReplica.respond(request, 500, "broken");
    second.behaviour = first.behaviour;
    for (int i = 0; i < 60; i++) {
      assertThat(post("/B").status()).isIn(200, 500);
    }
    await().until(() -> door.status().underWay() == 0);
    assertThat(third.state(door)).isEqualTo("ready");
    assertThat(List.of(first.state(door), second.state(door)))
        .containsExactlyInAnyOrder("ejected", "ready");
  }

  @Test
  void aReplicaIsNotEjectedForWhatAllOfThemDo() throws Exception {
    listReady("B", first, second);
    first.behaviour = request -> FakeReplica.respond(request, 500, "bad input");
    second.behaviour = first.behaviour;
    for (int i = 0; i < 30; i++) {
      assertThat(post("/B").status()).isEqualTo(500);
    }
    await().until(() -> door.status().underWay() == 0);
    assertThat(List.of(first.state(door), second.state(door))).containsOnly("ready");
  }

  @Test
  void endsARequestThatIgnoresItsTimeLimit() throws Exception {
    door.declare(Route.declared("/B", "B", Idempotence.SAFE).withTimeout(Duration.ofMillis(300)));
    listReady("B", first);
    first.behaviour = request -> {};
    Response response = post("/B");
    assertThat(response.status()).isEqualTo(504);
    assertThat(response.body()).contains("timeout", "request_timeout_s of 0.3 s");
    first.behaviour = request -> FakeReplica.respond(request, 200, "direct");
    assertThat(post("/B").status()).isEqualTo(200);
  }

  private int status(String path) {
    try {
      return post(path).status();
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  private void later(HttpServerRequest request, long millis) {
    request
        .body()
        .onSuccess(
            body -> first.vertx().setTimer(millis, timer -> request.response().end("direct")));
  }

  /** One of two replicas is stopped; its processes still accept connections. */
  @Test
  void asksAnotherReplicaIfOneDoesNotRespond() throws Exception {
    listReady("A", first, second);
    first.frozen = true;
    long longest = 0;
    for (int i = 0; i < 10; i++) {
      long from = System.nanoTime();
      assertThat(post("/A").body()).isEqualTo("direct");
      longest = Math.max(longest, System.nanoTime() - from);
    }
    assertThat(Duration.ofNanos(longest)).isLessThan(Duration.ofSeconds(3));
    first.frozen = false;
    await().until(() -> !first.state(door).equals("unreachable"));
  }

  @Test
  void waitsForAReplicaThatDoesNotRespondIfARequestMustNotBeExecutedTwice() throws Exception {
    listReady("B", first);
    first.behaviour = request -> first.frozen = true;
    try (RawClient client = new RawClient(door.port)) {
      client.post("/B", "{}");
      await().until(() -> door.status().replicas().get(0).state().equals("unreachable"));
      assertThat(door.status().underWay()).isEqualTo(1);
      first.close();
      assertThat(client.read().status()).isEqualTo(502);
    }
    assertThat(first.seen).hasSize(1);
    assertThat(proxy.seen).isEmpty();
  }

  @Test
  void forgetsTheReplicasOfAnotherCluster() throws Exception {
    listReady("A", first);
    door.replicas("the next key", List.of(first.endpoint("A")));
    await().until(() -> door.status().replicas().get(0).state().equals("unreachable"));
    assertThat(post("/A").body()).isEqualTo("{}");
    first.key = "the next key";
    awaitReady(1);
    assertThat(post("/A").body()).isEqualTo("direct");
  }

  @Test
  void explainsHowARequestWasServedToThoseWhoAsk() throws Exception {
    String head = "GET %s HTTP/1.1\r\nHost: x\r\n%s\r\n";
    try (RawClient client = new RawClient(door.port)) {
      Response proxied = client.send(head.formatted("/A", "X-SeedCore-Explain: 1\r\n")).read();
      assertThat(proxied.header("Server-Timing"))
          .matches("hold;dur=[0-9.]+, attempts;desc=\"1\", proxy;dur=[0-9.]+");
      listReady("A", first);
      Response direct = client.send(head.formatted("/A", "X-SeedCore-Explain: 1\r\n")).read();
      assertThat(direct.header("Server-Timing")).contains("direct;dur=");
      assertThat(client.send(head.formatted("/A", "")).read().header("Server-Timing")).isEmpty();
    }
  }

  @Test
  void measuresHowLongRequestsTakeAndHowManyFail() throws Exception {
    door.declare(Route.declared("/A", "A", Idempotence.NONE).withObjective(Duration.ofMillis(200)));
    listReady("A", first);
    post("/A");
    first.behaviour = request -> FakeReplica.respond(request, 500, "no");
    post("/A");
    first.behaviour =
        request ->
            request
                .body()
                .onSuccess(
                    body -> first.vertx().setTimer(300, timer -> request.response().end("late")));
    post("/A");
    await().until(() -> door.status().timings().get(0).latency().times() == 3);
    DoorStatus.Timing timing = door.status().timings().get(0);
    assertThat(timing.app()).isEqualTo("A");
    assertThat(timing.failed()).isEqualTo(1);
    assertThat(timing.late()).isEqualTo(1);
    assertThat(timing.latency().seconds()).isBetween(0.3, 5.0);
    assertThat(timing.latency().counts().subList(0, 8).stream().mapToLong(n -> n).sum())
        .isBetween(1L, 2L);
    assertThat(timing.hold().times()).isEqualTo(3);
  }
}
