package ai.seedcore.serve.door;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import ai.seedcore.serve.base.ConfigException;
import ai.seedcore.serve.base.http.Sockets;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.zip.GZIPInputStream;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Tests what the door does with a request, and what it says about itself. */
class FrontDoorTest extends DoorFixture {

  @Test
  void forwardsRequestsAndTheirOrigin() throws Exception {
    openServing(Limits.USUAL);
    HttpResponse<String> response =
        get(
            request("/A/b?c=d")
                .header("X-Request-ID", "mine")
                .header("X-Forwarded-For", "10.9.8.7")
                .header("X-Own", "1")
                .POST(BodyPublishers.ofString("{\"x\":\"é\"}")));
    assertThat(response.statusCode()).isEqualTo(200);
    assertThat(response.body()).isEqualTo("{\"x\":\"é\"}");
    assertThat(response.headers().firstValue("Content-Type")).contains("application/json");
    // The query would replace the body.
    assertThat(response.headers().firstValue("X-Saw")).contains("POST /A/b");
    assertThat(response.headers().firstValue("X-Saw-Headers").orElseThrow())
        .contains("X-Request-ID=mine", "X-Own=1")
        .contains("X-Forwarded-For=10.9.8.7, 127.0.0.1")
        .contains("X-Forwarded-Proto=http", "X-Forwarded-Host=127.0.0.1:" + port)
        .contains("Via=1.1 seedcore-")
        .doesNotContain("Upgrade", "HTTP2-Settings", "Transfer-Encoding");
    assertThat(proxy.seen).containsExactly("mine");
  }

  @Test
  void forwardsQueriesOfRequestsWithoutBody() throws Exception {
    openServing(Limits.USUAL);
    assertThat(get(request("/A?x=1")).headers().firstValue("X-Saw")).contains("GET /A?x=1");
    assertThat(get(request("/A?")).headers().firstValue("X-Saw")).contains("GET /A");
    HttpResponse<String> refused = get(request("/A?x"));
    assertThat(refused.statusCode()).isEqualTo(400);
    assertThat(json(refused).path("error").asString()).contains("query: found 'x', expected NAME=");
  }

  @ParameterizedTest
  @CsvSource({
    "invalid_json,400",
    "invalid_field,422",
    "too_large,413",
    "overloaded,503",
    "of_its_own,200"
  })
  void mapsErrorCodesToStatuses(String code, int status) throws Exception {
    String body = "{\"status\": \"error\", \"code\": \"%s\", \"error\": \"why\"}".formatted(code);
    proxy.behaviour = FakeProxy.responds(200, body);
    FrontDoor door = openServing(Limits.USUAL);
    HttpResponse<String> response = post("/B", "{}");
    assertThat(response.statusCode()).isEqualTo(status);
    assertThat(response.body()).isEqualTo(body);
    door.close();
    port = Sockets.freePort();
    openServing(Limits.USUAL.contractCodes());
    assertThat(post("/B", "{}").statusCode()).isEqualTo(200);
  }

  /** The proxy of a Serve that the daemon started says that the class has chosen the status. */
  @ParameterizedTest
  @ValueSource(ints = {201, 404, 500, 503})
  void keepsStatusesThatAClassHasChosen(int status) throws Exception {
    proxy.behaviour =
        request ->
            request
                .body()
                .onSuccess(
                    body ->
                        request
                            .response()
                            .setStatusCode(status)
                            .putHeader("X-SeedCore-Executed", "1")
                            .end("its own"));
    openServing(Limits.USUAL);
    HttpResponse<String> response = get(request("/A"));
    assertThat(response.statusCode()).isEqualTo(status);
    assertThat(response.body()).isEqualTo("its own");
    assertThat(response.headers().firstValue("X-SeedCore-Executed")).isEmpty();
    assertThat(proxy.seen).hasSize(1);
  }

  @ParameterizedTest
  @CsvSource({"invalid_field,422,200", "invalid_field,409,409", "mine,422,422"})
  void contractCodesConcernTheContractOnly(String code, int status, int expected) throws Exception {
    String body = "{\"status\": \"error\", \"code\": \"%s\", \"error\": \"why\"}".formatted(code);
    proxy.behaviour = FakeProxy.responds(status, body);
    openServing(Limits.USUAL.contractCodes());
    assertThat(post("/B", "{}").statusCode()).isEqualTo(expected);
  }

