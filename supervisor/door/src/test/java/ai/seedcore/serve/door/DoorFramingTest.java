package ai.seedcore.serve.door;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import ai.seedcore.serve.door.RawClient.Response;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Tests requests whose framing, head or target is ambiguous or invalid. */
class DoorFramingTest extends RawProxyFixture {

  /** Fields that announce a chunked body, or appear to. */
  private static final List<String> CODINGS =
      List.of(
          "Transfer-Encoding : chunked",
          "Transfer-Encoding\t: chunked",
          "Transfer-Encoding: xchunked",
          "Transfer-Encoding: chunkedx",
          "Transfer-Encoding: identity",
          "Transfer-Encoding: chunked, identity",
          "Transfer-Encoding: chunked, chunked",
          "Transfer-Encoding: gzip",
          "Transfer-Encoding: \"chunked\"",
          "Transfer-Encoding: 'chunked'",
          "Transfer-Encoding: chunked;q=1",
          "Transfer-Encoding: chunked chunked",
          "Transfer-Encoding: \u000bchunked",
          "Transfer-Encoding: chunked\u0000",
          "Transfer-Encoding: \u007fchunked",
          "Transfer-Encoding: chunk\u0001ed",
          "Transfer-Encoding: \u00a0chunked",
          "Transfer-Encoding:",
          "Transfer-Encoding: chunked\r\nTransfer-Encoding: x",
          "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
          "Transfer-Encoding\r\n : chunked",
          "X: x\nTransfer-Encoding: chunked",
          "X: x\rTransfer-Encoding: chunked",
          "Transfer-Encoding: chunked\rX: x",
          "\u0000Transfer-Encoding: chunked",
          "Transfer-Encoding\u0000: chunked");

  /** The fields that are valid on their own. */
  private static final List<String> CHUNKED =
      List.of(
          "Transfer-Encoding: chunked",
          "Transfer-Encoding: CHUNKED",
          "Transfer-Encoding:\tchunked",
          "Transfer-Encoding: chunked\t",
          "Transfer-Encoding:\r\n chunked");

  static Stream<String> ambiguous() {
    return Stream.concat(
        CODINGS.stream(),
        Stream.concat(CODINGS.stream(), CHUNKED.stream())
            .flatMap(
                coding ->
                    Stream.of(
                        "Content-Length: %d\r\n%s".formatted(5 + HIDDEN.length(), coding),
                        coding + "\r\nContent-Length: 5")));
  }

  @ParameterizedTest
  @MethodSource("ambiguous")
  void rejectsAmbiguousFraming(String framing) throws Exception {
    for (String path : List.of("/A", "/Other")) {
      assertRefused(
          "POST %s HTTP/1.1\r\nHost: x\r\n%s\r\n\r\n0\r\n\r\n%s".formatted(path, framing, HIDDEN));
      proxy.seen.clear();
    }
  }

  @ParameterizedTest
  @MethodSource("chunked")
  void readsTheNextRequestAfterTheLastChunk(String coding) throws Exception {
    for (String path : List.of("/A", "/Other")) {
      try (RawClient client = client()) {
        client.send(
            "POST %s HTTP/1.1\r\nHost: x\r\n%s\r\n\r\n2\r\n{}\r\n0\r\n\r\n%s"
                .formatted(path, coding, HIDDEN));
        assertThat(client.read().body()).isEqualTo(path + "|{}");
        assertThat(client.read().body()).isEqualTo("/B/hidden|");
      }
    }
  }

  static Stream<String> chunked() {
    return CHUNKED.stream();
  }

  /** Servers that unfold lines and servers that do not must see the same field. */
  @Test
  void forwardsFoldedLinesUnfolded() throws Exception {
    for (String path : List.of("/A", "/Other")) {
      try (RawClient client = client()) {
        client.send(
            "POST %s HTTP/1.1\r\nHost: x\r\nX: x\r\n Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n%s"
                .formatted(path, HIDDEN));
        assertThat(client.read().body()).isEqualTo(path + "|0\r\n\r\n");
        assertThat(client.read().body()).isEqualTo("/B/hidden|");
      }
    }
  }

