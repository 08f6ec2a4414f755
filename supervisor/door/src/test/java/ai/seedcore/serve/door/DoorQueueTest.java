package ai.seedcore.serve.door;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import ai.seedcore.serve.door.queue.RouteQueue;
import io.vertx.core.http.HttpServerRequest;
import java.net.InetAddress;
import java.net.Socket;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Tests what happens to requests whose route is not served, and to more of them than there is room
 * for.
 */
class DoorQueueTest extends DoorFixture {

  @Test
  @Tag("slow")
  void queuesRequestsWhileNothingIsServedAndSendsThemInOrder() throws Exception {
    proxy.stop();
    FrontDoor door = open(Limits.USUAL);
    List<CompletableFuture<HttpResponse<String>>> responses = new ArrayList<>();
    List<String> ids = new ArrayList<>();
    BlockingQueue<Runnable> replies = new LinkedBlockingQueue<>();
    proxy.behaviour =
        request -> request.body().onSuccess(b -> replies.add(() -> request.response().end(b)));
    for (int i = 0; i < 30; i++) {
      ids.add("r" + i);
      responses.add(postAsync("/B", "{\"i\":%d}".formatted(i), "X-Request-ID", "r" + i));
      awaitQueued(door, i + 1);
    }
    proxy.restart();
    for (int i = 0; i < responses.size(); i++) {
      // A request on an existing connection may overtake one whose connection is being made. So the
      // next response waits until everything that the queue has released has arrived.
      int come =
          RouteQueue.INITIAL_WINDOW
              + 2 * Math.min(i, RouteQueue.SAFE_WINDOW - RouteQueue.INITIAL_WINDOW);
      await().until(() -> proxy.seen.size() >= come);
      Runnable reply = replies.poll(5, TimeUnit.SECONDS);
      assertThat(reply).as("request %d", i).isNotNull();
      reply.run();
    }
    for (int i = 0; i < responses.size(); i++) {
      HttpResponse<String> response = responses.get(i).get(20, TimeUnit.SECONDS);
      assertThat(response.statusCode()).isEqualTo(200);
      assertThat(response.body()).isEqualTo("{\"i\":%d}", i);
    }
    assertThat(proxy.seen).containsExactlyElementsOf(ids);
    await().until(() -> door.status().waiting() == 0 && door.status().keptBytes() == 0);
    assertThat(door.status().held()).isEqualTo(30);
    assertThat(door.status().replayed()).isZero();
  }

  @Test
  void sendsOnlyAsManyRequestsAsTheWindowAllows() throws Exception {
    proxy.stop();
    FrontDoor door = open(Limits.USUAL);
    AtomicInteger now = new AtomicInteger();
    AtomicInteger most = new AtomicInteger();
    List<Runnable> responses = new ArrayList<>();
    proxy.behaviour =
        request -> {
          synchronized (responses) {
            most.accumulateAndGet(now.incrementAndGet(), Math::max);
            responses.add(
                () -> {
                  now.decrementAndGet();
                  request.response().end(FINE);
                });
          }
        };
    List<CompletableFuture<HttpResponse<String>>> sent = new ArrayList<>();
    for (int i = 0; i < 20; i++) {
      sent.add(postAsync("/A", "{}"));
    }
    awaitQueued(door, 20);
    proxy.restart();
    await().until(() -> now.get() == RouteQueue.INITIAL_WINDOW);
    await().during(Duration.ofMillis(300)).until(() -> now.get() == RouteQueue.INITIAL_WINDOW);
    while (!sent.stream().allMatch(CompletableFuture::isDone)) {
      synchronized (responses) {
        responses.forEach(Runnable::run);
        responses.clear();
      }
      Thread.onSpinWait();
    }
    assertThat(most.get()).isLessThanOrEqualTo(2 * RouteQueue.INITIAL_WINDOW + 4);
  }

