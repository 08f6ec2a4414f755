package ai.seedcore.serve.door;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import ai.seedcore.serve.door.OpenDoor.Bounds;
import ai.seedcore.serve.door.OpenDoor.Times;
import ai.seedcore.serve.door.RawClient.Answer;
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
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What one request meets behind the door is its own, whatever that is. */
@Timeout(60)
class DoorUpstreamsTest {

  /** What is in no answer but the liar's own. */
  private static final String EVIL = "EVIL";

  private static final String EXTRA = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n" + EVIL;

  private static final List<String> ROUTES = List.of("/A", "/B", "/Other");

  private static RawProxy proxy;
  private static OpenDoor door;
  private static ExecutorService threads;

  @BeforeAll
  static void open() throws Exception {
    threads = Executors.newCachedThreadPool();
    proxy = new RawProxy();
    door = OpenDoor.serving(proxy.uri(), Bounds.DEFAULT);
    door.times("/A", Duration.ofMillis(500)); // Compiles the code, too.
  }

  @AfterAll
  static void close() throws Exception {
    door.close();
    proxy.close();
    threads.shutdownNow();
    assertThat(threads.awaitTermination(20, TimeUnit.SECONDS)).isTrue();
  }

  @BeforeEach
  void begin() {
    proxy.seen.clear();
    proxy.reads = true;
    proxy.behaviour = RawProxy::echo;
  }

  /** What the proxy says, and whether it closes the connection then. */
  enum Lie {
    TOO_SHORT("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello", true),
    TOO_LONG("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello" + EVIL, false),
    TWO_ANSWERS(RawProxy.fine("hello") + EXTRA, false),
    THREE_ANSWERS(RawProxy.fine("hello") + EXTRA + EXTRA, false),
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
    CONTINUES_FIRST("HTTP/1.1 100 Continue\r\n\r\n" + RawProxy.fine("hello"), false),
    HINTS_FIRST("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + RawProxy.fine("hello"), false),
    CONTINUES_ONLY("HTTP/1.1 100 Continue\r\n\r\n".repeat(50), true),
    LONG_LINE("HTTP/1.1 200 " + "x".repeat(100_000) + "\r\n\r\n", true),
    LONG_HEAD("HTTP/1.1 200 OK\r\nX: " + "x".repeat(100_000) + "\r\n\r\n", true),
    MANY_HEADERS("HTTP/1.1 200 OK\r\n" + "a: b\r\n".repeat(20_000) + "\r\n", true),
    SPLITS_BY_LF("HTTP/1.1 200 OK\r\nX: a\nContent-Length: 0\n\n" + EXTRA, true),
    SPLITS_BY_CR("HTTP/1.1 200 OK\r\nX: a\rY: b\r\nContent-Length: 5\r\n\r\nhello", true),
    FOLDED("HTTP/1.1 200 OK\r\nX: a\r\n Set-Cookie: b\r\nContent-Length: 5\r\n\r\nhello", false),
    NUL_IN_HEADER("HTTP/1.1 200 OK\r\nX: a\u0000b\r\nContent-Length: 5\r\n\r\nhello", true),
    BAD_NAME("HTTP/1.1 200 OK\r\nX Y: a\r\nContent-Length: 5\r\n\r\nhello", true),
    NOT_UTF8(RawProxy.fine("{\"x\":\"\u00ff\u00fe\"}"), false),
    NO_GZIP("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello", false),
    NO_JSON(RawProxy.fine("{\"status\":\"error\",\"code\":"), false),
    DEEP_JSON(RawProxy.fine("{\"status\":\"error\",\"x\":" + "[".repeat(10_000)), false),
    HOP_BY_HOP(
        "HTTP/1.1 200 OK\r\nConnection: X, close\r\nX: 1\r\nKeep-Alive: 1\r\nTrailer: Y\r\nUpgrade: z\r\n"
            + "Proxy-Authenticate: q\r\nContent-Length: 5\r\n\r\nhello",
        true),
    SAYS_500("HTTP/1.1 500 x\r\nContent-Length: 5\r\n\r\nhello", false),
    SAYS_404("HTTP/1.1 404 x\r\nContent-Length: 5\r\n\r\nhello", false),
    SAYS_503("HTTP/1.1 503 x\r\nContent-Length: 5\r\n\r\nhello", false),
    SAYS_NOTHING("", false);

    final String words;
    final boolean closes;

    Lie(String words, boolean closes) {
      this.words = words;
      this.closes = closes;
    }

    void tell(Socket client) throws IOException {
      RawProxy.say(client, words);
      if (closes) {
        client.close();
      }
    }
  }