  /** RFC 9112, 6.1, requires 501, as the door could not tell the application about the coding. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "gzip, chunked",
        "identity, chunked",
        ",chunked",
        "chunked,",
        "x\r\nTransfer-Encoding: chunked"
      })
  void rejectsUnsupportedTransferCodings(String coding) throws Exception {
    for (String path : List.of("/A", "/Other")) {
      assertRefused(
          "POST %s HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: %s\r\n\r\n0\r\n\r\n"
              .formatted(path, coding));
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "+5",
        "-5",
        "-0",
        "+0",
        "5, 5",
        "5,6",
        "5;",
        "5 5",
        "0x5",
        "5.0",
        "5e0",
        "\"5\"",
        "",
        " ",
        "\u000b5",
        "5\u000b",
        "5\u0000",
        "\u00b2",
        "\u0665",
        "five",
        "99999999999999999999",
        "18446744073709551621",
        "4294967301a",
        "5\r\nContent-Length: 6",
        "6\r\nContent-Length: 5",
        "5\r\n\t0",
        "5\r\nContent-Length:",
        "5\nX: x",
        "5\rX: x",
        "1_0",
        "5,",
        ",5"
      })
  void rejectsInvalidContentLengths(String length) throws Exception {
    for (String path : List.of("/A", "/Other")) {
      assertRefused(
          "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %s\r\n\r\nhello%s"
              .formatted(path, length, HIDDEN));
      proxy.seen.clear();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"9223372036854775807", "9223372036854775806", "4294967301"})
  void rejectsHugeContentLengths(String length) throws Exception {
    for (String path : List.of("/A", "/Other")) {
      try (RawClient client = client()) {
        client.send(
            "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %s\r\n\r\nhello%s"
                .formatted(path, length, HIDDEN));
        if (path.equals("/A")) {
          assertThat(client.read().status()).isEqualTo(413);
        }
      }
    }
    assertThat(proxy.seen).isEmpty();
    assertServes();
    assertThat(proxy.seen).noneMatch(r -> r.head().contains("hidden"));
    door.awaitEmpty(0);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "x\r\n",
        "-5\r\nhello\r\n0\r\n\r\n",
        "+5\r\nhello\r\n0\r\n\r\n",
        "0x5\r\nhello\r\n0\r\n\r\n",
        "5\r\nhelloX\r\n0\r\n\r\n",
        "5\r\nhello0\r\n\r\n",
        "\r\n5\r\nhello\r\n0\r\n\r\n",
        "5\nhello\n0\n\n",
        "5\rhello\r0\r\r",
        "100000005\r\nhello\r\n0\r\n\r\n",
        "FFFFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n",
        "10000000000000005\r\nhello\r\n0\r\n\r\n",
        "5\u0000\r\nhello\r\n0\r\n\r\n",
        "5\u000b\r\nhello\r\n0\r\n\r\n",
        "5 5\r\nhello\r\n0\r\n\r\n",
        ";\r\nhello\r\n0\r\n\r\n",
        "5,\r\nhello\r\n0\r\n\r\n",
        "5\r\nhello\n0\r\n\r\n",
        "5;a\nb\r\nhello\r\n0\r\n\r\n",
        "5;a\rb\r\nhello\r\n0\r\n\r\n",
        "5;a=\"\n\"\r\nhello\r\n0\r\n\r\n"
      })
  void rejectsInvalidChunks(String chunks) throws Exception {
    for (String path : List.of("/A", "/Other")) {
      try (RawClient client = client()) {
        client.trySend(
            "POST %s HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n%s%s"
                .formatted(path, chunks, HIDDEN));
        client.shutdownSending();
        String all = client.readUntilClosed();
        assertThat(all).as(path).doesNotContain(" 200 ", "hidden");
      }
    }
    await().until(() -> door.status().underWay() == 0 && door.status().keptBytes() == 0);
    assertThat(proxy.seen).noneMatch(r -> r.head().contains("hidden"));
    assertServes();
  }

  @Test
  void doesNotForwardTrailersAsHeaderFields() throws Exception {
    for (String path : List.of("/A", "/Other")) {
      try (RawClient client = client()) {
        client.send(
            "POST %s HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5;ext=1\r\nhello\r\n0\r\n"
                    .formatted(path)
                + "Content-Length: 0\r\nX-Trailer: 1\r\n\r\n");
        assertThat(client.read().body()).isEqualTo(path + "|hello");
      }
    }
    assertThat(proxy.seen).hasSize(2).allMatch(r -> r.all("X-Trailer").isEmpty());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "X: a\u0000b",
        "X: a\u0001b",
        "X: a\u007fb",
        "X: a\u000bb",
        "X\u0001: a",
        "X Y: a",
        "X : a",
        "X\t: a",
        "X",
        "X: a\rY: b",
        "X: a\nY: b",
        "X(): a",
        "X\u00e9: a",
        "X\"Y\": a",
        "X/Y: a",
        "X: a\r\r\nY: b"
      })
  void rejectsInvalidHeaderFields(String header) throws Exception {
    for (String path : List.of("/A", "/Other")) {
      assertRefused("GET %s HTTP/1.1\r\nHost: x\r\n%s\r\n\r\n%s".formatted(path, header, HIDDEN));
      proxy.seen.clear();
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "GET /A\r\n\r\n",
        "GET /A\r\nHost: x\r\n\r\n",
        "GET /A HTTP/0.9\r\nHost: x\r\n\r\n",
        "GET /A HTTP/1.2\r\nHost: x\r\n\r\n",
        "GET /A HTTP/2.0\r\nHost: x\r\n\r\n",
        "GET /A HTTP/1.1x\r\nHost: x\r\n\r\n",
        "GET /A http/1.1\r\nHost: x\r\n\r\n",
        "GET /A HTTP/1\r\nHost: x\r\n\r\n",
        "GET /A HTTP/ 1.1\r\nHost: x\r\n\r\n",
        "GET /A ICAP/1.1\r\nHost: x\r\n\r\n",
        "PRI /A HTTP/2.0\r\nHost: x\r\n\r\nSM\r\n\r\n",
        "GET /A HTTP/1.1 x\r\nHost: x\r\n\r\n",
        "GET /A x HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET  HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET\r\nHost: x\r\n\r\n",
        "GET /A\u0000 HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /A\u0001b HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /A\u007f HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /A\u00e9 HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /A\tb HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /A\rb HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /A#b HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /A?x#= HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /A\\b HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET A HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET * HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET ?x HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET http:///A HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET http://u@x/A HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET ftp://x/A HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET http:/A HTTP/1.1\r\nHost: x\r\n\r\n",
        "CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n",
        "CONNECT /Other/x HTTP/1.1\r\nHost: x\r\n\r\n",
        "TRACE /A HTTP/1.1\r\nHost: x\r\n\r\n",
        "G\u0000T /A HTTP/1.1\r\nHost: x\r\n\r\n",
        "G(T /A HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /A HTTP/1.1\r\n\r\n",
        "GET /A HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n",
        "GET /A HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
        "GET /A HTTP/1.1\r\nHost: x, y\r\n\r\n",
        "GET /A HTTP/1.1\r\nHost: x/y\r\n\r\n",
        "GET /A HTTP/1.1\r\nHost: u@x\r\n\r\n",
        "GET /A HTTP/1.1\r\nHost: x y\r\n\r\n",
        "\u0016\u0003\u0001\u0002\u0000\u0001\r\n\r\n"
      })
  void rejectsInvalidRequestLinesAndHosts(String text) throws Exception {
    assertRefused(text);
  }

  @Test
  void rejectsHeaderFieldsWithoutAName() throws Exception {
    for (String path : List.of("/A", "/Other")) {
      assertRefused("GET %s HTTP/1.1\r\nHost: x\r\n: a\r\n\r\n".formatted(path));
    }
  }

  @Test
  void respondsInItsOwnHttpVersion() throws Exception {
    try (RawClient client = client()) {
      client.send("GET /A HTTP/11.1\r\nHost: x\r\n\r\n");
      assertThat(client.readUntilClosed()).startsWith("HTTP/1.");
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "GET /A#b HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /A HTTP/1.1\r\n\r\n",
        "GET /A HTTP/1.1\r\nHost: x\r\n X: a\r\n\r\n",
        "TRACE /A HTTP/1.1\r\nHost: x\r\n\r\n"
      })
  void closesTheConnectionAfterConnectionClose(String text) throws Exception {
    try (RawClient client = client().readTimeout(2_000)) {
      Response response = client.send(text + HIDDEN).read();
      assertThat(response.header("Connection")).isEqualTo("close");
      assertThat(client.readUntilClosed()).isEmpty();
    }
    assertThat(proxy.seen).isEmpty();
  }

  @ParameterizedTest
  @CsvSource({"8200,20,1,414", "100,33000,1,431", "100,100,400,431", "100,3,9000,431"})
  void rejectsOversizedHeads(int path, int value, int headers, int status) throws Exception {
    StringBuilder head =
        new StringBuilder("GET /A").append("/".repeat(path)).append(" HTTP/1.1\r\n");
    head.append("Host: x\r\n");
    for (int i = 0; i < headers; i++) {
      head.append("X: ").append("x".repeat(value)).append("\r\n");
    }
    try (RawClient client = client()) {
      Response response = client.trySend(head + "\r\n" + HIDDEN).read();
      assertThat(response.status()).isIn(400, status);
      assertThat(client.readUntilClosed()).isEmpty();
    }
    assertThat(proxy.seen).isEmpty();
    assertServes();
  }

  /** The end of the client's input is handled after all data before it, even if that data waits. */
  @ParameterizedTest
  @ValueSource(ints = {0, 1, 5, 20, 30, 40})
  void respondsWhenTheClientClosesItsSideWithinABufferedHead(int cut) throws Exception {
    CountDownLatch mayRespond = new CountDownLatch(1);
    proxy.behaviour =
        (request, client) -> {
          try {
            mayRespond.await();
          } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
          }
          RawProxy.echo(request, client);
        };
    String first =
        "POST /A HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n";
    String second = "GET /B?x=1 HTTP/1.1\r\nHost: x\r\nX: 123456789\r\n\r\n";
    try (RawClient client = client()) {
      client.send(first + second.substring(0, cut));
      await().until(() -> !proxy.seen.isEmpty());
      client.send(second.substring(cut)).shutdownSending();
      await().pollDelay(Duration.ofMillis(50)).until(() -> door.status().underWay() > 0);
      mayRespond.countDown();
      assertThat(client.read().body()).isEqualTo("/A|{}");
      assertThat(client.read().body()).isEqualTo("/B?x=1|");
      assertThat(client.readUntilClosed()).isEmpty();
    }
  }

  @Test
  void rejectsEndlessHeads() throws Exception {
    try (RawClient client = client()) {
      client.send("GET /A HTTP/1.1\r\nHost: x\r\n");
      String line = "X: " + "x".repeat(1_000) + "\r\n";
      for (int i = 0; i < 2_000; i++) {
        client.trySend(line);
      }
      assertThat(client.readUntilClosed()).startsWith("HTTP/1.1 4");
    }
    door.awaitEmpty(0);
  }
}