  @Test
  @Tag("slow")
  void refusesRequestsBeyondTheQueueLimits() throws Exception {
    proxy.stop();
    FrontDoor door = open(Limits.USUAL.requests(2).seconds(2));
    door.publish(recovering("A", "B"));
    CompletableFuture<HttpResponse<String>> first = postAsync("/A", "{}");
    CompletableFuture<HttpResponse<String>> second = postAsync("/B", "{}");
    awaitQueued(door, 2);
    HttpResponse<String> third = post("/A", "{}");
    assertThat(third.statusCode()).isEqualTo(503);
    assertThat(third.headers().firstValue("Retry-After")).contains("7");
    assertThat(json(third).path("code").asString()).isEqualTo("overloaded");
    assertThat(json(third).path("error").asString()).isEqualTo("2 requests are already waiting");
    assertThat(json(third).path("daemon").path("phase").asString()).isEqualTo("RECOVERING");
    assertThat(json(third).path("daemon").path("reason").asString()).isEqualTo("because");
    HttpResponse<String> expired = first.get();
    assertThat(expired.statusCode()).isEqualTo(503);
    assertThat(expired.headers().firstValue("Retry-After")).isPresent();
    assertThat(json(expired).path("code").asString()).isEqualTo("not_served");
    assertThat(json(expired).path("error").asString()).contains("A was not served within the 2 s");
    assertThat(second.get().statusCode()).isEqualTo(503);
    awaitQueued(door, 0);
    assertThat(door.status().refused()).isEqualTo(Map.of("overloaded", 1L, "not_served", 2L));
    assertThat(door.status().keptBytes()).isZero();
  }

  @Test
  void refusesBodiesBeyondTheByteLimit() throws Exception {
    proxy.stop();
    FrontDoor door = open(Limits.USUAL.bytes(100_000));
    CompletableFuture<HttpResponse<String>> first = postAsync("/A", "x".repeat(60_000));
    awaitQueued(door, 1);
    HttpResponse<String> second = post("/A", "x".repeat(60_000));
    assertThat(second.statusCode()).isEqualTo(503);
    assertThat(json(second).path("error").asString()).contains("100000 bytes of requests");
    proxy.restart();
    assertThat(first.get().body()).hasSize(60_000);
  }

  @Test
  void respectsTheClientsTimeout() throws Exception {
    proxy.stop();
    FrontDoor door = open(Limits.USUAL);
    HttpResponse<String> response =
        get(request("/A").header("X-Request-Timeout-Seconds", "0.5").POST(BodyPublishers.noBody()));
    assertThat(response.statusCode()).isEqualTo(503);
    proxy.restart();
    awaitServes(door);
    proxy.behaviour = request -> {}; // Never responds.
    response =
        get(request("/A").header("X-Request-Timeout-Seconds", "0.5").POST(BodyPublishers.noBody()));
    assertThat(response.statusCode()).isEqualTo(504);
    assertThat(json(response).path("code").asString()).isEqualTo("timeout");
    HttpResponse<String> wrong = get(request("/A").header("X-Request-Timeout-Seconds", "soon"));
    assertThat(wrong.statusCode()).isEqualTo(400);
    assertThat(json(wrong).path("error").asString()).contains("found 'soon', expected seconds");
  }

