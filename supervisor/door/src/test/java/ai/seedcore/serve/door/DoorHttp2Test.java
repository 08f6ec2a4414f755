package ai.seedcore.serve.door;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import ai.seedcore.serve.door.RawHttp2.Answer;
import java.io.ByteArrayInputStream;
import java.net.SocketException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.KeyStore;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** HTTP/2, as a client negotiates it with TLS, and with prior knowledge. */
class DoorHttp2Test extends DoorFixture {

  private static final String LARGE = "{\"text\":\"" + "abcdefgh".repeat(100_000) + "\"}";

  private FrontDoor door;

  private RawHttp2 raw() throws Exception {
    door = openServing(Limits.USUAL);
    RawHttp2 client = new RawHttp2(port);
    opened.add(client);
    return client;
  }

  private HttpClient overTls() throws Exception {
    Path certificate = folder.resolve("cert.pem");
    Path key = folder.resolve("key.pem");
    KeyStore keys = makeKeys(certificate, key);
    door = open(Limits.USUAL.bytes(64 << 20), null, certificate, key);
    awaitServes(door);
    return HttpClient.newBuilder().sslContext(trusting(keys)).build();
  }

  private HttpRequest.Builder tlsRequest(String path) {
    return HttpRequest.newBuilder(URI.create("https://localhost:" + port + path))
        .timeout(Duration.ofSeconds(30));
  }

  private void awaitNothingLeft(int connections) {
    await()
        .untilAsserted(
            () ->
                assertThat(
                        List.of(
                            door.status().waiting(),
                            door.status().underWay(),
                            door.status().keptBytes(),
                            door.status().connections()))
                    .hasToString("[0, 0, 0, " + connections + "]"));
  }

  @Test
  void isNegotiatedWithTls() throws Exception {
    HttpClient client = overTls();
    HttpResponse<String> response =
        client.send(
            tlsRequest("/A?x=1").POST(BodyPublishers.ofString("{\"a\":1}")).build(),
            BodyHandlers.ofString());
    assertThat(response.version()).isEqualTo(HttpClient.Version.HTTP_2);
    assertThat(response.statusCode()).isEqualTo(200);
    assertThat(response.body()).isEqualTo("{\"a\":1}");
    assertThat(response.headers().firstValue("X-Saw-Headers").orElseThrow())
        .contains("X-Forwarded-Proto=https")
        .contains("X-Forwarded-Host=localhost:" + port);
    // The door's own responses, and its errors.
    for (String path : List.of("/", "/-/health", "/unknown", "/-/routes")) {
      HttpResponse<String> own = client.send(tlsRequest(path).build(), BodyHandlers.ofString());
      assertThat(own.version()).isEqualTo(HttpClient.Version.HTTP_2);
      assertThat(own.body()).startsWith("{");
    }
    assertThat(
            HttpClient.newBuilder()
                .sslContext(client.sslContext())
                .version(HttpClient.Version.HTTP_1_1)
                .build()
                .send(tlsRequest("/A").build(), BodyHandlers.ofString())
                .version())
        .isEqualTo(HttpClient.Version.HTTP_1_1);
  }

  @Test
  void carriesManyRequestsOnOneConnection() throws Exception {
    HttpClient client = overTls();
    client.send(tlsRequest("/-/health").build(), BodyHandlers.ofString()); // Connects.
    List<CompletableFuture<HttpResponse<String>>> responses =
        IntStream.range(0, 100)
            .mapToObj(
                i ->
                    client.sendAsync(
                        tlsRequest(i % 2 == 0 ? "/A" : "/Other")
                            .POST(BodyPublishers.ofString("{\"i\":" + i + "}"))
                            .build(),
                        BodyHandlers.ofString()))
            .toList();
    for (int i = 0; i < responses.size(); i++) {
      assertThat(responses.get(i).join().body()).isEqualTo("{\"i\":" + i + "}");
    }
    awaitNothingLeft(1);
  }

