package ai.seedcore.serve.door;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import ai.seedcore.serve.door.OpenDoor.Bounds;
import ai.seedcore.serve.door.RawClient.Answer;
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

/** Requests that can be understood in two ways, or not at all; and those that only seem so. */
@Timeout(60)
class DoorRequestsTest {

  /** What nobody has asked the proxy for, unless a request was understood in two ways. */
  private static final String HIDDEN = "GET /B/hidden HTTP/1.1\r\nHost: x\r\n\r\n";

  private static RawProxy proxy;
  private static OpenDoor door;
  private ListAppender<ILoggingEvent> log;

  @BeforeAll
  static void open() throws Exception {
    proxy = new RawProxy();
    door = OpenDoor.serving(proxy.uri(), Bounds.USUAL);
  }

  @AfterAll
  static void close() throws Exception {
    door.close();
    proxy.close();
  }

  @BeforeEach
  void begin() {
    proxy.seen.clear();
    proxy.behaviour = RawProxy::echo;
    log = new ListAppender<>();
    log.start();
    root().addAppender(log);
  }

  /** Whatever came through came from the door, and can be understood in one way only. */
  @AfterEach
  void passedOnlyWhatIsPlain() {
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

  private void assertNoErrorsOfTheDoors() {
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

  private void isWell() throws IOException {
    try (RawClient client = client()) {
      assertThat(client.post("/A", "{\"well\":1}").read().body()).isEqualTo("/A|{\"well\":1}");
    }
  }

  /** It is refused, and nothing of it was passed on. */
  private void assertRefused(String text) throws IOException {
    proxy.seen.clear(); // Of those by which an earlier call saw that all is well.
    try (RawClient client = client()) {
      client.saySomeOf(text).saysNoMore();
      Answer answer = client.read();
      assertThat(answer.status()).as(answer.head() + answer.body()).isBetween(400, 505);
      assertThat(answer.status()).as(answer.head() + answer.body()).isNotIn(502, 503, 504);
      assertThat(client.untilClosed()).isEmpty();
    }
    assertThat(proxy.seen).isEmpty();
    isWell();
  }

  /** Ways to say that a body comes in chunks, or seem to. */
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

  /** Those that can be understood, where nothing else is said. */
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
  void aBodyEndsInOnePlaceOnly(String framing) throws Exception {
    for (String path : List.of("/A", "/Other")) {
      assertRefused(
          "POST %s HTTP/1.1\r\nHost: x\r\n%s\r\n\r\n0\r\n\r\n%s".formatted(path, framing, HIDDEN));
      proxy.seen.clear();
    }
  }

  @ParameterizedTest
  @MethodSource("chunked")
  void whatIsBehindTheLastChunkIsTheNextRequest(String coding) throws Exception {
    for (String path : List.of("/A", "/Other")) {
      try (RawClient client = client()) {
        client.say(
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

  /** Whoever unfolds a line and whoever does not are to see the same. */
  @Test
  void aFoldedLineIsPassedOnAsOne() throws Exception {
    for (String path : List.of("/A", "/Other")) {
      try (RawClient client = client()) {
        client.say(
            "POST %s HTTP/1.1\r\nHost: x\r\nX: x\r\n Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n%s"
                .formatted(path, HIDDEN));
        assertThat(client.read().body()).isEqualTo(path + "|0\r\n\r\n");
        assertThat(client.read().body()).isEqualTo("/B/hidden|");
      }
    }
  }

  /** A server is to answer 501, as it could not tell the application of it (RFC 9112, 6.1). */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "gzip, chunked",
        "identity, chunked",
        ",chunked",
        "chunked,",
        "x\r\nTransfer-Encoding: chunked"
      })
  void aCodingThatIsNotUnderstoodIsRefused(String coding) throws Exception {
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
  void aLengthIsANumber(String length) throws Exception {
    for (String path : List.of("/A", "/Other")) {
      assertRefused(
          "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %s\r\n\r\nhello%s"
              .formatted(path, length, HIDDEN));
      proxy.seen.clear();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"9223372036854775807", "9223372036854775806", "4294967301"})
  void aHugeLengthIsNotTakenForASmallOne(String length) throws Exception {
    for (String path : List.of("/A", "/Other")) {
      try (RawClient client = client()) {
        client.say(
            "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %s\r\n\r\nhello%s"
                .formatted(path, length, HIDDEN));
        if (path.equals("/A")) {
          assertThat(client.read().status()).isEqualTo(413);
        }
      }
    }
    assertThat(proxy.seen).isEmpty();
    isWell();
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
  void aChunkIsAsLongAsItSays(String chunks) throws Exception {
    for (String path : List.of("/A", "/Other")) {
      try (RawClient client = client()) {
        client.saySomeOf(
            "POST %s HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n%s%s"
                .formatted(path, chunks, HIDDEN));
        client.saysNoMore();
        String all = client.untilClosed();
        assertThat(all).as(path).doesNotContain(" 200 ", "hidden");
      }
    }
    await().until(() -> door.status().underWay() == 0 && door.status().keptBytes() == 0);
    assertThat(proxy.seen).noneMatch(r -> r.head().contains("hidden"));
    isWell();
  }

  @Test
  void trailersAreNotHeaders() throws Exception {
    for (String path : List.of("/A", "/Other")) {
      try (RawClient client = client()) {
        client.say(
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
  void aHeaderHasANameAndAValue(String header) throws Exception {
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
  void aRequestHasItsForm(String text) throws Exception {
    assertRefused(text);
  }

  @Test
  void aHeaderHasAName() throws Exception {
    for (String path : List.of("/A", "/Other")) {
      assertRefused("GET %s HTTP/1.1\r\nHost: x\r\n: a\r\n\r\n".formatted(path));
    }
  }

  @Test
  void anAnswerIsOfOurVersion() throws Exception {
    try (RawClient client = client()) {
      client.say("GET /A HTTP/11.1\r\nHost: x\r\n\r\n");
      assertThat(client.untilClosed()).startsWith("HTTP/1.");
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
  void whoIsToldThatTheConnectionEndsSeesItsEnd(String text) throws Exception {
    try (RawClient client = client().patience(2_000)) {
      Answer answer = client.say(text + HIDDEN).read();
      assertThat(answer.header("Connection")).isEqualTo("close");
      assertThat(client.untilClosed()).isEmpty();
    }
    assertThat(proxy.seen).isEmpty();
  }

  @ParameterizedTest
  @CsvSource({"8200,20,1,414", "100,33000,1,431", "100,100,400,431", "100,3,9000,431"})
  void aHeadHasAnEnd(int path, int value, int headers, int status) throws Exception {
    StringBuilder head =
        new StringBuilder("GET /A").append("/".repeat(path)).append(" HTTP/1.1\r\n");
    head.append("Host: x\r\n");
    for (int i = 0; i < headers; i++) {
      head.append("X: ").append("x".repeat(value)).append("\r\n");
    }
    try (RawClient client = client()) {
      Answer answer = client.saySomeOf(head + "\r\n" + HIDDEN).read();
      assertThat(answer.status()).isIn(400, status);
      assertThat(client.untilClosed()).isEmpty();
    }
    assertThat(proxy.seen).isEmpty();
    isWell();
  }

  /** The end of what a client sends comes after it, also where that waits for its turn. */
  @ParameterizedTest
  @ValueSource(ints = {0, 1, 5, 20, 30, 40})
  void whoEndsBehindHalfAHeadIsAnswered(int cut) throws Exception {
    CountDownLatch answers = new CountDownLatch(1);
    proxy.behaviour =
        (request, client) -> {
          try {
            answers.await();
          } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
          }
          RawProxy.echo(request, client);
        };
    String first =
        "POST /A HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n";
    String second = "GET /B?x=1 HTTP/1.1\r\nHost: x\r\nX: 123456789\r\n\r\n";
    try (RawClient client = client()) {
      client.say(first + second.substring(0, cut));
      await().until(() -> !proxy.seen.isEmpty());
      client.say(second.substring(cut)).saysNoMore();
      await().pollDelay(Duration.ofMillis(50)).until(() -> door.status().underWay() > 0);
      answers.countDown();
      assertThat(client.read().body()).isEqualTo("/A|{}");
      assertThat(client.read().body()).isEqualTo("/B?x=1|");
      assertThat(client.untilClosed()).isEmpty();
    }
  }

  @Test
  void aHeadThatNeverEndsIsNotKept() throws Exception {
    try (RawClient client = client()) {
      client.say("GET /A HTTP/1.1\r\nHost: x\r\n");
      String line = "X: " + "x".repeat(1_000) + "\r\n";
      for (int i = 0; i < 2_000; i++) {
        client.saySomeOf(line);
      }
      assertThat(client.untilClosed()).startsWith("HTTP/1.1 4");
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
  void aPathIsPassedOnAsItIs(String path) throws Exception {
    try (RawClient client = client()) {
      Answer answer = client.get(path).read();
      if (answer.status() == 200) {
        assertThat(proxy.seen).hasSize(1);
        assertThat(proxy.seen.get(0).target()).isEqualTo(path);
      } else {
        assertThat(answer.status()).isIn(400, 404);
        assertThat(proxy.seen).isEmpty();
      }
    }
    isWell();
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
  void whatIsNoRouteIsNotTakenForOne(String path) throws Exception {
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
  void aWholeAddressIsReadOnce(String target, String seen) throws Exception {
    try (RawClient client = client()) {
      Answer answer = client.get(target).read();
      if (seen == null) {
        assertThat(answer.body()).contains("SeedCore Serve");
        assertThat(proxy.seen).isEmpty();
      } else {
        assertThat(answer.body()).isEqualTo(seen + "|");
        assertThat(proxy.seen.get(0).all("X-Forwarded-Host").get(0)).startsWith("x");
      }
    }
  }

  @Test
  void aHostOfOneLetterIsOne() throws Exception {
    try (RawClient client = client()) {
      assertThat(client.get("http://x").read().status()).isEqualTo(200);
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"FOO", "get", "PROPFIND", "DELETE", "PATCH", "OPTIONS", "PUT", "M-SEARCH"})
  void methodsAreTheApplications(String method) throws Exception {
    for (String path : List.of("/B/x", "/Other/x")) {
      try (RawClient client = client()) {
        client.say(method + " " + path + " HTTP/1.1\r\nHost: x\r\n\r\n");
        assertThat(client.read().status()).isEqualTo(200);
      }
    }
    assertThat(proxy.seen).hasSize(2).allMatch(r -> r.head().startsWith(method + " "));
  }

  @Test
  void anAnswerToHeadHasNoBody() throws Exception {
    proxy.behaviour =
        (request, socket) ->
            RawProxy.say(
                socket,
                request.head().startsWith("HEAD")
                    ? "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
                    : RawProxy.fine("hello"));
    for (String path : List.of("/B", "/Other", "/nobody's", "/health")) {
      try (RawClient client = client()) {
        client.say("HEAD " + path + " HTTP/1.1\r\nHost: x\r\n\r\n");
        client.read(false);
        client.get("/Other");
        assertThat(client.read().body()).as(path).isEqualTo("hello");
      }
    }
  }

  // What is a matter of the connection only (F15).

  @ParameterizedTest
  @ValueSource(
      strings = {"close", "Close", "close, x", "x, close", "x ,\tCLOSE", "x\r\nConnection: close"})
  void aConnectionEndsWhenItsClientSaysSo(String value) throws Exception {
    for (String path : List.of("/A", "/Other", "/nobody's", "/health")) {
      try (RawClient client = client()) {
        client.say(
            "GET " + path + " HTTP/1.1\r\nHost: x\r\nConnection: " + value + "\r\n\r\n" + HIDDEN);
        client.read();
        assertThat(client.untilClosed()).as(path).isEmpty();
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
  void whatTheDoorSaysIsNotAMatterOfTheClientsConnection(String name) throws Exception {
    for (String path : List.of("/A", "/Other")) {
      proxy.seen.clear();
      try (RawClient client = client()) {
        client.say(
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
  void anOldClientIsNotToldToGoOn() throws Exception {
    for (String path : List.of("/A", "/Other")) {
      try (RawClient client = client()) {
        client.say(
            "POST %s HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n{}"
                .formatted(path));
        Answer answer = client.read();
        assertThat(answer.status()).isEqualTo(200);
        assertThat(answer.all("Transfer-Encoding")).isEmpty();
        assertThat(answer.body()).isEqualTo(path + "|{}");
        assertThat(client.untilClosed()).isEmpty();
      }
    }
  }

  @Test
  void anOldClientGetsNoChunks() throws Exception {
    proxy.behaviour =
        (request, socket) ->
            RawProxy.say(
                socket,
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n5\r\nthere\r\n0\r\n\r\n");
    for (String path : List.of("/A", "/Other")) {
      for (String more : List.of("", "Connection: keep-alive\r\n")) {
        try (RawClient client = client()) {
          client.say("GET " + path + " HTTP/1.0\r\n" + more + "\r\n");
          Answer answer = client.read();
          assertThat(answer.all("Transfer-Encoding")).isEmpty();
          assertThat(answer.body()).isEqualTo("hellothere");
        }
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"/A", "/B", "/Other", "/health", "/nobody's"})
  void whoHasSaidAllGetsHisAnswer(String path) throws Exception {
    try (RawClient client = client()) {
      client.get(path).saysNoMore();
      assertThat(client.read().status()).isIn(200, 404);
      assertThat(client.untilClosed()).isEmpty();
    }
    try (RawClient client = client()) {
      client.post(path, "{}").saysNoMore();
      assertThat(client.read().status()).isIn(200, 404);
      assertThat(client.untilClosed()).isEmpty();
    }
    door.awaitEmpty(0);
  }

  @Test
  void whoHasSaidAllOfSeveralRequestsGetsTheirAnswers() throws Exception {
    try (RawClient client = client()) {
      client.get("/A/1").post("/A/2", "two").get("/Other/3").post("/Other/4", "four").saysNoMore();
      assertThat(client.read().body()).isEqualTo("/A/1|");
      assertThat(client.read().body()).isEqualTo("/A/2|two");
      assertThat(client.read().body()).isEqualTo("/Other/3|");
      assertThat(client.read().body()).isEqualTo("/Other/4|four");
      assertThat(client.untilClosed()).isEmpty();
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void abortedUploadsAreNoErrorsOfTheDoor(boolean resets) throws Exception {
    for (int i = 0; i < 4; i++) {
      try (RawClient client = client()) {
        client.say("POST /Other HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nhello");
        await().until(() -> door.status().underWay() == 1);
        if (resets) {
          client.resets();
        }
      }
      await().until(() -> door.status().underWay() == 0);
    }
    isWell();
    assertNoErrorsOfTheDoors();
  }

  @Test
  void clientsThatGoAtOnceAreNoErrorsOfTheDoor() throws Exception {
    for (int i = 0; i < 300; i++) {
      try (RawClient client = client()) {
        client.say("POST /Other HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nhello");
        client.resets();
      }
    }
    door.awaitEmpty(0);
    isWell();
    assertNoErrorsOfTheDoors();
  }

  @Test
  void whoEndsHisUploadWronglyIsNoErrorOfTheDoors() throws Exception {
    for (int i = 0; i < 20; i++) {
      try (RawClient client = client()) {
        client.say("POST /Other HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n");
        client.untilClosed();
      }
    }
    door.awaitEmpty(0);
    assertNoErrorsOfTheDoors();
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
  void aTokenIsBorneInOneForm(String value, int status) throws Exception {
    try (OpenDoor locked =
            OpenDoor.serving(proxy.uri(), Bounds.USUAL.token("a-token-of-some-length"));
        RawClient client = new RawClient(locked.port)) {
      client.say("GET /A HTTP/1.1\r\nHost: x\r\nAuthorization: " + value + "\r\n\r\n");
      Answer answer = client.read();
      assertThat(answer.status()).isEqualTo(status);
      assertThat(proxy.seen).hasSize(status == 200 ? 1 : 0);
      assertThat(proxy.seen).allMatch(r -> !r.head().contains("of-some-length"));
      assertThat(answer.head() + answer.body()).doesNotContain("of-some-length");
    }
    assertThat(log.list).noneMatch(line -> line.toString().contains("of-some-length"));
  }

  @Test
  void theWordBeforeATokenMayBeInSmallLetters() throws Exception {
    try (OpenDoor locked =
            OpenDoor.serving(proxy.uri(), Bounds.USUAL.token("a-token-of-some-length"));
        RawClient client = new RawClient(locked.port)) {
      client.say(
          "GET /A HTTP/1.1\r\nHost: x\r\nAuthorization: bearer a-token-of-some-length\r\n\r\n");
      assertThat(client.read().status()).isEqualTo(200);
    }
  }

  // What comes before it is wanted.

  @ParameterizedTest
  @ValueSource(ints = {1, 8_192, 8_193, 20_000, 60_000, 99_000})
  void aBodyThatComesAheadIsWhole(int size) throws Exception {
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
          client.say(one.repeat(4));
          for (int i = 0; i < 4; i++) {
            Answer answer = client.read();
            assertThat(answer.status()).as("%s, chunked %s, %d", path, chunked, i).isEqualTo(200);
            assertThat(answer.body().equals(path + "|" + body))
                .as(
                    "%s, chunked %s, the %d. of 4: %d bytes of %d came",
                    path, chunked, i + 1, answer.body().length() - path.length() - 1, size)
                .isTrue();
          }
        }
      }
    }
    door.awaitEmpty(0);
  }

  @Test
  void aBodyInManyPartsIsWhole() throws Exception {
    try (RawClient client = client()) {
      client.say(
          "GET /A HTTP/1.1\r\nHost: x\r\n\r\n"
              + "POST /A HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
              + "1\r\nx\r\n".repeat(5_000)
              + "0\r\n\r\n");
      assertThat(client.read().body()).isEqualTo("/A|");
      assertThat(client.read().body()).hasSize(5_003);
    }
  }
}