  @Test
  void dropsQueuedRequestsOfClientsThatLeave() throws Exception {
    proxy.stop();
    FrontDoor door = open(Limits.USUAL);
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
      send(socket, "POST /A HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello");
      awaitQueued(door, 1);
    }
    awaitQueued(door, 0);
    assertThat(door.status().keptBytes()).isZero();
    proxy.restart();
    awaitServes(door);
    assertThat(post("/A", "{}").statusCode()).isEqualTo(200);
    assertThat(proxy.seen).hasSize(1);
  }

  @Test
  void sendsNothingToADrainingProxy() throws Exception {
    FrontDoor door = openServing(Limits.USUAL);
    proxy.table = null;
    awaitNotServing(door);
    CompletableFuture<HttpResponse<String>> response = postAsync("/A", "{}");
    awaitQueued(door, 1);
    assertThat(proxy.seen).isEmpty();
    proxy.table = Map.of("/A", "A");
    assertThat(response.get().statusCode()).isEqualTo(200);
  }

  @Test
  void balancesRequestsAcrossProxies() throws Exception {
    onlyProxy = false;
    FakeProxy other = new FakeProxy("127.0.9.2", proxy.uri().getPort());
    opened.add(other);
    FrontDoor door = openServing(Limits.USUAL);
    door.publish(servedBy(Set.of("127.0.0.1", "127.0.9.2", "127.0.9.3"), "A", "B"));
    await().until(() -> door.status().proxies().stream().filter(p -> p.serves()).count() == 2);
    List<CompletableFuture<HttpResponse<String>>> responses = new ArrayList<>();
    proxy.behaviour = request -> {}; // Keeps its requests in flight.
    for (int i = 0; i < 3; i++) {
      responses.add(postAsync("/A", "{}"));
      int sent = i + 1;
      await().until(() -> proxy.seen.size() + other.seen.size() >= sent);
    }
    await().until(() -> other.seen.size() >= 2);
    proxy.stop();
    for (CompletableFuture<HttpResponse<String>> response : responses) {
      assertThat(response.get().statusCode()).isEqualTo(200);
    }
    assertThat(post("/B", "{}").statusCode()).isEqualTo(200);
    door.publish(servedBy(Set.of("127.0.0.1"), "A", "B"));
    await().until(() -> door.status().proxies().size() == 1);
  }

  @Test
  void refusesRequestsInFlightWhoseRouteIsRemoved() throws Exception {
    FrontDoor door = openServing(Limits.USUAL);
    List<HttpServerRequest> taken = new CopyOnWriteArrayList<>();
    proxy.behaviour = taken::add;
    CompletableFuture<HttpResponse<String>> response = postAsync("/B", "{}");
    await().until(() -> taken.size() == 1);
    proxy.table = Map.of("/A", "A");
    door.publish(serving("A"));
    await().until(() -> !get(request("/")).body().contains("/B"));
    taken.get(0).response().setStatusCode(404).end();
    assertThat(response.get().statusCode()).isEqualTo(404);
    assertThat(json(response.get()).path("code").asString()).isEqualTo("unknown_route");
    await().until(() -> door.status().keptBytes() == 0 && door.status().underWay() == 0);
  }

  @Test
  void keepsUndeclaredRoutesThroughAnOutage() throws Exception {
    FrontDoor door = openServing(Limits.USUAL);
    proxy.stop();
    awaitNotServing(door);
    CompletableFuture<HttpResponse<String>> response = postAsync("/Other", "{}");
    awaitQueued(door, 1);
    door.publish(serving("A", "C"));
    proxy.restart();
    assertThat(response.get().statusCode()).isEqualTo(200);
    assertThat(response.get().body()).isEqualTo("{}");
    await().until(() -> door.status().keptBytes() == 0);
  }

  @Test
  @Tag("slow")
  void isHealthyWithoutAQueueWhileEverythingIsServed() throws Exception {
    FrontDoor door = openServing(Limits.USUAL.requests(0).seconds(0));
    assertThat(get(request("/health")).statusCode()).isEqualTo(200);
    assertThat(post("/A", "{}").statusCode()).isEqualTo(200);
    proxy.stop();
    awaitNotServing(door);
    assertThat(post("/A", "{}").statusCode()).isEqualTo(503);
    await().until(() -> get(request("/health")).statusCode() == 503);
  }

  @Test
  void refusesQueuedRequestsOnShutdown() throws Exception {
    proxy.stop();
    FrontDoor door = open(Limits.USUAL);
    CompletableFuture<HttpResponse<String>> response = postAsync("/A", "{}");
    awaitQueued(door, 1);
    door.close();
    assertThat(response.get().statusCode()).isEqualTo(503);
    assertThat(json(response.get()).path("error").asString())
        .isEqualTo("the daemon is shutting down");
  }

  @Test
  void appliesNewDeclarationsAndRefusesRequestsOfOldOnes() throws Exception {
    proxy.stop();
    FrontDoor door = open(Limits.USUAL);
    CompletableFuture<HttpResponse<String>> kept = postAsync("/A", "{}");
    CompletableFuture<HttpResponse<String>> dropped = postAsync("/B", "{}");
    awaitQueued(door, 2);
    door.publish(serving("A", "C"));
    assertThat(dropped.get().statusCode()).isEqualTo(404);
    proxy.table = Map.of("/A", "A", "/C", "C");
    proxy.restart();
    assertThat(kept.get().statusCode()).isEqualTo(200);
    assertThat(post("/C", "{}").statusCode()).isEqualTo(200);
  }
}
