package ai.seedcore.serve.door;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import ai.seedcore.serve.door.OpenDoor.Bounds;
import ai.seedcore.serve.door.OpenDoor.Times;
import ai.seedcore.serve.door.RawClient.Response;
import ai.seedcore.serve.door.queue.RouteQueue;
import io.netty.util.internal.PlatformDependent;
import java.io.IOException;
import java.net.Socket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.parallel.Isolated;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Tests that the upstream response to one request affects no other request. */
@Timeout(60)
@Tag("slow")
@Isolated("It measures times and memory.")
class DoorUpstreamsTest {

  /** A text that occurs only in forged responses. */
  private static final String EVIL = "EVIL";

  private static final String EXTRA = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n" + EVIL;

  private static final List<String> ROUTES = List.of("/A", "/B", "/Other");

  private static RawProxy proxy;
  private static OpenDoor door;
  private static ExecutorService threads;

  @BeforeAll
  static void openDoor() throws Exception {
    threads = Executors.newCachedThreadPool();
    proxy = new RawProxy();
    door = OpenDoor.serving(proxy.uri(), Bounds.DEFAULT);
    door.times("/A", Duration.ofMillis(500)); // Also compiles the code.
  }

  @AfterAll
  static void close() throws Exception {
    door.close();
    proxy.close();
    threads.shutdownNow();
    assertThat(threads.awaitTermination(20, TimeUnit.SECONDS)).isTrue();
  }

  @BeforeEach
  void resetProxy() {
    proxy.seen.clear();
    proxy.readsBodies = true;
    proxy.behaviour = RawProxy::echo;
  }