  @Test
  void largeUploadsAndDownloadsShareAConnection() throws Exception {
    String large = "x".repeat(900_000);
    proxy.behaviour = FakeProxy.responds(200, large);
    HttpClient client = overTls();
    client.send(tlsRequest("/-/health").build(), BodyHandlers.ofString()); // Connects.
    List<CompletableFuture<HttpResponse<String>>> responses =
        IntStream.range(0, 40)
            .mapToObj(
                i ->
                    client.sendAsync(
                        tlsRequest("/Other")
                            .POST(BodyPublishers.ofString("y".repeat(50_000)))
                            .build(),
                        BodyHandlers.ofString()))
            .toList();
    assertThat(responses).allSatisfy(each -> assertThat(each.join().body()).isEqualTo(large));
    awaitNothingLeft(1);
  }

  @ParameterizedTest
  @ValueSource(strings = {"/A", "/Other"})
  void carriesLargeBodiesOfUnknownLength(String path) throws Exception {
    HttpClient client = overTls();
    String body = path.equals("/A") ? LARGE.substring(0, 90_000) : LARGE;
    for (String coding : List.of("identity", "gzip")) {
      HttpResponse<byte[]> response =
          client.send(
              tlsRequest(path)
                  .header("Accept-Encoding", coding)
                  .POST(
                      BodyPublishers.ofInputStream(
                          () -> new ByteArrayInputStream(body.getBytes(StandardCharsets.UTF_8))))
                  .build(),
              BodyHandlers.ofByteArray());
      assertThat(response.statusCode()).isEqualTo(200);
      boolean compressed = coding.equals("gzip");
      assertThat(response.headers().firstValue("Content-Encoding").isPresent())
          .isEqualTo(compressed);
      byte[] plain =
          compressed
              ? new java.util.zip.GZIPInputStream(new ByteArrayInputStream(response.body()))
                  .readAllBytes()
              : response.body();
      assertThat(new String(plain, StandardCharsets.UTF_8)).isEqualTo(body);
    }
    awaitNothingLeft(1);
  }

  @Test
  void holdsRequestsUntilTheRouteIsServed() throws Exception {
    HttpClient client = overTls();
    proxy.stop();
    awaitNotServing(door);
    List<CompletableFuture<HttpResponse<String>>> held = new ArrayList<>();
    for (int i = 0; i < 10; i++) {
      held.add(
          client.sendAsync(
              tlsRequest("/B").POST(BodyPublishers.ofString("{}")).build(),
              BodyHandlers.ofString()));
    }
    awaitQueued(door, 10);
    proxy.restart();
    assertThat(held).allSatisfy(each -> assertThat(each.join().statusCode()).isEqualTo(200));
  }

  @Test
  void aCancelledRequestLeavesTheQueue() throws Exception {
    RawHttp2 client = raw();
    proxy.stop();
    awaitNotServing(door);
    client.post(1, "/B", "{}").post(3, "/B", "{}");
    awaitQueued(door, 2);
    client.send(RawHttp2.RESET, 0, 1, (byte) 0, (byte) 0, (byte) 0, (byte) 8);
    awaitQueued(door, 1);
    client.close();
    awaitQueued(door, 0);
    awaitNothingLeft(0);
  }

