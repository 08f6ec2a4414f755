package ai.seedcore.serve.daemon.notify;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import ai.seedcore.serve.base.http.EventLoop;
import ai.seedcore.serve.base.http.Http;
import ai.seedcore.serve.daemon.notify.Notifier.Outcome;
import ai.seedcore.serve.daemon.status.Statuses;
import com.sun.net.httpserver.HttpServer;
import io.vertx.core.Vertx;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Deque;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedDeque;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Notifications against a real receiver: once a change, in order, again where it is refused. */
class NotifierTest {

  private final Queue<JsonNode> received = new ConcurrentLinkedQueue<>();
  private final Queue<Outcome> outcomes = new ConcurrentLinkedQueue<>();

  /** What is answered next; 200 where there is nothing. */
  private final Deque<Integer> answers = new ConcurrentLinkedDeque<>();

  private final CountDownLatch open = new CountDownLatch(1);
  private volatile boolean hangs;
  private HttpServer receiver;
  private final Vertx vertx = EventLoop.start();
  private Notifier notifier;

  @BeforeEach
  void start() throws IOException {
    receiver = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    receiver.setExecutor(Executors.newCachedThreadPool());
    receiver.createContext(
        "/hook/secret",
        exchange -> {
          byte[] body = exchange.getRequestBody().readAllBytes();
          if (hangs) {
            awaitOpen();
          }
          Integer code = answers.poll();
          if (code == null) {
            received.add(JsonMapper.shared().readTree(new String(body, StandardCharsets.UTF_8)));
          }
          exchange.sendResponseHeaders(code == null ? 200 : code, -1);
          exchange.close();
        });
    receiver.start();
    String url = "http://127.0.0.1:%d/hook/secret".formatted(receiver.getAddress().getPort());
    notifier = new Notifier(new Http(vertx), url, Duration.ofMillis(20), outcomes::add);
  }

  private void awaitOpen() {
    try {
      open.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @AfterEach
  void stop() {
    open.countDown();
    notifier.close();
    vertx.close();
    receiver.stop(0);
  }

  @Test
  void aChangeIsToldOnce() {
    for (int lap = 0; lap < 5; lap++) {
      notifier.publish(Statuses.serving());
    }
    for (int lap = 0; lap < 5; lap++) {
      notifier.publish(Statuses.recovering());
    }
    notifier.publish(Statuses.serving());
    await().until(() -> outcomes.size() == 2);
    assertThat(received.stream().map(body -> body.path("state").stringValue()))
        .containsExactly("not serving", "serving");
    JsonNode first = received.element();
    assertThat(first.path("before").stringValue()).isEqualTo("serving");
    assertThat(first.path("cause").stringValue()).isEqualTo("APP_DIFFERS");
    assertThat(first.path("text").stringValue())
        .isEqualTo("Ray Serve on head:6380: not serving (because)");
  }

  @Test
  void aReceiverThatFailsIsAskedAgainAndTheOrderHolds() {
    answers.addAll(java.util.List.of(500, 503, 429));
    notifier.publish(Statuses.serving());
    notifier.publish(Statuses.recovering());
    notifier.publish(Statuses.serving());
    await().until(() -> outcomes.size() == 2);
    assertThat(outcomes).containsOnly(Outcome.DELIVERED);
    assertThat(received.stream().map(body -> body.path("state").stringValue()))
        .containsExactly("not serving", "serving");
  }

  @Test
  void aReceiverThatRefusesIsNotAskedAgain() {
    answers.add(404);
    notifier.publish(Statuses.serving());
    notifier.publish(Statuses.recovering());
    await().until(() -> outcomes.size() == 1);
    assertThat(outcomes).containsExactly(Outcome.FAILED);
    assertThat(received).isEmpty();
  }

  @Test
  void aReceiverThatHangsKeepsNobodyWaiting() {
    hangs = true;
    long start = System.nanoTime();
    for (int change = 0; change < 250; change++) {
      notifier.publish(change % 2 == 0 ? Statuses.serving() : Statuses.recovering());
    }
    assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(Duration.ofSeconds(1));
    await().until(() -> outcomes.stream().filter(Outcome.DROPPED::equals).count() > 140);
  }
}
