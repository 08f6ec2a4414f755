package ai.seedcore.serve.door;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.net.http.HttpResponse;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Tests which requests are sent again, and how often. */
class DoorRetriesTest extends DoorFixture {

  @Test
  void retriesIdempotentRequestsOnly() throws Exception {
    FrontDoor door = openServing(Limits.USUAL);
    AtomicInteger times = new AtomicInteger();
    proxy.behaviour =
        request -> {
          if (times.incrementAndGet() <= 2) {
            FakeProxy.closesConnection(request);
          } else {
            FakeProxy.echo(request);
          }
        };
    HttpResponse<String> repeated = post("/A", "{\"x\":1}");
    assertThat(repeated.statusCode()).isEqualTo(200);
    assertThat(repeated.body()).isEqualTo("{\"x\":1}");
    assertThat(times).hasValue(3);
    await().until(() -> door.status().replayed() == 2);
    times.set(0);
    HttpResponse<String> lost = post("/B", "{\"x\":1}");
    assertThat(lost.statusCode()).isEqualTo(502);
    assertThat(json(lost).path("code").asString()).isEqualTo("lost");
    assertThat(times).hasValue(1);
  }

  @Test
  void doesNotRetryOnceAResponseHasBegun() throws Exception {
    openServing(Limits.USUAL);
    AtomicInteger times = new AtomicInteger();
    proxy.behaviour =
        request -> {
          times.incrementAndGet();
          request
              .response()
              .setChunked(true)
              .write("x".repeat(100_000))
              .onSuccess(nothing -> request.connection().close());
        };
    assertThatThrownBy(() -> post("/A", "{}")).isInstanceOf(IOException.class);
    assertThat(times).hasValue(1);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {"404|Path '/B' not found.", "503|This proxy is draining."})
  void retriesRequestsThatNoReplicaHasReceived(int status, String body) throws Exception {
    FrontDoor door = openServing(Limits.USUAL);
    proxy.behaviour = FakeProxy.responds(status, body);
    CompletableFuture<HttpResponse<String>> response = postAsync("/B", "{\"x\":1}");
    await().until(() -> proxy.seen.size() > 2);
    assertThat(response).isNotDone();
    proxy.behaviour = FakeProxy::echo;
    assertThat(response.get().statusCode()).isEqualTo(200);
    assertThat(response.get().body()).isEqualTo("{\"x\":1}");
    assertThat(door.status().held()).isEqualTo(1);
  }

  @ParameterizedTest
  @ValueSource(strings = {"not_ready", "overloaded"})
  void relaysErrorsOfTheClassWithoutRetry(String code) throws Exception {
    openServing(Limits.USUAL);
    proxy.behaviour =
        FakeProxy.responds(200, "{\"status\":\"error\",\"code\":\"%s\"}".formatted(code));
    for (String route : List.of("/A", "/B")) {
      proxy.seen.clear();
      HttpResponse<String> response = post(route, "{}");
      assertThat(response.statusCode()).isEqualTo(503);
      assertThat(json(response).path("code").asString()).isEqualTo(code);
      assertThat(proxy.seen).as("it is carried out once").hasSize(1);
    }
  }

  @Test
  void retriesSafeMethodsUnlessDeclaredNever() throws Exception {
    FrontDoor door = openServing(Limits.USUAL);
    AtomicInteger times = new AtomicInteger();
    proxy.behaviour =
        request -> {
          if (times.incrementAndGet() == 1) {
            FakeProxy.closesConnection(request);
          } else {
            FakeProxy.echo(request);
          }
        };
    assertThat(get(request("/B?x=1")).statusCode()).isEqualTo(200);
    assertThat(times).hasValue(2);
    times.set(0);
    assertThat(get(request("/Other")).statusCode()).isEqualTo(200);
    assertThat(times).hasValue(2);
    door.publish(serving("never"));
    await().until(() -> get(request("/")).body().contains("/never"));
    proxy.table = Map.of("/never", "never");
    await().until(() -> get(request("/")).body().contains("\"served\":true"));
    times.set(0);
    assertThat(get(request("/never?x=1")).statusCode()).isEqualTo(502);
    assertThat(times).hasValue(1);
  }

  @Test
  void retriesRequestsThatFailAloneAFewTimes() throws Exception {
    openServing(Limits.USUAL);
    AtomicInteger faults = new AtomicInteger();
    proxy.behaviour =
        request -> {
          boolean bad = "bad".equals(request.getHeader("X-Request-ID"));
          faults.addAndGet(bad ? 1 : 0);
          (bad ? FakeProxy.responds(500, "Internal Server Error") : FakeProxy.responds(200, FINE))
              .accept(request);
        };
    CompletableFuture<HttpResponse<String>> bad = postAsync("/A", "{}", "X-Request-ID", "bad");
    while (!bad.isDone()) {
      assertThat(post("/A", "{}").statusCode()).isEqualTo(200);
    }
    assertThat(bad.get().statusCode()).isEqualTo(500);
    assertThat(faults).hasValue(4);
    // B is not declared idempotent.
    assertThat(postAsync("/B", "{}", "X-Request-ID", "bad").get().statusCode()).isEqualTo(500);
    assertThat(faults).hasValue(5);
  }

  @Test
  void relaysErrorsOfTheAgentWithoutRetry() throws Exception {
    openServing(Limits.USUAL);
    String internal = "{\"status\":\"error\",\"code\":\"internal\",\"error\":\"x\",\"id\":\"1\"}";
    proxy.behaviour = FakeProxy.responds(500, internal);
    HttpResponse<String> response = post("/A", "{}"); // A is declared idempotent.
    assertThat(response.statusCode()).isEqualTo(500);
    assertThat(response.body()).isEqualTo(internal);
    assertThat(proxy.seen).hasSize(1);
    proxy.behaviour = FakeProxy.responds(500, internal.replace("internal", "timeout"));
    assertThat(post("/A", "{}").statusCode()).isEqualTo(504);
    assertThat(proxy.seen).hasSize(2);
  }

  @Test
  @Tag("slow")
  void retriesWhileAReplicaIsDead() throws Exception {
    openServing(Limits.USUAL);
    proxy.behaviour = FakeProxy.responds(500, "Internal Server Error");
    CompletableFuture<HttpResponse<String>> response = postAsync("/A", "{}");
    await().until(() -> proxy.seen.size() > 5);
    assertThat(response).isNotDone();
    proxy.behaviour = FakeProxy::echo;
    assertThat(response.get().statusCode()).isEqualTo(200);
  }

  @Test
  @Tag("slow")
  void stopsRetryingWhenTheClassAlwaysThrows() throws Exception {
    openServing(Limits.USUAL);
    proxy.behaviour = FakeProxy.responds(500, "Internal Server Error");
    assertThat(post("/A", "{}").statusCode()).isEqualTo(500);
    int before = proxy.seen.size();
    assertThat(post("/A", "{}").statusCode()).isEqualTo(500);
    assertThat(proxy.seen).hasSize(before + 1);
  }
}
