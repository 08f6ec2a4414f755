package ai.seedcore.serve.door;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import ai.seedcore.serve.door.OpenDoor.Bounds;
import ai.seedcore.serve.door.RawClient.Response;
import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.slf4j.LoggerFactory;

/** Tests requests that are ambiguous or invalid, and valid ones that look similar. */
@Timeout(60)
class DoorRequestsTest {

  /** A request that reaches the proxy unintended only if another one was ambiguous. */
  private static final String HIDDEN = "GET /B/hidden HTTP/1.1\r\nHost: x\r\n\r\n";

  private static RawProxy proxy;
  private static OpenDoor door;
  private ListAppender<ILoggingEvent> log;

  @BeforeAll
  static void openDoor() throws Exception {
    proxy = new RawProxy();
    door = OpenDoor.serving(proxy.uri(), Bounds.USUAL);
  }

  @AfterAll
  static void close() throws Exception {
    door.close();
    proxy.close();
  }

  @BeforeEach
  void recordLog() {
    proxy.seen.clear();
    proxy.behaviour = RawProxy::echo;
    log = new ListAppender<>();
    log.start();
    root().addAppender(log);
  }

  /** Every forwarded request was written by the door and is unambiguous. */
  @AfterEach
  void assertForwardedRequestsAreUnambiguous() {
    root().detachAppender(log);
    for (RawProxy.Seen each : proxy.seen) {
      String head = each.head();
      assertThat(head.chars().filter(c -> c == '\r').count())
          .as(head)
          .isEqualTo(head.chars().filter(c -> c == '\n').count());
      assertThat(each.all("Via")).as(head).hasSize(1);
      assertThat(each.all("Host")).as(head).hasSize(1);
      List<String> lengths = each.all("Content-Length");
      List<String> codings = each.all("Transfer-Encoding");
      assertThat(lengths.size() + codings.size()).as(head).isLessThanOrEqualTo(1);
      assertThat(lengths).as(head).allMatch(length -> length.matches("\\d+"));
      assertThat(codings).as(head).allMatch("chunked"::equals);
      assertThat(head.split("\r\n", -1)).as(head).noneMatch(line -> line.matches("[ \t].*"));
      assertThat(head.chars().noneMatch(c -> c < ' ' && c != '\r' && c != '\n' && c != '\t'))
          .as(head)
          .isTrue();
    }
  }

  private void assertNoErrorsLogged() {
    assertThat(log.list)
        .filteredOn(line -> line.getLevel().isGreaterOrEqual(Level.ERROR))
        .extracting(line -> line.getLoggerName() + " " + line.getFormattedMessage())
        .isEmpty();
  }

  private static Logger root() {
    return (Logger) LoggerFactory.getLogger(org.slf4j.Logger.ROOT_LOGGER_NAME);
  }

  private RawClient client() throws IOException {
    return new RawClient(door.port);
  }

  private void assertServes() throws IOException {
    try (RawClient client = client()) {
      assertThat(client.post("/A", "{\"well\":1}").read().body()).isEqualTo("/A|{\"well\":1}");
    }
  }

  /** Asserts that a request is refused, and that no part of it is forwarded. */
  private void assertRefused(String text) throws IOException {
    proxy.seen.clear(); // Drops the requests that assertServes sent.
    try (RawClient client = client()) {
      client.trySend(text).shutdownSending();
      Response response = client.read();
      assertThat(response.status()).as(response.head() + response.body()).isBetween(400, 505);
      assertThat(response.status()).as(response.head() + response.body()).isNotIn(502, 503, 504);
      assertThat(client.readUntilClosed()).isEmpty();
    }
    assertThat(proxy.seen).isEmpty();
    assertServes();
  }

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
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
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

