package ai.seedcore.serve.door;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import ai.seedcore.serve.door.OpenDoor.Bounds;
import ai.seedcore.serve.door.RawClient.Response;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Tests the paths of the Open Inference Protocol. */
@Timeout(60)
class DoorInferenceTest {

  private FakeProxy proxy;
  private FakeReplica replica;
  private OpenDoor door;

  @BeforeEach
  void open() throws Exception {
    proxy = new FakeProxy();
    replica = new FakeReplica("a1");
    replica.behaviour =
        request ->
            FakeReplica.respond(
                request, 200, "marked " + request.getHeader("X-SeedCore-Inference"));
    door = OpenDoor.serving(proxy.uri(), Bounds.USUAL);
    door.replicas(FakeReplica.KEY, List.of(replica.endpoint("A")));
    await().until(() -> door.status().replicas().stream().anyMatch(r -> r.state().equals("ready")));
  }

  @AfterEach
  void close() throws Exception {
    door.close();
    replica.close();
    proxy.close();
  }

  private Response get(String path) throws Exception {
    try (RawClient client = new RawClient(door.port)) {
      return client.get(path).read();
    }
  }

  private Response post(String path, String body) throws Exception {
    try (RawClient client = new RawClient(door.port)) {
      return client.post(path, body).read();
    }
  }

  private static JsonNode json(Response response) {
    return JsonMapper.shared().readTree(response.body());
  }

  @Test
  void answersWhatConcernsTheServer() throws Exception {
    assertThat(json(get("/v2/health/live")).path("live").asBoolean()).isTrue();
    assertThat(json(get("/v2/health/ready")).path("ready").asBoolean()).isTrue();
    JsonNode server = json(get("/v2"));
    assertThat(server.path("name").asString()).isEqualTo("seedcore-serve");
    assertThat(server.path("extensions").path(0).asString()).isEqualTo("binary_tensor_data");
    assertThat(json(get("/v2/models")).path("models").toString()).contains("\"A\"", "\"B\"");
    assertThat(replica.seen).isEmpty();
  }

  @Test
  void sendsWhatConcernsAModelToItsReplicas() throws Exception {
    assertThat(post("/v2/models/A/infer", "{}").body()).isEqualTo("marked A/infer");
    assertThat(get("/v2/models/A").body()).isEqualTo("marked A");
    assertThat(get("/v2/models/%41/versions/1").body()).isEqualTo("marked %41/versions/1");
    assertThat(replica.seen)
        .containsExactly(
            "POST /A/v2/models/A/infer", "GET /A/v2/models/A", "GET /A/v2/models/%41/versions/1");
  }

  @Test
  void saysWhetherAModelIsReadyWithoutWaitingForIt() throws Exception {
    assertThat(get("/v2/models/A/ready").status()).isEqualTo(200);
    assertThat(get("/v2/models/A/versions/1/ready").body()).isEqualTo("marked A/versions/1/ready");
    assertThat(post("/v2/models/A/ready", "{}").status()).isEqualTo(405);
    replica.frozen = true;
    door.replicas(FakeReplica.KEY, List.of());
    proxy.table = Map.of();
    await().until(() -> get("/v2/models/A/ready").status() == 503);
    assertThat(json(get("/v2/models/A/ready")).path("ready").asBoolean(true)).isFalse();
    assertThat(get("/v2/models/A/versions/1/ready").status()).isEqualTo(503);
    assertThat(get("/v2/health/live").status()).isEqualTo(200);
  }

  @Test
  void namesTheModelsThatThereAre() throws Exception {
    Response unknown = post("/v2/models/C/infer", "{}");
    assertThat(unknown.status()).isEqualTo(404);
    assertThat(json(unknown).path("error").asString()).contains("found 'C'", "A, B");
    assertThat(get("/v2/repository/index").status()).isEqualTo(404);
    assertThat(get("/v2x").status()).isEqualTo(404);
  }

  /** A client must not make a class's own request look like one of the protocol. */
  @Test
  void removesTheMarkOfClients() throws Exception {
    try (RawClient client = new RawClient(door.port)) {
      client.send("GET /A HTTP/1.1\r\nHost: x\r\nX-SeedCore-Inference: A/infer\r\n\r\n");
      assertThat(client.read().body()).isEqualTo("marked null");
    }
  }
}