  /** What the proxy sends, and whether it closes the connection afterwards. */
  enum ScriptedResponse {
    TOO_SHORT("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello", true),
    TOO_LONG("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello" + EVIL, false),
    TWO_ANSWERS(RawProxy.ok("hello") + EXTRA, false),
    THREE_ANSWERS(RawProxy.ok("hello") + EXTRA + EXTRA, false),
    NO_LENGTH("HTTP/1.1 200 OK\r\n\r\nhello", true),
    TWO_LENGTHS("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", true),
    LENGTH_AND_CHUNKS(
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
            + EXTRA,
        false),
    LENGTH_BELOW_ZERO("HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello", true),
    LENGTH_OF_WORDS("HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\nhello", true),
    HUGE_LENGTH("HTTP/1.1 200 OK\r\nContent-Length: 9223372036854775807\r\n\r\nhello", true),
    WRONG_CHUNK("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nx\r\n", true),
    CHUNK_BELOW_ZERO(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n", true),
    NO_LAST_CHUNK("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", true),
    SHORT_CHUNK(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nFFFF\r\nhello\r\n0\r\n\r\n", true),
    OTHER_CODING(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello", true),
    NOTHING("", true),
    HALF_A_LINE("HTTP/1.1 20", true),
    HALF_A_HEAD("HTTP/1.1 200 OK\r\nX: y\r\n", true),
    GARBAGE("\u0000\u0001\u0002 no HTTP at all\r\n\r\n\r\n", true),
    GARBAGE_THAT_STAYS("no HTTP at all\r\n\r\n" + EXTRA, false),
    OLDEST("hello, this is HTTP/0.9", true),
    OLD("HTTP/1.0 200 OK\r\n\r\nhello", true),
    NEW("HTTP/2.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", true),
    NO_STATUS("HTTP/1.1 OK\r\nContent-Length: 5\r\n\r\nhello", true),
    STATUS_0("HTTP/1.1 000 x\r\nContent-Length: 5\r\n\r\nhello", true),
    STATUS_99("HTTP/1.1 99 x\r\nContent-Length: 5\r\n\r\nhello", true),
    STATUS_999("HTTP/1.1 999 x\r\nContent-Length: 5\r\n\r\nhello", false),
    STATUS_9999("HTTP/1.1 9999 x\r\nContent-Length: 5\r\n\r\nhello", true),
    STATUS_101("HTTP/1.1 101 x\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n" + EXTRA, false),
    STATUS_199("HTTP/1.1 199 x\r\nContent-Length: 5\r\n\r\nhello", true),
    STATUS_204_WITH_BODY("HTTP/1.1 204 x\r\nContent-Length: 4\r\n\r\n" + EVIL, false),
    STATUS_304_WITH_BODY("HTTP/1.1 304 x\r\nContent-Length: 4\r\n\r\n" + EVIL, false),
    CONTINUES_FIRST("HTTP/1.1 100 Continue\r\n\r\n" + RawProxy.ok("hello"), false),
    HINTS_FIRST("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + RawProxy.ok("hello"), false),
    CONTINUES_ONLY("HTTP/1.1 100 Continue\r\n\r\n".repeat(50), true),
    LONG_LINE("HTTP/1.1 200 " + "x".repeat(100_000) + "\r\n\r\n", true),
    LONG_HEAD("HTTP/1.1 200 OK\r\nX: " + "x".repeat(100_000) + "\r\n\r\n", true),
    MANY_HEADERS("HTTP/1.1 200 OK\r\n" + "a: b\r\n".repeat(20_000) + "\r\n", true),
    SPLITS_BY_LF("HTTP/1.1 200 OK\r\nX: a\nContent-Length: 0\n\n" + EXTRA, true),
    SPLITS_BY_CR("HTTP/1.1 200 OK\r\nX: a\rY: b\r\nContent-Length: 5\r\n\r\nhello", true),
    FOLDED("HTTP/1.1 200 OK\r\nX: a\r\n Set-Cookie: b\r\nContent-Length: 5\r\n\r\nhello", false),
    NUL_IN_HEADER("HTTP/1.1 200 OK\r\nX: a\u0000b\r\nContent-Length: 5\r\n\r\nhello", true),
    BAD_NAME("HTTP/1.1 200 OK\r\nX Y: a\r\nContent-Length: 5\r\n\r\nhello", true),
    NOT_UTF8(RawProxy.ok("{\"x\":\"\u00ff\u00fe\"}"), false),
    NO_GZIP("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello", false),
    NO_JSON(RawProxy.ok("{\"status\":\"error\",\"code\":"), false),
    DEEP_JSON(RawProxy.ok("{\"status\":\"error\",\"x\":" + "[".repeat(10_000)), false),
    HOP_BY_HOP(
        "HTTP/1.1 200 OK\r\nConnection: X, close\r\nX: 1\r\nKeep-Alive: 1\r\nTrailer: Y\r\nUpgrade: z\r\n"
            + "Proxy-Authenticate: q\r\nContent-Length: 5\r\n\r\nhello",
        true),
    SAYS_500("HTTP/1.1 500 x\r\nContent-Length: 5\r\n\r\nhello", false),
    SAYS_404("HTTP/1.1 404 x\r\nContent-Length: 5\r\n\r\nhello", false),
    SAYS_503("HTTP/1.1 503 x\r\nContent-Length: 5\r\n\r\nhello", false),
    SAYS_NOTHING("", false);

    final String data;
    final boolean closes;

    ScriptedResponse(String data, boolean closes) {
      this.data = data;
      this.closes = closes;
    }

    void send(Socket client) throws IOException {
      RawProxy.send(client, data);
      if (closes) {
        client.close();
      }
    }
  }

  /** Sends the response that the request names, or else a valid one. */
  private static void respondAsScripted(RawProxy.Seen request, Socket client) throws IOException {
    List<String> script = request.all("X-Lie");
    if (script.isEmpty()) {
      RawProxy.echo(request, client);
    } else {
      ScriptedResponse.valueOf(script.get(0)).send(client);
    }
  }

  private static String scriptedRequest(String path, String script) {
    return "POST %s HTTP/1.1\r\nHost: x\r\nX-Lie: %s\r\nX-Request-Timeout-Seconds: 1\r\nContent-Length: 2\r\n\r\n{}"
        .formatted(path, script);
  }

  /**
   * Sends an honest client's requests meanwhile, since the door recognizes a request's own fault by
   * the success of others.
   */
  private static CompletableFuture<Times> sendHonestRequests(String path, Duration time) {
    return CompletableFuture.supplyAsync(
        () -> {
          try {
            return door.times(path, time);
          } catch (IOException e) {
            throw new CompletionException(e);
          }
        },
        threads);
  }

  /** Returns what the client gets; empty if the connection was closed. */
  private static String outcome(String from, String path, ScriptedResponse script) {
    try (RawClient client = new RawClient(from, door.port)) {
      Response response;
      try {
        response = client.send(scriptedRequest(path, script.name())).read();
      } catch (java.io.EOFException | java.net.SocketException e) {
        return "";
      }
      assertThat(response.status()).as("%s %s", path, script).isBetween(200, 999);
      assertThat(response.head())
          .doesNotContain("Keep-Alive", "Proxy-Authenticate", "Upgrade", "\u0000");
      assertThat(response.head().chars().filter(c -> c == '\r').count())
          .isEqualTo(response.head().chars().filter(c -> c == '\n').count());
      assertThat(response.head().split("\r\n", -1))
          .as("%s %s", path, script)
          .allMatch(line -> line.startsWith("HTTP/1.1 ") || line.matches("[-!#-'*+.^_`|~\\w]+:.*"));
      if (!response.header("Connection").equals("close")) {
        // The next response on this connection belongs to the next request.
        try {
          Response next = client.post(path, "{\"next\":1}").read();
          // The upstream connection may have been used for another bad response.
          assertThat(next.status()).as("%s %s, then %s", path, script, next).isIn(200, 502);
          if (next.status() == 200) {
            assertThat(next.body()).as("%s %s", path, script).isEqualTo(path + "|{\"next\":1}");
          } else {
            assertThat(next.body()).as("%s %s", path, script).contains("\"lost\"");
          }
        } catch (java.io.EOFException | java.net.SocketException e) {
          return response.status() + " " + response.body();
        }
      }
      return response.status() + " " + response.body();
    } catch (IOException e) {
      throw new AssertionError(path + " " + script, e);
    }
  }

  @Test
  void confinesBadResponsesToTheirRequests() throws Exception {
    proxy.behaviour = DoorUpstreamsTest::respondAsScripted;
    CompletableFuture<Times> good = sendHonestRequests("/A", Duration.ofSeconds(2));
    List<CompletableFuture<String>> outcomes = new ArrayList<>();
    List<String> names = new ArrayList<>();
    for (ScriptedResponse script : ScriptedResponse.values()) {
      for (String route : ROUTES) {
        String from = "127.0.3." + (1 + script.ordinal());
        names.add(script + " " + route);
        outcomes.add(CompletableFuture.supplyAsync(() -> outcome(from, route, script), threads));
      }
    }
    List<String> wrong = new ArrayList<>();
    for (int i = 0; i < outcomes.size(); i++) {
      String name = names.get(i);
      try {
        String what = outcomes.get(i).get(20, TimeUnit.SECONDS);
        System.out.println(name + ": " + what.substring(0, Math.min(110, what.length())).strip());
        if (what.contains(EVIL)) {
          wrong.add(name + " told " + what);
        }
        if (name.startsWith("STATUS_1") && !what.startsWith("50")) {
          wrong.add(name + " told " + what);
        }
      } catch (java.util.concurrent.ExecutionException e) {
        wrong.add(name + ": " + e.getCause());
      } catch (java.util.concurrent.TimeoutException e) {
        wrong.add(name + ": no end");
      }
    }
    assertThat(wrong).isEmpty();
    Times times = good.get(20, TimeUnit.SECONDS);
    System.out.println("honest, beside all lies: " + times);
    assertThat(times.p50()).isLessThan(100);
    door.awaitEmpty(0);
  }

  // Faults of single requests (F3).

  @ParameterizedTest
  @CsvSource({
    "SAYS_404,/A",
    "SAYS_404,/B",
    "SAYS_503,/A",
    "SAYS_503,/B",
    "SAYS_500,/A",
    "NOTHING,/A",
    "NOTHING,/B",
    "GARBAGE,/A"
  })
  void servesOthersWhileOneClientsRequestsFail(ScriptedResponse script, String route)
      throws Exception {
    proxy.behaviour = DoorUpstreamsTest::respondAsScripted;
    List<RawClient> bad = new ArrayList<>();
    try {
      for (int i = 0; i < 8; i++) {
        bad.add(new RawClient("127.0.4.1", door.port).send(scriptedRequest(route, script.name())));
      }
      await().until(() -> proxy.seen.size() >= 4);
      Times times = door.times(route, Duration.ofMillis(700));
      System.out.println(script + " " + route + " of one client: " + times);
      assertThat(times.p99()).isLessThan(100);
      for (RawClient client : bad) {
        assertThat(client.read().status()).isBetween(400, 504);
      }
    } finally {
      for (RawClient client : bad) {
        client.close();
      }
    }
    assertThat(proxy.seen.stream().filter(r -> !r.all("X-Lie").isEmpty()).count())
        .as("each is tried a few times")
        .isLessThan(8 * 12);
  }

  /**
   * Only the success of other clients shows that the failures of these eight clients are their own.
   */
  @ParameterizedTest
  @EnumSource(names = {"SAYS_404", "SAYS_500", "NOTHING"})
  void servesOthersWhileRequestsOfSeveralClientsFail(ScriptedResponse script) throws Exception {
    proxy.behaviour = DoorUpstreamsTest::respondAsScripted;
    AtomicBoolean over = new AtomicBoolean();
    List<CompletableFuture<Void>> bad = new ArrayList<>();
    for (int i = 0; i < 8; i++) {
      String from = "127.0.5." + (1 + i);
      bad.add(
          CompletableFuture.runAsync(
              () -> {
                while (!over.get()) {
                  try (RawClient client = new RawClient(from, door.port)) {
                    client.send(scriptedRequest("/A", script.name())).read();
                  } catch (IOException e) {
                    throw new CompletionException(e);
                  }
                }
              },
              threads));
    }
    try {
      await().until(() -> proxy.seen.size() >= 16);
      Times times = door.times("/A", Duration.ofSeconds(2));
      System.out.println(script + " of eight clients: " + times);
      assertThat(times.p50()).isLessThan(1_000);
      assertThat(times.quantile(1)).isLessThan(3_000);
    } finally {
      over.set(true);
    }
    for (CompletableFuture<Void> each : bad) {
      each.get(20, TimeUnit.SECONDS);
    }
  }

  @Test
  void doesNotForwardTargetsWithoutAPath() throws Exception {
    List<RawClient> bad = new ArrayList<>();
    try {
      for (int i = 0; i < 8; i++) {
        bad.add(new RawClient("127.0.4.2", door.port).get("http://x?/A?a=b"));
        bad.add(new RawClient("127.0.4.2", door.port).get("/A?x#="));
      }
      assertThat(door.times("/A", Duration.ofMillis(500)).p99()).isLessThan(100);
      for (int i = 0; i < bad.size(); i++) {
        assertThat(bad.get(i).read().status()).isEqualTo(i % 2 == 0 ? 200 : 400);
      }
    } finally {
      for (RawClient client : bad) {
        client.close();
      }
    }
    assertThat(proxy.seen).allMatch(r -> r.target().equals("/A"));
  }

  @Test
  void recoversAtOnceWhenTheRouteSucceedsAgain() throws Exception {
    AtomicBoolean fails = new AtomicBoolean(true);
    proxy.behaviour =
        (request, client) ->
            (fails.get() ? ScriptedResponse.SAYS_503 : ScriptedResponse.CONTINUES_FIRST)
                .send(client);
    List<RawClient> all = new ArrayList<>();
    try {
      for (int i = 0; i < 12; i++) {
        all.add(new RawClient("127.0.6." + (1 + i % 4), door.port).post("/B", "{}"));
      }
      await().until(() -> proxy.seen.size() >= 8);
      fails.set(false);
      long from = System.nanoTime();
      for (RawClient client : all) {
        Response response = client.read();
        assertThat(response.status()).isEqualTo(200);
        assertThat(response.body()).isEqualTo("hello");
      }
      double seconds = (System.nanoTime() - from) / 1e9;
      System.out.println("after the failure of all: " + seconds + " s");
      assertThat(seconds).isLessThan(5);
    } finally {
      for (RawClient client : all) {
        client.close();
      }
    }
  }

  // Endless responses.

  @ParameterizedTest
  @CsvSource({"/A,true", "/Other,true", "/A,false", "/Other,false"})
  void buffersEndlessResponsesOnlyAsFastAsTheyAreRead(String path, boolean chunked)
      throws Exception {
    AtomicBoolean over = new AtomicBoolean();
    java.util.concurrent.atomic.AtomicLong bytesSent = new java.util.concurrent.atomic.AtomicLong();
    String part = "x".repeat(32 << 10);
    String chunk = chunked ? "8000\r\n" + part + "\r\n" : part;
    proxy.behaviour =
        (request, client) -> {
          if (request.all("X-Lie").isEmpty()) {
            RawProxy.echo(request, client);
            return;
          }
          RawProxy.send(
              client,
              chunked
                  ? "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                  : "HTTP/1.1 200 OK\r\n\r\n");
          while (!over.get()) {
            RawProxy.send(client, chunk);
            bytesSent.addAndGet(chunk.length());
          }
        };
    long before = used();
    List<RawClient> bad = new ArrayList<>();
    try {
      for (int i = 0; i < 10; i++) {
        bad.add(new RawClient("127.0.4.3", door.port).send(scriptedRequest(path, "x")));
      }
      await().until(() -> bytesSent.get() > 10 << 20);
      assertThat(door.times("/B", Duration.ofMillis(500)).p99()).isLessThan(100);
      assertThat(used() - before).isLessThan(32L << 20);
      assertThat(door.status().keptBytes()).isLessThan(10 * 100_000);
    } finally {
      over.set(true);
      for (RawClient client : bad) {
        client.reset();
      }
    }
    door.awaitEmpty(0);
  }

  /**
   * A connection may have carried all of a response before its client has received the end. It is
   * free for the next request then, whose response must not wait for that client.
   */
  @ParameterizedTest
  @ValueSource(strings = {"/A", "/Other"})
  void isNotDelayedByTheClientWhoseConnectionItReuses(String path) throws Exception {
    String large = RawProxy.ok("x".repeat(1_000_000));
    proxy.behaviour =
        (request, client) -> {
          if (request.all("X-Lie").isEmpty()) {
            RawProxy.echo(request, client);
          } else {
            RawProxy.send(client, large);
          }
        };
    String request = "GET %s HTTP/1.1\r\nHost: x\r\nX-Lie: x\r\n\r\n".formatted(path);
    try (Crowd crowd = Crowd.sending("127.0.4.9", door.port, 500, request)) {
      Times times = door.times("/B", Duration.ofSeconds(2));
      System.out.println("beside large responses on " + path + ": " + times);
      assertThat(times.p99()).isLessThan(100);
    }
  }

  private static long used() {
    System.gc();
    Runtime runtime = Runtime.getRuntime();
    return runtime.totalMemory() - runtime.freeMemory() + PlatformDependent.usedDirectMemory();
  }

  @ParameterizedTest
  @ValueSource(strings = {"/A", "/B", "/Other"})
  void rejectsResponsesWithAnEndlessHead(String path) throws Exception {
    proxy.behaviour =
        (request, client) -> {
          RawProxy.send(client, "HTTP/1.1 200 OK\r\n");
          String line = "X: " + "x".repeat(1_000) + "\r\n";
          for (int i = 0; i < 10_000; i++) {
            RawProxy.send(client, line);
          }
        };
    try (RawClient client = new RawClient("127.0.4.4", door.port)) {
      Response response = client.send(scriptedRequest(path, "x")).read();
      assertThat(response.status()).isIn(502, 503, 504);
    }
    door.awaitEmpty(0);
  }

  @Test
  void forwardsCompressedResponsesUnchanged() throws Exception {
    String packed = "\u001f\u008b not unpacked by anybody";
    proxy.behaviour =
        (request, client) ->
            RawProxy.send(
                client,
                "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s"
                    .formatted(packed.length(), packed));
    for (String path : ROUTES) {
      try (RawClient client = new RawClient(door.port)) {
        Response response = client.post(path, "{}").read();
        assertThat(response.body()).isEqualTo(packed);
        assertThat(response.header("Content-Encoding")).isEqualTo("gzip");
      }
    }
  }

  @Test
  void relaysEarlyResponsesBeforeTheBodyHasArrived() throws Exception {
    proxy.readsBodies = false;
    proxy.behaviour =
        (request, client) -> {
          RawProxy.send(client, RawProxy.ok("early"));
          client.close();
        };
    for (int i = 0; i < 5; i++) {
      try (RawClient client = new RawClient(door.port)) {
        client.send("POST /Other HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\nabc");
        assertThat(client.read().body()).isEqualTo("early");
      }
    }
    door.awaitEmpty(0);
  }

  @ParameterizedTest
  @ValueSource(strings = {"/A", "/B", "/Other"})
  void rejectsResponsesWithTooManyFields(String path) throws Exception {
    proxy.behaviour =
        (request, client) ->
            RawProxy.send(
                client,
                "HTTP/1.1 200 OK\r\n" + "a:b\r\n".repeat(500) + "Content-Length: 2\r\n\r\n{}");
    try (RawClient client = new RawClient("127.0.4.5", door.port)) {
      Response response = client.send(scriptedRequest(path, "x")).read();
      assertThat(response.status()).isEqualTo(502);
      assertThat(response.body()).contains("more than 128 header fields");
    }
    door.awaitEmpty(0);
  }

  // Bodies that the proxy does not read.

  private static String largeBody(String path) {
    return bodyOf(5 << 20, path);
  }

  private static String bodyOf(int length, String path) {
    return "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s"
        .formatted(path, length, "x".repeat(length));
  }

  @Test
  void keepsABodyInMemoryOnceWhileTheProxyDoesNotReadIt() throws Exception {
    CountDownLatch over = new CountDownLatch(1);
    proxy.readsBodies = false;
    proxy.behaviour =
        (request, client) -> {
          if (!request.target().equals("/A")) {
            RawProxy.echo(request, client);
            return;
          }
          try {
            over.await();
          } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
          }
        };
    long before = PlatformDependent.usedDirectMemory();
    List<RawClient> all = new ArrayList<>();
    try {
      for (int i = 0; i < 8; i++) {
        all.add(new RawClient("127.0.4." + (20 + i), door.port).send(largeBody("/A")));
      }
      await().until(() -> door.status().keptBytes() > 8 * (5 << 20));
      await().until(() -> proxy.seen.size() >= 4);
      assertThat(PlatformDependent.usedDirectMemory() - before)
          .isLessThan(door.status().keptBytes() / 4 * 5 + (8 << 20));
      try (RawClient client = new RawClient(door.port)) {
        assertThat(client.send("GET /B HTTP/1.1\r\nHost: x\r\n\r\n").read().status())
            .isEqualTo(200);
      }
      // The proxy never reads or closes. The memory of clients that have left is freed
      // nevertheless.
      for (RawClient client : all) {
        client.reset();
      }
      door.awaitEmpty(0);
      await()
          .untilAsserted(
              () -> assertThat(PlatformDependent.usedDirectMemory() - before).isLessThan(8L << 20));
    } finally {
      for (RawClient client : all) {
        client.close();
      }
      over.countDown();
    }
  }

  /** Closing while bytes arrive makes the kernel drop what the client has not read. */
  @Test
  void letsClientsThatAreStillSendingReadAnEarlyResponse() throws Exception {
    String all = "x".repeat(100_000);
    proxy.readsBodies = false;
    proxy.behaviour = (request, client) -> RawProxy.send(client, RawProxy.ok(all));
    try (RawClient client = new RawClient(RawClient.GOOD, door.port, 4 << 10)) {
      client.send("POST /Other HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000\r\n\r\n");
      long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(2_500);
      await()
          .pollInterval(Duration.ofMillis(20))
          .until(
              () -> {
                client.trySend("y".repeat(500));
                return System.nanoTime() > end;
              });
      assertThat(client.read().body()).hasSize(all.length());
    }
    door.awaitEmpty(0);
  }

  @Test
  void discardsABodyAfterAnEarlyResponseAlthoughItHadStoppedReading() throws Exception {
    CountDownLatch stopped = new CountDownLatch(1);
    proxy.readsBodies = false;
    proxy.behaviour =
        (request, client) -> {
          await().until(() -> stopped.getCount() == 0);
          RawProxy.send(client, RawProxy.ok("early"));
        };
    String part = "y".repeat(1_000_000);
    try (RawClient client = new RawClient(door.port)) {
      client.send("POST /Other HTTP/1.1\r\nHost: x\r\nContent-Length: 40000000\r\n\r\n");
      CompletableFuture<Void> sent =
          CompletableFuture.runAsync(
              () -> {
                try {
                  for (int i = 0; i < 40; i++) {
                    client.send(part);
                  }
                } catch (IOException e) {
                  throw new CompletionException(e);
                }
              });
      await().until(() -> door.status().keptBytes() >= 16 << 10);
      stopped.countDown();
      Response response = client.read();
      assertThat(response.body()).isEqualTo("early");
      assertThat(response.header("Connection")).isEqualTo("close");
      sent.join();
    }
    door.awaitEmpty(0);
  }

  @ParameterizedTest
  @ValueSource(strings = {"/A", "/B"})
  void relaysEarlyResponsesBeforeTheBodyIsSent(String path) throws Exception {
    proxy.readsBodies = false;
    proxy.behaviour = (request, client) -> RawProxy.send(client, RawProxy.ok("early"));
    for (int i = 0; i < 5; i++) {
      try (RawClient client = new RawClient(door.port)) {
        assertThat(client.send(largeBody(path)).read().body()).isEqualTo("early");
        proxy.readsBodies = true;
        proxy.behaviour = RawProxy::echo;
        assertThat(client.post(path, "{}").read().body()).isEqualTo(path + "|{}");
        proxy.readsBodies = false;
        proxy.behaviour = (request, other) -> RawProxy.send(other, RawProxy.ok("early"));
      }
    }
    door.awaitEmpty(0);
  }

  /**
   * Repeats this more often than there may be connections to a proxy, so that a leaked connection
   * would show.
   */
  @ParameterizedTest
  @ValueSource(ints = {100_000, 300_000})
  void releasesConnectionsAfterEarlyResponses(int length) throws Exception {
    try (RawProxy slow = new RawProxy(4 << 10);
        OpenDoor before = OpenDoor.serving(slow.uri(), Bounds.DEFAULT);
        RawClient client = new RawClient(before.port)) {
      slow.readsBodies = false;
      slow.readsBodiesAfterwards = true;
      slow.behaviour = (request, other) -> RawProxy.send(other, RawProxy.ok("early"));
      for (int i = 0; i < 4 * RouteQueue.MAX_WINDOW + 20; i++) {
        assertThat(client.send(bodyOf(length, "/A")).read().body()).isEqualTo("early");
      }
      before.awaitEmpty(1);
    }
  }
}