  @ParameterizedTest
  @ValueSource(
      strings = {
        "/A//",
        "/A/%2F",
        "/A%2Fb",
        "/A/../B",
        "/A/./x",
        "/A/%2e%2e/B",
        "/A/;x",
        "/A/%00",
        "/A/%0d%0aX:x",
        "/A/%",
        "/A/%zz",
        "/A/..%2fB",
        "/A/x:80",
        "/A/http://x/B",
        "/A/~",
        "/A/[",
        "/A/\"<>^`{|}"
      })
  void forwardsPathsUnchanged(String path) throws Exception {
    try (RawClient client = client()) {
      Response response = client.get(path).read();
      if (response.status() == 200) {
        assertThat(proxy.seen).hasSize(1);
        assertThat(proxy.seen.get(0).target()).isEqualTo(path);
      } else {
        assertThat(response.status()).isIn(400, 404);
        assertThat(proxy.seen).isEmpty();
      }
    }
    assertServes();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "//A",
        "///A",
        "/.//A",
        "/./A",
        "/../A",
        "/%41",
        "/a",
        "/AA",
        "/A;x",
        "/A%2F",
        "/A%00",
        "/A.",
        "/;/A",
        "/%2FA",
        "/-/../A",
        "/health/../A",
        "/http://x/A"
      })
  void doesNotNormalizePathsToRoutes(String path) throws Exception {
    try (RawClient client = client()) {
      assertThat(client.get(path).read().status()).isIn(400, 404);
    }
    assertThat(proxy.seen).isEmpty();
  }

  @ParameterizedTest
  @CsvSource({
    "http://x/A?a=b,/A?a=b",
    "HTTP://x:1/A,/A",
    "http://x?/A?a=b,",
    "http://xy,",
    "https://x/B/c,/B/c"
  })
  void acceptsTargetsInAbsoluteForm(String target, String seen) throws Exception {
    try (RawClient client = client()) {
      Response response = client.get(target).read();
      if (seen == null) {
        assertThat(response.body()).contains("SeedCore Serve");
        assertThat(proxy.seen).isEmpty();
      } else {
        assertThat(response.body()).isEqualTo(seen + "|");
        assertThat(proxy.seen.get(0).all("X-Forwarded-Host").get(0)).startsWith("x");
      }
    }
  }

  @Test
  void acceptsHostsOfOneLetter() throws Exception {
    try (RawClient client = client()) {
      assertThat(client.get("http://x").read().status()).isEqualTo(200);
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"FOO", "get", "PROPFIND", "DELETE", "PATCH", "OPTIONS", "PUT", "M-SEARCH"})
  void forwardsAllMethods(String method) throws Exception {
    for (String path : List.of("/B/x", "/Other/x")) {
      try (RawClient client = client()) {
        client.send(method + " " + path + " HTTP/1.1\r\nHost: x\r\n\r\n");
        assertThat(client.read().status()).isEqualTo(200);
      }
    }
    assertThat(proxy.seen).hasSize(2).allMatch(r -> r.head().startsWith(method + " "));
  }

  @Test
  void sendsNoBodyInResponseToHead() throws Exception {
    proxy.behaviour =
        (request, socket) ->
            RawProxy.send(
                socket,
                request.head().startsWith("HEAD")
                    ? "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
                    : RawProxy.ok("hello"));
    for (String path : List.of("/B", "/Other", "/nobody's", "/health")) {
      try (RawClient client = client()) {
        client.send("HEAD " + path + " HTTP/1.1\r\nHost: x\r\n\r\n");
        client.read(false);
        client.get("/Other");
        assertThat(client.read().body()).as(path).isEqualTo("hello");
      }
    }
  }

  // Hop-by-hop fields and the end of connections (F15).

  @ParameterizedTest
  @ValueSource(
      strings = {"close", "Close", "close, x", "x, close", "x ,\tCLOSE", "x\r\nConnection: close"})
  void closesTheConnectionWhenTheClientAsksForIt(String value) throws Exception {
    for (String path : List.of("/A", "/Other", "/nobody's", "/health")) {
      try (RawClient client = client()) {
        client.send(
            "GET " + path + " HTTP/1.1\r\nHost: x\r\nConnection: " + value + "\r\n\r\n" + HIDDEN);
        client.read();
        assertThat(client.readUntilClosed()).as(path).isEmpty();
      }
    }
    assertThat(proxy.seen).noneMatch(r -> r.head().contains("hidden"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "X-Request-ID",
        "X-Forwarded-For",
        "Via",
        "Content-Length",
        "Host",
        "Transfer-Encoding"
      })
  void keepsItsOwnFieldsWhenTheClientNamesThemHopByHop(String name) throws Exception {
    for (String path : List.of("/A", "/Other")) {
      proxy.seen.clear();
      try (RawClient client = client()) {
        client.send(
            "POST %s HTTP/1.1\r\nHost: x\r\nX-Request-ID: 7\r\nX-Own: 1\r\nConnection: X-Own, %s\r\n"
                    .formatted(path, name)
                + "Content-Length: 2\r\n\r\n{}");
        assertThat(client.read().body()).isEqualTo(path + "|{}");
      }
      RawProxy.Seen seen = proxy.seen.get(0);
      assertThat(seen.all("X-Request-ID")).hasSize(1);
      assertThat(seen.all("X-Forwarded-For")).containsExactly("127.0.0.1");
      assertThat(seen.all("X-Own")).isEmpty();
      assertThat(seen.all("Connection")).isEmpty();
    }
  }

  @Test
  void sendsNo100ContinueToHttp10Clients() throws Exception {
    for (String path : List.of("/A", "/Other")) {
      try (RawClient client = client()) {
        client.send(
            "POST %s HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n{}"
                .formatted(path));
        Response response = client.read();
        assertThat(response.status()).isEqualTo(200);
        assertThat(response.all("Transfer-Encoding")).isEmpty();
        assertThat(response.body()).isEqualTo(path + "|{}");
        assertThat(client.readUntilClosed()).isEmpty();
      }
    }
  }

  @Test
  void sendsNoChunksToHttp10Clients() throws Exception {
    proxy.behaviour =
        (request, socket) ->
            RawProxy.send(
                socket,
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n5\r\nthere\r\n0\r\n\r\n");
    for (String path : List.of("/A", "/Other")) {
      for (String more : List.of("", "Connection: keep-alive\r\n")) {
        try (RawClient client = client()) {
          client.send("GET " + path + " HTTP/1.0\r\n" + more + "\r\n");
          Response response = client.read();
          assertThat(response.all("Transfer-Encoding")).isEmpty();
          assertThat(response.body()).isEqualTo("hellothere");
        }
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"/A", "/B", "/Other", "/health", "/nobody's"})
  void respondsToClientsThatHaveClosedTheirSide(String path) throws Exception {
    try (RawClient client = client()) {
      client.get(path).shutdownSending();
      assertThat(client.read().status()).isIn(200, 404);
      assertThat(client.readUntilClosed()).isEmpty();
    }
    try (RawClient client = client()) {
      client.post(path, "{}").shutdownSending();
      assertThat(client.read().status()).isIn(200, 404);
      assertThat(client.readUntilClosed()).isEmpty();
    }
    door.awaitEmpty(0);
  }

  @Test
  void respondsToAllPipelinedRequestsAfterTheClientClosesItsSide() throws Exception {
    try (RawClient client = client()) {
      client
          .get("/A/1")
          .post("/A/2", "two")
          .get("/Other/3")
          .post("/Other/4", "four")
          .shutdownSending();
      assertThat(client.read().body()).isEqualTo("/A/1|");
      assertThat(client.read().body()).isEqualTo("/A/2|two");
      assertThat(client.read().body()).isEqualTo("/Other/3|");
      assertThat(client.read().body()).isEqualTo("/Other/4|four");
      assertThat(client.readUntilClosed()).isEmpty();
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void logsNoErrorsForAbortedUploads(boolean resets) throws Exception {
    for (int i = 0; i < 4; i++) {
      try (RawClient client = client()) {
        client.send("POST /Other HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nhello");
        await().until(() -> door.status().underWay() == 1);
        if (resets) {
          client.reset();
        }
      }
      await().until(() -> door.status().underWay() == 0);
    }
    assertServes();
    assertNoErrorsLogged();
  }

  @Test
  void logsNoErrorsForClientsThatLeaveAtOnce() throws Exception {
    for (int i = 0; i < 300; i++) {
      try (RawClient client = client()) {
        client.send("POST /Other HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nhello");
        client.reset();
      }
    }
    door.awaitEmpty(0);
    assertServes();
    assertNoErrorsLogged();
  }

  @Test
  void logsNoErrorsForInvalidChunks() throws Exception {
    for (int i = 0; i < 20; i++) {
      try (RawClient client = client()) {
        client.send("POST /Other HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n");
        client.readUntilClosed();
      }
    }
    door.awaitEmpty(0);
    assertNoErrorsLogged();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "Bearer a-token-of-some-length|200",
        "Bearer a-token-of-some-lengt|401",
        "Bearer a-token-of-some-length2|401",
        "Bearer A-token-of-some-length|401",
        "Basic a-token-of-some-length|401",
        "Bearer|401",
        "Bearer a-token-of-some-length x|401",
        "a-token-of-some-length|401",
        "Bearera-token-of-some-length|401"
      })
  void acceptsTheTokenInOneFormOnly(String value, int status) throws Exception {
    try (OpenDoor locked =
            OpenDoor.serving(proxy.uri(), Bounds.USUAL.token("a-token-of-some-length"));
        RawClient client = new RawClient(locked.port)) {
      client.send("GET /A HTTP/1.1\r\nHost: x\r\nAuthorization: " + value + "\r\n\r\n");
      Response response = client.read();
      assertThat(response.status()).isEqualTo(status);
      assertThat(proxy.seen).hasSize(status == 200 ? 1 : 0);
      assertThat(proxy.seen).allMatch(r -> !r.head().contains("of-some-length"));
      assertThat(response.head() + response.body()).doesNotContain("of-some-length");
    }
    assertThat(log.list).noneMatch(line -> line.toString().contains("of-some-length"));
  }

  @Test
  void acceptsTheTokenSchemeInLowerCase() throws Exception {
    try (OpenDoor locked =
            OpenDoor.serving(proxy.uri(), Bounds.USUAL.token("a-token-of-some-length"));
        RawClient client = new RawClient(locked.port)) {
      client.send(
          "GET /A HTTP/1.1\r\nHost: x\r\nAuthorization: bearer a-token-of-some-length\r\n\r\n");
      assertThat(client.read().status()).isEqualTo(200);
    }
  }

  // Data that arrives before it is wanted.

  @ParameterizedTest
  @ValueSource(ints = {1, 8_192, 8_193, 20_000, 60_000, 99_000})
  void keepsPipelinedBodiesComplete(int size) throws Exception {
    String body = "0123456789".repeat(size / 10 + 1).substring(0, size);
    for (String path : List.of("/A", "/B", "/Other")) {
      for (boolean chunked : List.of(false, true)) {
        try (RawClient client = client()) {
          String one =
              chunked
                  ? "POST %s HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n"
                      .formatted(path, size, body)
                  : "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s"
                      .formatted(path, size, body);
          client.send(one.repeat(4));
          for (int i = 0; i < 4; i++) {
            Response response = client.read();
            assertThat(response.status()).as("%s, chunked %s, %d", path, chunked, i).isEqualTo(200);
            assertThat(response.body().equals(path + "|" + body))
                .as(
                    "%s, chunked %s, the %d. of 4: %d bytes of %d came",
                    path, chunked, i + 1, response.body().length() - path.length() - 1, size)
                .isTrue();
          }
        }
      }
    }
    door.awaitEmpty(0);
  }

  @Test
  void acceptsBodiesInManyChunks() throws Exception {
    try (RawClient client = client()) {
      client.send(
          "GET /A HTTP/1.1\r\nHost: x\r\n\r\n"
              + "POST /A HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
              + "1\r\nx\r\n".repeat(5_000)
              + "0\r\n\r\n");
      assertThat(client.read().body()).isEqualTo("/A|");
      assertThat(client.read().body()).hasSize(5_003);
    }
  }
}
