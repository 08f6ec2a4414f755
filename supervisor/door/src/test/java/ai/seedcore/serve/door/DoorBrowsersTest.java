package ai.seedcore.serve.door;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.net.InetAddress;
import java.net.Socket;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Tests what browsers and gateways expect of the door. */
class DoorBrowsersTest extends DoorFixture {

  private static final String APP = "https://app.example.org";
  private static final String TOKEN = "a-token-of-some-length";
  private static final String OTHER = "another-token-of-some-length";

  private HttpResponse<String> preflight(String origin) throws Exception {
    return get(
        request("/A")
            .method("OPTIONS", BodyPublishers.noBody())
            .header("Origin", origin)
            .header("Access-Control-Request-Method", "POST")
            .header("Access-Control-Request-Headers", "authorization,content-type"));
  }

  @Test
  void preflightNeedsNoTokenAndDoesNotReachTheClass() throws Exception {
    origins = List.of(APP);
    awaitServes(open(Limits.USUAL, TOKEN, null, null));
    HttpResponse<String> allowed = preflight(APP);
    assertThat(allowed.statusCode()).isEqualTo(204);
    assertThat(allowed.headers().firstValue("Access-Control-Allow-Origin")).contains(APP);
    assertThat(allowed.headers().firstValue("Access-Control-Allow-Methods").orElseThrow())
        .contains("POST");
    assertThat(allowed.headers().firstValue("Access-Control-Allow-Headers"))
        .contains("authorization,content-type");
    assertThat(allowed.headers().firstValue("Vary")).contains("Origin");
    HttpResponse<String> refused = preflight("https://evil.example.org");
    assertThat(refused.statusCode()).isEqualTo(403);
    assertThat(refused.headers().firstValue("Access-Control-Allow-Origin")).isEmpty();
    assertThat(proxy.seen).isEmpty();
  }

  @Test
  void pageMayReadResponsesAndRefusals() throws Exception {
    origins = List.of(APP);
    awaitServes(open(Limits.USUAL, TOKEN, null, null));
    HttpResponse<String> unauthorized =
        get(request("/A").header("Origin", APP).POST(BodyPublishers.ofString("{}")));
    assertThat(unauthorized.statusCode()).isEqualTo(401);
    assertThat(unauthorized.headers().allValues("Access-Control-Allow-Origin"))
        .containsExactly(APP);
    proxy.behaviour =
        request ->
            request
                .response()
                .putHeader("Access-Control-Allow-Origin", "*")
                .putHeader("Access-Control-Allow-Credentials", "true")
                .end("{}");
    HttpResponse<String> served =
        get(request("/A").header("Origin", APP).header("Authorization", "Bearer " + TOKEN));
    assertThat(served.statusCode()).isEqualTo(200);
    assertThat(served.headers().allValues("Access-Control-Allow-Origin")).containsExactly(APP);
    assertThat(served.headers().firstValue("Access-Control-Allow-Credentials")).isEmpty();
    HttpResponse<String> other =
        get(request("/A").header("Origin", "https://e").header("Authorization", "Bearer " + TOKEN));
    assertThat(other.statusCode()).isEqualTo(200);
    assertThat(other.headers().firstValue("Access-Control-Allow-Origin")).isEmpty();
    HttpResponse<String> without = get(request("/A").header("Authorization", "Bearer " + TOKEN));
    assertThat(without.headers().firstValue("Vary")).contains("Origin");
  }

  @Test
  void withoutOriginsTheClassDecides() throws Exception {
    proxy.behaviour =
        request ->
            request
                .response()
                .setStatusCode(204)
                .putHeader("Access-Control-Allow-Origin", "https://of.the.class")
                .end();
    openServing(Limits.USUAL);
    HttpResponse<String> response = preflight(APP);
    assertThat(response.headers().allValues("Access-Control-Allow-Origin"))
        .containsExactly("https://of.the.class");
    assertThat(proxy.seen).hasSize(1);
  }

  @Test
  void everyOriginIsAllowedByAStar() throws Exception {
    origins = List.of("*");
    openServing(Limits.USUAL);
    HttpResponse<String> response = preflight("null");
    assertThat(response.statusCode()).isEqualTo(204);
    assertThat(response.headers().firstValue("Access-Control-Allow-Origin")).contains("*");
  }