  /** Lies to those that name a lie, and is honest to others. */
  private static void lies(RawProxy.Seen request, Socket client) throws IOException {
    List<String> lie = request.all("X-Lie");
    if (lie.isEmpty()) {
      RawProxy.echo(request, client);
    } else {
      Lie.valueOf(lie.get(0)).tell(client);
    }
  }

  private static String asks(String path, String lie) {
    return "POST %s HTTP/1.1\r\nHost: x\r\nX-Lie: %s\r\nX-Request-Timeout-Seconds: 1\r\nContent-Length: 2\r\n\r\n{}"
        .formatted(path, lie);
  }

  /** One honest client goes on asking, as where one is answered well a failure is one's own. */
  private static CompletableFuture<Times> goods(String path, Duration time) {
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

  /** What the liar's client has of it; empty: his connection was cut. */
  private static String told(String from, String path, Lie lie) {
    try (RawClient client = new RawClient(from, door.port)) {
      Answer answer;
      try {
        answer = client.say(asks(path, lie.name())).read();
      } catch (java.io.EOFException | java.net.SocketException e) {
        return "";
      }
      assertThat(answer.status()).as("%s %s", path, lie).isBetween(200, 999);
      assertThat(answer.head())
          .doesNotContain("Keep-Alive", "Proxy-Authenticate", "Upgrade", "\u0000");
      assertThat(answer.head().chars().filter(c -> c == '\r').count())
          .isEqualTo(answer.head().chars().filter(c -> c == '\n').count());
      assertThat(answer.head().split("\r\n", -1))
          .as("%s %s", path, lie)
          .allMatch(line -> line.startsWith("HTTP/1.1 ") || line.matches("[-!#-'*+.^_`|~\\w]+:.*"));
      if (!answer.header("Connection").equals("close")) {
        // The next answer over this connection is that to the next request.
        try {
          Answer next = client.post(path, "{\"next\":1}").read();
          // Its connection to the proxy may have been another liar's.
          assertThat(next.status()).as("%s %s, then %s", path, lie, next).isIn(200, 502);
          if (next.status() == 200) {
            assertThat(next.body()).as("%s %s", path, lie).isEqualTo(path + "|{\"next\":1}");
          } else {
            assertThat(next.body()).as("%s %s", path, lie).contains("\"lost\"");
          }
        } catch (java.io.EOFException | java.net.SocketException e) {
          return answer.status() + " " + answer.body();
        }
      }
      return answer.status() + " " + answer.body();
    } catch (IOException e) {
      throw new AssertionError(path + " " + lie, e);
    }
  }

  @Test
  void liesAreTheirRequestsOwn() throws Exception {
    proxy.behaviour = DoorUpstreamsTest::lies;
    CompletableFuture<Times> good = goods("/A", Duration.ofSeconds(2));
    List<CompletableFuture<String>> told = new ArrayList<>();
    List<String> names = new ArrayList<>();
    for (Lie lie : Lie.values()) {
      for (String route : ROUTES) {
        String from = "127.0.3." + (1 + lie.ordinal());
        names.add(lie + " " + route);
        told.add(CompletableFuture.supplyAsync(() -> told(from, route, lie), threads));
      }
    }
    List<String> wrong = new ArrayList<>();
    for (int i = 0; i < told.size(); i++) {
      String name = names.get(i);
      try {
        String what = told.get(i).get(20, TimeUnit.SECONDS);
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

  // One request's outcome (F3).

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
  void aClientWhoseRequestsFailKeepsNobodyFromTheRoute(Lie lie, String route) throws Exception {
    proxy.behaviour = DoorUpstreamsTest::lies;
    List<RawClient> bad = new ArrayList<>();
    try {
      for (int i = 0; i < 8; i++) {
        bad.add(new RawClient("127.0.4.1", door.port).say(asks(route, lie.name())));
      }
      await().until(() -> proxy.seen.size() >= 4);
      Times times = door.times(route, Duration.ofMillis(700));
      System.out.println(lie + " " + route + " of one client: " + times);
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

  /** Eight clients of eight addresses that go on failing: only who is answered shows it is them. */
  @ParameterizedTest
  @EnumSource(names = {"SAYS_404", "SAYS_500", "NOTHING"})
  void severalClientsWhoseRequestsFailKeepNobodyFromTheRoute(Lie lie) throws Exception {
    proxy.behaviour = DoorUpstreamsTest::lies;
    AtomicBoolean over = new AtomicBoolean();
    List<CompletableFuture<Void>> bad = new ArrayList<>();
    for (int i = 0; i < 8; i++) {
      String from = "127.0.5." + (1 + i);
      bad.add(
          CompletableFuture.runAsync(
              () -> {
                while (!over.get()) {
                  try (RawClient client = new RawClient(from, door.port)) {
                    client.say(asks("/A", lie.name())).read();
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
      System.out.println(lie + " of eight clients: " + times);
      assertThat(times.p50()).isLessThan(1_000);
      assertThat(times.of(1)).isLessThan(3_000);
    } finally {
      over.set(true);
    }
    for (CompletableFuture<Void> each : bad) {
      each.get(20, TimeUnit.SECONDS);
    }
  }

  @Test
  void aTargetThatNamesNoPathIsNotSentOn() throws Exception {
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
  void aFailureOfAllIsForgottenAtOnceWhenTheRouteIsWell() throws Exception {
    AtomicBoolean fails = new AtomicBoolean(true);
    proxy.behaviour =
        (request, client) -> (fails.get() ? Lie.SAYS_503 : Lie.CONTINUES_FIRST).tell(client);
    List<RawClient> all = new ArrayList<>();
    try {
      for (int i = 0; i < 12; i++) {
        all.add(new RawClient("127.0.6." + (1 + i % 4), door.port).post("/B", "{}"));
      }
      await().until(() -> proxy.seen.size() >= 8);
      fails.set(false);
      long from = System.nanoTime();
      for (RawClient client : all) {
        Answer answer = client.read();
        assertThat(answer.status()).isEqualTo(200);
        assertThat(answer.body()).isEqualTo("hello");
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

  // Answers without an end.

  @ParameterizedTest
  @CsvSource({"/A,true", "/Other,true", "/A,false", "/Other,false"})
  void anAnswerWithoutEndIsKeptNoFurtherThanItIsRead(String path, boolean chunked)
      throws Exception {
    AtomicBoolean over = new AtomicBoolean();
    java.util.concurrent.atomic.AtomicLong said = new java.util.concurrent.atomic.AtomicLong();
    String part = "x".repeat(32 << 10);
    String chunk = chunked ? "8000\r\n" + part + "\r\n" : part;
    proxy.behaviour =
        (request, client) -> {
          if (request.all("X-Lie").isEmpty()) {
            RawProxy.echo(request, client);
            return;
          }
          RawProxy.say(
              client,
              chunked
                  ? "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                  : "HTTP/1.1 200 OK\r\n\r\n");
          while (!over.get()) {
            RawProxy.say(client, chunk);
            said.addAndGet(chunk.length());
          }
        };
    long before = used();
    List<RawClient> bad = new ArrayList<>();
    try {
      for (int i = 0; i < 10; i++) {
        bad.add(new RawClient("127.0.4.3", door.port).say(asks(path, "x")));
      }
      await().until(() -> said.get() > 10 << 20);
      assertThat(door.times("/B", Duration.ofMillis(500)).p99()).isLessThan(100);
      assertThat(used() - before).isLessThan(32L << 20);
      assertThat(door.status().keptBytes()).isLessThan(10 * 100_000);
    } finally {
      over.set(true);
      for (RawClient client : bad) {
        client.resets();
      }
    }
    door.awaitEmpty(0);
  }

  private static long used() {
    System.gc();
    Runtime runtime = Runtime.getRuntime();
    return runtime.totalMemory() - runtime.freeMemory() + PlatformDependent.usedDirectMemory();
  }

  @ParameterizedTest
  @ValueSource(strings = {"/A", "/B", "/Other"})
  void aHeadWithoutEndIsNoAnswer(String path) throws Exception {
    proxy.behaviour =
        (request, client) -> {
          RawProxy.say(client, "HTTP/1.1 200 OK\r\n");
          String line = "X: " + "x".repeat(1_000) + "\r\n";
          for (int i = 0; i < 10_000; i++) {
            RawProxy.say(client, line);
          }
        };
    try (RawClient client = new RawClient("127.0.4.4", door.port)) {
      Answer answer = client.say(asks(path, "x")).read();
      assertThat(answer.status()).isIn(502, 503, 504);
    }
    door.awaitEmpty(0);
  }

  @Test
  void aPackedAnswerStaysPacked() throws Exception {
    String packed = "\u001f\u008b not unpacked by anybody";
    proxy.behaviour =
        (request, client) ->
            RawProxy.say(
                client,
                "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s"
                    .formatted(packed.length(), packed));
    for (String path : ROUTES) {
      try (RawClient client = new RawClient(door.port)) {
        Answer answer = client.post(path, "{}").read();
        assertThat(answer.body()).isEqualTo(packed);
        assertThat(answer.header("Content-Encoding")).isEqualTo("gzip");
      }
    }
  }

  @Test
  void whoIsAnsweredBeforeHisBodyHasComeGetsThat() throws Exception {
    proxy.reads = false;
    proxy.behaviour =
        (request, client) -> {
          RawProxy.say(client, RawProxy.fine("early"));
          client.close();
        };
    for (int i = 0; i < 5; i++) {
      try (RawClient client = new RawClient(door.port)) {
        client.say("POST /Other HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\nabc");
        assertThat(client.read().body()).isEqualTo("early");
      }
    }
    door.awaitEmpty(0);
  }

  @ParameterizedTest
  @ValueSource(strings = {"/A", "/B", "/Other"})
  void aResponseOfTooManyFieldsIsNotPassedOn(String path) throws Exception {
    proxy.behaviour =
        (request, client) ->
            RawProxy.say(
                client,
                "HTTP/1.1 200 OK\r\n" + "a:b\r\n".repeat(500) + "Content-Length: 2\r\n\r\n{}");
    try (RawClient client = new RawClient("127.0.4.5", door.port)) {
      Answer answer = client.say(asks(path, "x")).read();
      assertThat(answer.status()).isEqualTo(502);
      assertThat(answer.body()).contains("more than 128 header fields");
    }
    door.awaitEmpty(0);
  }

  // Bodies that nobody takes.

  private static String largeBody(String path) {
    return bodyOf(5 << 20, path);
  }

  private static String bodyOf(int length, String path) {
    return "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s"
        .formatted(path, length, "x".repeat(length));
  }

  @Test
  void aBodyThatTheProxyDoesNotTakeIsInMemoryOnce() throws Exception {
    CountDownLatch over = new CountDownLatch(1);
    proxy.reads = false;
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
        all.add(new RawClient("127.0.4." + (20 + i), door.port).say(largeBody("/A")));
      }
      await().until(() -> door.status().keptBytes() > 8 * (5 << 20));
      await().until(() -> proxy.seen.size() >= 4);
      assertThat(PlatformDependent.usedDirectMemory() - before)
          .isLessThan(door.status().keptBytes() / 4 * 5 + (8 << 20));
      try (RawClient client = new RawClient(door.port)) {
        assertThat(client.say("GET /B HTTP/1.1\r\nHost: x\r\n\r\n").read().status()).isEqualTo(200);
      }
      // The proxy never reads, and never closes: what was for clients that have gone is freed.
      for (RawClient client : all) {
        client.resets();
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

  @ParameterizedTest
  @ValueSource(strings = {"/A", "/B"})
  void anAnswerBeforeTheBodyIsTakenIsAnAnswer(String path) throws Exception {
    proxy.reads = false;
    proxy.behaviour = (request, client) -> RawProxy.say(client, RawProxy.fine("early"));
    for (int i = 0; i < 5; i++) {
      try (RawClient client = new RawClient(door.port)) {
        assertThat(client.say(largeBody(path)).read().body()).isEqualTo("early");
        proxy.reads = true;
        proxy.behaviour = RawProxy::echo;
        assertThat(client.post(path, "{}").read().body()).isEqualTo(path + "|{}");
        proxy.reads = false;
        proxy.behaviour = (request, other) -> RawProxy.say(other, RawProxy.fine("early"));
      }
    }
    door.awaitEmpty(0);
  }

  /** More often than there may be connections to a proxy: none is lost on the way. */
  @ParameterizedTest
  @ValueSource(ints = {100_000, 300_000})
  void anAnswerBeforeTheBodyIsTakenLeavesTheConnectionsToOthers(int length) throws Exception {
    try (RawProxy slow = new RawProxy(4 << 10);
        OpenDoor before = OpenDoor.serving(slow.uri(), Bounds.DEFAULT);
        RawClient client = new RawClient(before.port)) {
      slow.reads = false;
      slow.readsAfterwards = true;
      slow.behaviour = (request, other) -> RawProxy.say(other, RawProxy.fine("early"));
      for (int i = 0; i < 4 * RouteQueue.MOST + 20; i++) {
        assertThat(client.say(bodyOf(length, "/A")).read().body()).isEqualTo("early");
      }
      before.awaitEmpty(1);
    }
  }
}