  @Test
  void refusesOversizedBodiesBeforeReadingThem() throws Exception {
    FrontDoor door = openServing(Limits.USUAL);
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
      send(socket, "POST /A HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n{");
      assertThat(read(socket)).startsWith("HTTP/1.1 413 ").contains("too_large");
    }
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
      send(socket, "POST /A HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
      for (int i = 0; i < 11; i++) {
        send(socket, "2710\r\n" + "x".repeat(10_000) + "\r\n");
      }
      assertThat(read(socket)).startsWith("HTTP/1.1 413 ").contains("expected at most 100000");
    }
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
      send(
          socket,
          "POST /A HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
      send(socket, "{}");
      assertThat(readUntil(socket, "{}")).startsWith("HTTP/1.1 100 Continue");
    }
    await().until(() -> door.status().keptBytes() == 0);
  }

  @Test
  void refusesBodiesThatAreNotUtf8() throws Exception {
    openServing(Limits.USUAL);
    HttpResponse<String> response =
        get(request("/A").POST(BodyPublishers.ofByteArray(new byte[] {'"', (byte) 0xc3, '"'})));
    assertThat(response.statusCode()).isEqualTo(400);
    assertThat(json(response).path("code").asString()).isEqualTo("invalid_json");
    assertThat(proxy.seen).isEmpty();
  }

  @Test
  @Tag("slow")
  void reportsRoutesAndHealth() throws Exception {
    FrontDoor door = openServing(Limits.USUAL);
    HttpResponse<String> unknown = post("/C", "{}");
    assertThat(unknown.statusCode()).isEqualTo(404);
    assertThat(json(unknown).path("routes").toString()).contains("/A", "/B", "/Other");
    HttpResponse<String> index = get(request("/"));
    assertThat(index.statusCode()).isEqualTo(200);
    assertThat(json(index).path("routes").toString())
        .contains("{\"route\":\"/A\",\"app\":\"A\",\"served\":true,\"path\":\"proxy\"}");
    assertThat(json(get(request("/-/routes"))).path("/A").asString()).isEqualTo("A");
    assertThat(get(request("/health")).statusCode()).isEqualTo(200);
    assertThat(get(request("/-/healthz")).statusCode()).isEqualTo(200);
    proxy.stop();
    awaitNotServing(door);
    assertThat(get(request("/health")).statusCode()).isEqualTo(200);
    assertThat(get(request("/-/healthz")).statusCode()).isEqualTo(503);
    await().until(() -> get(request("/health")).body().contains("\"serving\":false"));
  }

  @Test
  void acceptsAndSendsGzip() throws Exception {
    openServing(Limits.USUAL);
    String text = "[" + "1,".repeat(5_000) + "1]";
    ByteArrayOutputStream compressed = new ByteArrayOutputStream();
    try (OutputStream gzip = new GZIPOutputStream(compressed)) {
      gzip.write(text.getBytes(StandardCharsets.UTF_8));
    }
    HttpResponse<byte[]> response =
        client()
            .send(
                request("/A")
                    .header("Content-Encoding", "gzip")
                    .header("Accept-Encoding", "gzip")
                    .POST(BodyPublishers.ofByteArray(compressed.toByteArray()))
                    .build(),
                BodyHandlers.ofByteArray());
    assertThat(response.headers().firstValue("Content-Encoding")).contains("gzip");
    assertThat(response.body().length).isLessThan(1_000);
    try (InputStream decompressed =
        new GZIPInputStream(new ByteArrayInputStream(response.body()))) {
      assertThat(new String(decompressed.readAllBytes(), StandardCharsets.UTF_8)).isEqualTo(text);
    }
  }

  @Test
  void refusesBombsThatExceedTheBodyLimit() throws Exception {
    openServing(Limits.USUAL);
    ByteArrayOutputStream compressed = new ByteArrayOutputStream();
    try (OutputStream gzip = new GZIPOutputStream(compressed)) {
      gzip.write(new byte[50_000_000]);
    }
    HttpResponse<String> response =
        get(
            request("/A")
                .header("Content-Encoding", "gzip")
                .POST(BodyPublishers.ofByteArray(compressed.toByteArray())));
    assertThat(response.statusCode()).isEqualTo(413);
    assertThat(post("/A", "{}").statusCode()).isEqualTo(200);
  }

  @Test
  void requiresItsTokenAndDoesNotForwardIt() throws Exception {
    awaitServes(open(Limits.USUAL, "a-token-of-some-length", null, null));
    assertThat(post("/A", "{}").statusCode()).isEqualTo(401);
    assertThat(get(request("/")).statusCode()).isEqualTo(401);
    assertThat(get(request("/health")).statusCode()).isEqualTo(200);
    HttpResponse<String> response =
        get(
            request("/A")
                .header("Authorization", "Bearer a-token-of-some-length")
                .POST(BodyPublishers.ofString("{}")));
    assertThat(response.statusCode()).isEqualTo(200);
    assertThat(response.headers().firstValue("X-Saw-Headers").orElseThrow())
        .doesNotContain("Bearer");
  }

  @Test
  void streamsUndeclaredRoutesInBothDirections() throws Exception {
    openServing(Limits.USUAL);
    byte[] large = new byte[5_000_000];
    large[4_000_000] = (byte) 0xff;
    HttpResponse<byte[]> response =
        client()
            .send(
                request("/Other/x?y").POST(BodyPublishers.ofByteArray(large)).build(),
                BodyHandlers.ofByteArray());
    assertThat(response.statusCode()).isEqualTo(200);
    assertThat(response.body()).isEqualTo(large);
    assertThat(response.headers().firstValue("X-Saw")).contains("POST /Other/x?y");
    proxy.behaviour = FakeProxy.responds(404, "{}");
    assertThat(get(request("/Other/z")).statusCode()).isEqualTo(404);
  }

  @Test
  void doesNotCompleteUploadsThatBreakOff() throws Exception {
    FrontDoor door = openServing(Limits.USUAL);
    AtomicInteger whole = new AtomicInteger();
    AtomicInteger broken = new AtomicInteger();
    proxy.behaviour =
        request ->
            request
                .body()
                .onSuccess(body -> whole.incrementAndGet())
                .onFailure(error -> broken.incrementAndGet());
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
      send(socket, "POST /Other HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
      send(socket, "5\r\nhello\r\n");
      await().until(() -> proxy.seen.size() == 1);
      send(socket, "no number\r\n");
      await().until(() -> broken.get() == 1);
    }
    assertThat(whole).hasValue(0);
    await().until(() -> door.status().underWay() == 0 && door.status().keptBytes() == 0);
  }

  @Test
  void keepsOtherConnectionsUsableAfterEarlyResponses() throws Exception {
    FrontDoor door = openServing(Limits.USUAL);
    proxy.behaviour = request -> request.response().setStatusCode(405).end("no");
    for (int i = 0; i < 5; i++) {
      try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
        send(socket, "POST /Other HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\nabc");
        assertThat(readUntil(socket, "no")).startsWith("HTTP/1.1 405 ");
      }
      proxy.behaviour = FakeProxy::echo;
      assertThat(post("/A", "{}").body()).isEqualTo("{}");
      proxy.behaviour = request -> request.response().setStatusCode(405).end("no");
    }
    await().until(() -> door.status().underWay() == 0);
  }

  @Test
  void disconnectsRefusedClientsThatKeepSending() throws Exception {
    awaitServes(open(Limits.USUAL, "a-token-of-some-length", null, null));
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
      send(socket, "POST /A HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n{");
      assertThat(readUntil(socket, "no such end")).startsWith("HTTP/1.1 401 ").contains("lose");
    }
  }

  @Test
  void respondsToPipelinedRequestsInOrder() throws Exception {
    openServing(Limits.USUAL);
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
      String one =
          "POST /A HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 1.1.1.1\r\nContent-Length: 5\r\n";
      send(socket, one + "X-Forwarded-For: 2.2.2.2\r\n\r\nfirst" + one + "\r\nlast.");
      assertThat(readUntil(socket, "last."))
          .containsSubsequence(
              "1.1.1.1, 2.2.2.2, 127.0.0.1", "first", "1.1.1.1, 127.0.0.1", "last.");
    }
  }

  @Test
  void doesNotReportRoutesToOtherDoors() throws Exception {
    openServing(Limits.USUAL);
    HttpResponse<String> asked = get(request("/-/routes").header("User-Agent", "seedcore-serve"));
    assertThat(asked.statusCode()).isEqualTo(404);
  }

  @Test
  void evictsSilentConnections() throws Exception {
    FrontDoor door = openServing(Limits.USUAL.connections(50));
    List<Socket> silent = new ArrayList<>();
    try {
      for (int i = 0; i < 200; i++) {
        Socket socket = new Socket(InetAddress.getLoopbackAddress(), port);
        silent.add(socket);
        send(socket, "POST /A HTTP/1.1\r\nHost:");
      }
      for (int i = 0; i < 20; i++) {
        assertThat(post("/A", "{}").statusCode()).isEqualTo(200);
      }
      assertThat(door.status().connections()).isLessThanOrEqualTo(50);
    } finally {
      for (Socket socket : silent) {
        socket.close();
      }
    }
  }

  @Test
  void namesAPortThatIsInUse() throws Exception {
    try (ServerSocket taken = new ServerSocket(port)) {
      assertThat(taken.isBound()).isTrue();
      assertThatThrownBy(() -> open(Limits.USUAL))
          .isInstanceOf(ConfigException.class)
          .hasMessageContaining("front_door: found 127.0.0.1:" + port)
          .hasMessageContaining("--front-door");
    }
  }

  @Test
  void countsResponses() throws Exception {
    FrontDoor door = openServing(Limits.USUAL);
    assertThat(post("/A", "{}").statusCode()).isEqualTo(200);
    assertThat(post("/A", "{}").statusCode()).isEqualTo(200);
    await()
        .until(
            () ->
                !door.status().answered().isEmpty()
                    && door.status().answered().get(0).times() == 2);
    DoorStatus.Answered answered = door.status().answered().get(0);
    assertThat(answered.app()).isEqualTo("A");
    assertThat(answered.status()).isEqualTo(200);
    assertThat(answered.seconds()).isBetween(0.0, 20.0);
  }
}
