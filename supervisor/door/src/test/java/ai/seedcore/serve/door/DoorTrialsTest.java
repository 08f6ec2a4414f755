package ai.seedcore.serve.door;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import ai.seedcore.serve.door.OpenDoor.Bounds;
import ai.seedcore.serve.door.RawClient.Response;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A version on trial: it gets copies of requests, and no client gets its responses. */
class DoorTrialsTest {

  private final List<AutoCloseable> opened = new ArrayList<>();
  private FakeProxy proxy;
  private FakeReplica old;
  private FakeReplica fresh;
  private OpenDoor door;

  @BeforeEach
  void open() throws Exception {
    proxy = opened(new FakeProxy());
    old = opened(new FakeReplica("a1"));
    fresh = opened(new FakeReplica("a2"));
    fresh.version = "v2";
    fresh.behaviour = request -> FakeReplica.respond(request, 200, "new");
    door = opened(OpenDoor.serving(proxy.uri(), Bounds.USUAL));
    door.declare(Route.declared("/A", "A", Idempotence.ALL).mirroring(20));
    door.trials(Map.of("A", "v2"));
    list(old, fresh);
  }

  @AfterEach
  void close() throws Exception {
    for (int i = opened.size() - 1; i >= 0; i--) {
      opened.get(i).close();
    }
  }

  private <T extends AutoCloseable> T opened(T one) {
    opened.add(one);
    return one;
  }

  private void list(FakeReplica... replicas) {
    door.replicas(FakeReplica.KEY, Stream.of(replicas).map(each -> each.endpoint("A")).toList());
    await()
        .until(() -> Stream.of(replicas).allMatch(replica -> replica.state(door).equals("ready")));
  }

  private Response post(String body) throws Exception {
    try (RawClient client = new RawClient(door.port)) {
      return client.post("/A/x?q=1", body).read();
    }
  }

  private DoorStatus.Comparison comparison() {
    return door.status().trials().get("A");
  }

  private void awaitCompared(int many) {
    await().until(() -> comparison().compared() == many);
  }

  @Test
  void clientsGetTheResponsesOfTheVersionThatServes() throws Exception {
    List<String> bodies = new CopyOnWriteArrayList<>();
    fresh.behaviour =
        request ->
            request
                .body()
                .onSuccess(
                    body -> {
                      bodies.add(body + " " + request.getHeader("X-SeedCore-Mirrored"));
                      request.response().end("new");
                    });
    for (int i = 0; i < 5; i++) {
      assertThat(post("{\"n\":%d}".formatted(i)).body()).isEqualTo("direct");
      awaitCompared(i + 1);
    }
    assertThat(old.seen).hasSize(5);
    assertThat(fresh.seen).hasSize(5).containsOnly("POST /A/x?q=1");
    assertThat(bodies).contains("{\"n\":0} 1", "{\"n\":4} 1");
    assertThat(comparison().worse()).isZero();
    assertThat(comparison().offered()).isEqualTo(5);
    door.awaitEmpty(0);
  }

  @Test
  void comparesFailuresAndTimes() throws Exception {
    answerLate(200, "new");
    for (int i = 0; i < 8; i++) {
      assertThat(post("{}").body()).isEqualTo("direct");
      awaitCompared(i + 1);
    }
    assertThat(comparison().worse()).isZero();
    assertThat(comparison().trialMillis()).isGreaterThan(90);
    assertThat(comparison().millis()).isLessThan(90);
    answerLate(500, "{\"error\":\"no table\"}");
    assertThat(post("{}").body()).isEqualTo("direct");
    awaitCompared(9);
    assertThat(comparison().worse()).isEqualTo(1);
    assertThat(comparison().example()).isEqualTo("answers with status 500: no table");
  }

  @Test
  void onlyTheLatestTimesCount() throws Exception {
    answerLate(200, "cold");
    for (int i = 0; i < 6; i++) {
      post("{}");
      awaitCompared(i + 1);
    }
    assertThat(comparison().trialMillis()).isGreaterThan(90);
    fresh.behaviour = request -> FakeReplica.respond(request, 200, "warm");
    for (int i = 6; i < 11; i++) {
      post("{}");
      awaitCompared(i + 1);
    }
    assertThat(comparison().trialMillis()).isLessThan(90);
  }

  /** A version that mends another one does more than that. */
  @Test
  void aQuickFailureOfTheOldVersionSaysNothingAboutTheTimeOfTheNewOne() throws Exception {
    old.behaviour = request -> FakeReplica.respond(request, 500, "no");
    answerLate(200, "yes");
    post("{}");
    awaitCompared(1);
    assertThat(comparison().worse()).isZero();
    assertThat(comparison().trialMillis()).isZero();
  }