  @Test
  void isSpokenWithPriorKnowledge() throws Exception {
    RawHttp2 client = raw();
    client.send(
        RawHttp2.SETTINGS, 0, 0, (byte) 0, (byte) 1, (byte) 16, (byte) 0, (byte) 0, (byte) 0);
    client.get(1, "/A", "cookie", "a=1", "cookie", "b=2", "te", "trailers");
    Answer answer = client.answer(1);
    assertThat(answer.status()).isEqualTo(200);
    assertThat(answer.headers().get("x-saw-headers").toString())
        .contains("cookie=a=1; b=2")
        .contains("Host=")
        .contains("X-Forwarded-Host=door.test")
        .doesNotContain("te=")
        .doesNotContain("transfer-encoding");
    assertThat(client.post(3, "/A", "{\"a\":1}").answer(3).body()).isEqualTo("{\"a\":1}");
    assertThat(client.post(5, "/Other", "streamed").answer(5).body()).isEqualTo("streamed");
    assertThat(client.get(7, "/-/health").answer(7).status()).isEqualTo(200);
    assertThat(client.get(9, "/unknown").answer(9).status()).isEqualTo(404);
    awaitNothingLeft(1);
    // The bytes may arrive one by one.
    try (RawHttp2 other = new RawHttp2(port)) {
      byte[] head = RawHttp2.head("GET", "/A");
      byte[] frame = new byte[9 + head.length];
      System.arraycopy(head, 0, frame, 9, head.length);
      frame[2] = (byte) head.length;
      frame[3] = RawHttp2.HEADERS;
      frame[4] = RawHttp2.END_HEADERS | RawHttp2.END_STREAM;
      frame[8] = 1;
      for (byte each : frame) {
        other.bytes(new byte[] {each});
      }
      assertThat(other.answer(1).status()).isEqualTo(200);
    }
    awaitNothingLeft(1);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "connection:close",
        "transfer-encoding:chunked",
        "upgrade:websocket",
        "keep-alive:1",
        "X-Upper:1",
        "x y:1",
        "x:a\r\nb: c",
        "x:a\u0000b",
        "content-length:5",
        ":status:200",
        ":path:/B",
        "host:other.test",
      })
  void whatIsMalformedIsNotForwarded(String field) throws Exception {
    RawHttp2 client = raw();
    int colon = field.indexOf(':', 1);
    String name = field.substring(0, colon);
    proxy.seen.clear();
    Answer answer = client.post(1, "/A", "{}", name, field.substring(colon + 1)).answer(1);
    assertThat(answer.status()).as(answer.toString()).isIn(0, 400, 405, 501);
    assertThat(proxy.seen).isEmpty();
    try (RawHttp2 next = new RawHttp2(port)) {
      assertThat(next.post(1, "/A", "{}").answer(1).status()).isEqualTo(200);
    }
    client.close();
    awaitNothingLeft(0);
  }

  @ParameterizedTest
  @ValueSource(strings = {"GET /evil", "G@T", "a,b", "POST ", "CONNECT", "TRACE"})
  void anInvalidMethodEndsItsStreamOnly(String method) throws Exception {
    RawHttp2 client = raw();
    proxy.seen.clear();
    client.send(
        RawHttp2.HEADERS,
        RawHttp2.END_HEADERS | RawHttp2.END_STREAM,
        1,
        method.equals("CONNECT")
            ? RawHttp2.fields(":method", method, ":authority", "a:1")
            : RawHttp2.head(method, "/A"));
    assertThat(client.answer(1).status()).isIn(0, 405);
    assertThat(proxy.seen).isEmpty();
    assertThat(client.get(3, "/A").answer(3).status()).isEqualTo(200);
    awaitNothingLeft(1);
  }

  @Test
  void anUploadThatWaitsDoesNotStopAnother() throws Exception {
    proxy.behaviour =
        request -> {
          if (request.path().equals("/Other/never")) {
            request.pause();
          } else {
            FakeProxy.echo(request);
          }
        };
    door = openServing(Limits.USUAL.bytes(16 << 20));
    RawHttp2 client = new RawHttp2(port);
    opened.add(client);
    client.send(RawHttp2.HEADERS, RawHttp2.END_HEADERS, 1, RawHttp2.head("POST", "/Other/never"));
    for (int i = 0;
        i < 4;
        i++) { // The window of the stream, which is that of a connection by default.
      client.send(RawHttp2.DATA, 0, 1, new byte[i < 3 ? 16_384 : 16_383]);
    }
    assertThat(client.post(3, "/A", "{\"a\":1}").answer(3).body()).isEqualTo("{\"a\":1}");
  }

  @Test
  void tinyFramesOfABodyThatIsHeldAreCharged() throws Exception {
    door = openServing(Limits.USUAL);
    proxy.stop();
    awaitNotServing(door);
    RawHttp2 client = new RawHttp2("127.0.5.1", port, 0);
    opened.add(client);
    client.send(RawHttp2.HEADERS, RawHttp2.END_HEADERS, 1, RawHttp2.head("POST", "/Other"));
    ByteBuffer tiny = ByteBuffer.allocate(10 * 10_000);
    for (int i = 0; i < 10_000; i++) {
      tiny.put(new byte[] {0, 0, 1, 0, 0, 0, 0, 0, 1, 'x'});
    }
    client.bytes(tiny.array());
    Answer answer = client.answer(1);
    assertThat(answer.status()).as(answer.toString()).isZero();
    client.close();
    awaitNothingLeft(0);
  }

  @Test
  void anEarlyResponseIsNotTakenBack() throws Exception {
    RawHttp2 client = raw();
    client.send(RawHttp2.HEADERS, RawHttp2.END_HEADERS, 1, RawHttp2.head("POST", "/unknown"));
    assertThat(client.answer(1).status()).isEqualTo(404);
    RawHttp2.Frame frame = client.read();
    while (frame.type() != RawHttp2.RESET) {
      frame = client.read();
    }
    assertThat(frame.code()).isZero();
  }

  @ParameterizedTest
  @ValueSource(strings = {"A", "*", "/A b", "/A#b", "http://x/A", ""})
  void aTargetThatIsNoPathIsRefused(String path) throws Exception {
    RawHttp2 client = raw();
    proxy.seen.clear();
    assertThat(client.get(1, path).answer(1).status()).isIn(0, 400, 404);
    assertThat(proxy.seen).isEmpty();
  }

  @Test
  void aHeadIsLimitedInSizeAndTime() throws Exception {
    header = Duration.ofSeconds(2);
    RawHttp2 client = raw();
    assertThat(client.get(1, "/A", "x", "y".repeat(6_000)).answer(1).status()).isEqualTo(200);
    RawHttp2 large = new RawHttp2(port);
    opened.add(large);
    byte[] head = RawHttp2.head("GET", "/A", "x", "y".repeat(100_000));
    large.send(RawHttp2.HEADERS, RawHttp2.END_STREAM, 1, Arrays.copyOf(head, 16_000));
    try {
      for (int at = 16_000; at < head.length; at += 16_000) {
        int end = Math.min(head.length, at + 16_000);
        int flags = end == head.length ? RawHttp2.END_HEADERS : 0;
        large.send(RawHttp2.CONTINUATION, flags, 1, Arrays.copyOfRange(head, at, end));
      }
    } catch (SocketException e) {
      // The door has closed the connection before everything was sent.
    }
    assertThat(large.answer(1).status()).isIn(0, 431);
    // A head that does not end, beside a request that waits.
    long start = System.nanoTime();
    client.send(RawHttp2.HEADERS, 0, 3, RawHttp2.head("GET", "/A"));
    assertThat(client.isClosed()).isTrue();
    assertThat(System.nanoTime() - start).isBetween(1_500_000_000L, 15_000_000_000L);
    // A frame that does not end.
    try (RawHttp2 slow = new RawHttp2(port)) {
      slow.bytes(new byte[] {0, 0, 50, RawHttp2.HEADERS, RawHttp2.END_HEADERS, 0, 0, 0, 1, 0});
      assertThat(slow.isClosed()).isTrue();
    }
    awaitNothingLeft(0);
  }

  @Test
  void anIdleConnectionIsClosedAndOneWithARequestIsNot() throws Exception {
    idle = Duration.ofSeconds(2);
    RawHttp2 client = raw();
    proxy.stop();
    awaitNotServing(door);
    client.post(1, "/B", "{}");
    awaitQueued(door, 1);
    try (RawHttp2 silent = new RawHttp2(port)) {
      assertThat(silent.isClosed()).isTrue();
    }
    proxy.restart();
    assertThat(client.answer(1).status()).isEqualTo(200);
    assertThat(client.isClosed()).isTrue();
  }

  @Test
  void aConnectionCarriesALimitedNumberOfRequests() throws Exception {
    door = openServing(Limits.USUAL.requests(1_000).bytes(4 << 20));
    RawHttp2 client = new RawHttp2(port);
    opened.add(client);
    proxy.stop();
    awaitNotServing(door);
    for (int i = 0; i < 140; i++) {
      client.post(2 * i + 1, "/B", "{}");
    }
    assertThat(client.answer(2 * 139 + 1).status()).isZero();
    assertThat(door.status().waiting()).isLessThanOrEqualTo(128);
    client.close();
    awaitNothingLeft(0);
  }

  @Test
  void aClientThatTakesBackItsRequestsAgainAndAgainIsDisconnected() throws Exception {
    RawHttp2 client = raw();
    for (int i = 0; i < 1_100; i++) {
      try {
        client.get(2 * i + 1, "/A");
        client.send(RawHttp2.RESET, 0, 2 * i + 1, (byte) 0, (byte) 0, (byte) 0, (byte) 8);
      } catch (java.net.SocketException e) {
        break;
      }
    }
    assertThat(client.isClosed()).isTrue();
    awaitNothingLeft(0);
  }

  @Test
  void whatAClientDoesNotReadIsLimited() throws Exception {
    String large = "x".repeat(90_000);
    proxy.behaviour = FakeProxy.responds(200, "{\"a\":\"" + large + "\"}");
    door = openServing(Limits.USUAL);
    // The flow control's windows are for 64 KiB, and the budget is 1 MiB.
    List<RawHttp2> clients = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      RawHttp2 client = new RawHttp2("127.0.5.1", port, 4 << 10);
      opened.add(client);
      clients.add(client);
      for (int stream = 1; stream < 60; stream += 2) {
        client.post(stream, "/A", "{}");
      }
    }
    await().until(() -> door.status().keptBytes() > 300_000 || door.status().connections() < 4);
    assertThat(door.status().keptBytes()).isLessThanOrEqualTo(1 << 20);
    // Another client is served all the same.
    proxy.behaviour = FakeProxy::echo;
    assertThat(post("/A", "{\"b\":1}").statusCode()).isEqualTo(200);
    for (RawHttp2 each : clients) {
      each.close();
    }
    awaitNothingLeft(1);
  }

  @Test
  void requestsAreNotReadWhileTheClientDoesNotRead() throws Exception {
    proxy.behaviour =
        request ->
            request
                .response()
                .setStatusCode(204)
                .putHeader("X-Large", "%d".formatted(System.nanoTime()).repeat(200))
                .end();
    door = openServing(Limits.USUAL.requests(1_000).bytes(16 << 20));
    RawHttp2 client = new RawHttp2("127.0.5.1", port, 4 << 10);
    opened.add(client);
    Thread sender =
        new Thread(
            () -> {
              try {
                for (int i = 0; i < 1_000_000; i++) {
                  while (i - proxy.seen.size() > 50) {
                    Thread.onSpinWait(); // No more than a connection may carry at a time.
                  }
                  client.get(2 * i + 1, "/Other");
                }
              } catch (java.io.IOException e) {
                // It is closed at the end.
              }
            });
    sender.setDaemon(true);
    sender.start();
    // The kernel's buffers fill, and the door stops reading.
    AtomicInteger before = new AtomicInteger();
    await()
        .pollInterval(Duration.ofSeconds(1))
        .atMost(Duration.ofSeconds(30))
        .until(
            () -> {
              int now = proxy.seen.size();
              return before.getAndSet(now) == now && now > 100;
            });
    assertThat(door.status().connections()).isEqualTo(1);
    assertThat(post("/B", "{\"b\":1}").statusCode()).isEqualTo(204);
    client.close();
    awaitNothingLeft(1);
  }

  @Test
  void aConnectionCountsAsThree() throws Exception {
    door = openServing(Limits.USUAL.connections(10));
    List<RawHttp2> clients = new ArrayList<>();
    for (int i = 0; i < 5; i++) {
      RawHttp2 client = new RawHttp2("127.0.5." + (i + 1), port, 0);
      opened.add(client);
      clients.add(client);
      assertThat(client.get(1, "/A").answer(1).status()).isEqualTo(200);
    }
    assertThat(door.status().connections()).isLessThanOrEqualTo(3);
    assertThat(clients.get(0).isClosed()).isTrue();
    assertThat(clients.get(4).get(3, "/A").answer(3).status()).isEqualTo(200);
  }

  @Test
  void pingsAreAnswered() throws Exception {
    RawHttp2 client = raw();
    client.send(RawHttp2.PING, 0, 0, ByteBuffer.allocate(8).putLong(42).array());
    RawHttp2.Frame frame = client.read();
    while (frame.type() != RawHttp2.PING) {
      frame = client.read();
    }
    assertThat(frame.flags()).isEqualTo(RawHttp2.ACK);
    assertThat(frame.payload().getLong(0)).isEqualTo(42);
  }
}