  @Test
  void listedRouteComesBeforeTheDoorsHealth() throws Exception {
    openServing(Limits.USUAL);
    assertThat(get(request("/health")).body()).contains("\"serving\"");
    proxy.table = Map.of("/health", "Health");
    await()
        .untilAsserted(
            () ->
                assertThat(get(request("/health?x=1")).headers().firstValue("X-Saw"))
                    .contains("GET /health?x=1"));
    assertThat(get(request("/-/health")).body()).contains("\"serving\"");
  }

  @ParameterizedTest
  @ValueSource(strings = {TOKEN, OTHER})
  void anyOfSeveralTokensIsEnough(String token) throws Exception {
    awaitServes(open(Limits.USUAL, TOKEN + " " + OTHER, null, null));
    assertThat(get(request("/A").header("Authorization", "Bearer " + token)).statusCode())
        .isEqualTo(200);
    assertThat(get(request("/A").header("Authorization", "Bearer x" + token)).statusCode())
        .isEqualTo(401);
  }

  @Test
  void tokenInAnotherFieldLeavesAuthorizationToTheClass() throws Exception {
    tokenField = "X-Api-Key";
    awaitServes(open(Limits.USUAL, TOKEN, null, null));
    HttpResponse<String> served =
        get(request("/A").header("X-Api-Key", TOKEN).header("Authorization", "Basic of-the-class"));
    assertThat(served.statusCode()).isEqualTo(200);
    assertThat(served.headers().firstValue("X-Saw-Headers").orElseThrow())
        .contains("Authorization=Basic of-the-class")
        .doesNotContain(TOKEN);
    HttpResponse<String> refused = get(request("/A").header("Authorization", "Bearer " + TOKEN));
    assertThat(refused.statusCode()).isEqualTo(401);
    assertThat(json(refused).path("error").asString()).isEqualTo("expected 'X-Api-Key: TOKEN'");
  }

  @Test
  void idleConnectionIsKeptForTheConfiguredTime() throws Exception {
    idle = Duration.ofSeconds(2);
    openServing(Limits.USUAL);
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
      socket.setSoTimeout(20_000);
      long start = System.nanoTime();
      assertThat(socket.getInputStream().read()).isEqualTo(-1);
      assertThat(System.nanoTime() - start).isBetween(1_500_000_000L, 15_000_000_000L);
    }
  }

  @Test
  void aHeadThatDoesNotEndInTimeClosesItsConnection() throws Exception {
    header = Duration.ofSeconds(2);
    openServing(Limits.USUAL);
    try (Socket patient = new Socket(InetAddress.getLoopbackAddress(), port);
        Socket slow = new Socket(InetAddress.getLoopbackAddress(), port)) {
      long start = System.nanoTime();
      send(slow, "GET /A HTTP/1.1\r\nHost: x\r\n");
      slow.setSoTimeout(20_000);
      assertThat(slow.getInputStream().read()).isEqualTo(-1);
      assertThat(System.nanoTime() - start).isBetween(1_500_000_000L, 15_000_000_000L);
      send(patient, "GET /A HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
      assertThat(readUntil(patient, "\r\n")).contains("200");
    }
  }

  @Test
  @Tag("slow")
  void changedTokensAreUsedAndInvalidOnesAreNot() throws Exception {
    Path file = Files.writeString(folder.resolve("tokens"), TOKEN);
    tokenFile = file;
    awaitServes(open(Limits.USUAL, TOKEN, null, null));
    Files.writeString(file, OTHER + "\n" + TOKEN + "\n");
    await()
        .atMost(Duration.ofSeconds(30))
        .until(
            () ->
                get(request("/A").header("Authorization", "Bearer " + OTHER)).statusCode() == 200);
    assertThat(get(request("/A").header("Authorization", "Bearer " + TOKEN)).statusCode())
        .isEqualTo(200);
    Files.writeString(file, "short");
    await()
        .during(Duration.ofSeconds(12))
        .atMost(Duration.ofSeconds(30))
        .until(
            () ->
                get(request("/A").header("Authorization", "Bearer " + OTHER)).statusCode() == 200);
  }
}