  private void answerLate(int status, String text) {
    fresh.behaviour =
        request ->
            request
                .body()
                .onSuccess(
                    body ->
                        fresh
                            .vertx()
                            .setTimer(
                                100, timer -> request.response().setStatusCode(status).end(text)));
  }

  @Test
  void anErrorOfBothIsNoFault() throws Exception {
    old.behaviour = request -> FakeReplica.respond(request, 422, "no");
    fresh.behaviour = request -> FakeReplica.respond(request, 400, "no");
    assertThat(post("{}").status()).isEqualTo(422);
    awaitCompared(1);
    assertThat(comparison().worse()).isZero();
  }

  @Test
  void aVersionThatNeverAnswersCountsWithTheTimeSoFar() throws Exception {
    fresh.behaviour = request -> {};
    for (int i = 0; i < 6; i++) {
      assertThat(post("{}").body()).isEqualTo("direct");
    }
    assertThat(fresh.seen).hasSize(4); // No more at a time.
    await().until(() -> comparison().compared() == 4 && comparison().trialMillis() > 500);
  }

  @Test
  void copiesNoMoreThanDeclaredAndOnlyWhatMayBeExecutedTwice() throws Exception {
    for (int i = 0; i < 25; i++) {
      post("{}");
      int compared = Math.min(20, i + 1);
      awaitCompared(compared);
    }
    assertThat(fresh.seen).hasSize(20);
    door.declare(Route.declared("/A", "A", Idempotence.SAFE).mirroring(20));
    door.trials(Map.of("A", "v3"));
    door.trials(Map.of("A", "v2"));
    for (int i = 0; i < 5; i++) {
      assertThat(post("{}").body()).isEqualTo("direct");
    }
    assertThat(fresh.seen).hasSize(20);
    assertThat(comparison().offered()).isZero();
  }

  @Test
  void takesOverOnceItIsAccepted() throws Exception {
    door.trials(Map.of());
    list(fresh);
    assertThat(post("{}").body()).isEqualTo("new");
    assertThat(door.status().trials()).isEmpty();
  }

  @Test
  void aVersionOnTrialThatIsAloneServesNobody() throws Exception {
    list(fresh);
    assertThat(post("{}").body()).isEqualTo("{}"); // The proxy echoes.
    assertThat(fresh.seen).isEmpty();
  }

  /** In a class's own format, an error has status 200 here and another one for clients. */
  @Test
  void anErrorInTheBodyIsAFailure() throws Exception {
    fresh.behaviour =
        request ->
            FakeReplica.respond(
                request,
                200,
                "{\"status\":\"error\",\"code\":\"invalid_field\",\"error\":\"no table\"}");
    post("{}");
    awaitCompared(1);
    assertThat(comparison().worse()).isEqualTo(1);
    assertThat(comparison().example()).isEqualTo("answers with status 422: no table");
  }

  @Test
  void aRequestThatWasNotExecutedIsNotCompared() throws Exception {
    fresh.behaviour = request -> FakeReplica.refuse(request, 503, "overloaded");
    for (int i = 0; i < 6; i++) {
      post("{}");
      int seen = i + 1;
      await().until(() -> fresh.seen.size() == seen);
    }
    await().until(() -> comparison().offered() == 6);
    assertThat(comparison().compared()).isZero();
    assertThat(comparison().worse()).isZero();
  }

  @Test
  void sendsNoMoreCopiesThanTheVersionExecutesAtATime() throws Exception {
    door.replicas(FakeReplica.KEY, List.of(old.endpoint("A")));
    fresh.limit = 1;
    list(old, fresh);
    fresh.behaviour = request -> {};
    for (int i = 0; i < 5; i++) {
      post("{}");
    }
    assertThat(fresh.seen).hasSize(1);
  }

  @Test
  void aVersionThatHangsFails() throws Exception {
    fresh.behaviour = request -> {};
    post("{}");
    await().atMost(Duration.ofSeconds(10)).until(() -> comparison().worse() == 1);
    assertThat(comparison().example()).isEqualTo("does not answer within 5 s");
  }

  @Test
  void onlyTheDoorSaysThatARequestIsACopy() throws Exception {
    List<String> marks = new CopyOnWriteArrayList<>();
    old.behaviour =
        request -> {
          marks.add(String.valueOf(request.getHeader("X-SeedCore-Mirrored")));
          FakeReplica.respond(request, 200, "direct");
        };
    try (RawClient client = new RawClient(door.port)) {
      client.send(
          "POST /A HTTP/1.1\r\nHost: x\r\nX-SeedCore-Mirrored: 1\r\nContent-Length: 2\r\n\r\n{}");
      assertThat(client.read().body()).isEqualTo("direct");
    }
    assertThat(marks).containsExactly("null");
  }
}
