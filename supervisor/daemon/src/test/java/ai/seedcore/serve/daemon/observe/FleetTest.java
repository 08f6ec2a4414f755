package ai.seedcore.serve.daemon.observe;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import ai.seedcore.serve.base.http.EventLoop;
import ai.seedcore.serve.base.http.Http;
import ai.seedcore.serve.daemon.config.ConfigLoader;
import ai.seedcore.serve.daemon.config.Settings;
import ai.seedcore.serve.gcs.Credentials;
import ai.seedcore.serve.gcs.Gcs;
import com.sun.management.OperatingSystemMXBean;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpServer;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** What a hundred daemons at rest ask of a hundred heads: how often, and what that costs. */
@Tag("slow")
class FleetTest {

  private static final int HEADS = 100;
  private static final int LAPS = 10;
  private static final String SUCCESS = "{\"status\":\"success\"}";
  private static final String TABLE =
      """
      {"/SalienceScorer":"SalienceScorer","/AnomalyDetector":"AnomalyDetector",
       "/ScalingPredictor":"ScalingPredictor"}""";

  private final Vertx vertx = EventLoop.start();
  private final List<FakeGcs> heads = new ArrayList<>();
  private final List<Gcs> clients = new ArrayList<>();
  private final ScheduledExecutorService loop = Executors.newSingleThreadScheduledExecutor();

  @AfterEach
  void stop() {
    loop.shutdownNow();
    clients.forEach(Gcs::close);
    heads.forEach(FakeGcs::close);
    vertx.close();
  }

  @Test
  void atRestAHeadIsAskedAFewTimesASecondAndNoMore() throws IOException {
    AtomicLong requests = new AtomicLong();
    HttpServer server =
        vertx
            .createHttpServer()
            .requestHandler(
                request -> {
                  requests.incrementAndGet();
                  request.response().end(request.path().equals("/-/routes") ? TABLE : SUCCESS);
                });
    server.listen(0, "127.0.0.1").toCompletionStage().toCompletableFuture().join();
    String url = "http://127.0.0.1:" + server.actualPort();
    Settings settings = ConfigLoader.load(null, Map.of(), Map.of());
    Http http = new Http(vertx);
    List<Observer> observers = new ArrayList<>();
    for (int i = 0; i < HEADS; i++) {
      FakeGcs head = new FakeGcs();
      head.controller = "c1";
      heads.add(head);
      Gcs gcs =
          new Gcs(
              vertx,
              () -> new Gcs.Address("127.0.0.1", head.port()),
              Credentials.none(),
              Duration.ofSeconds(2));
      clients.add(gcs);
      observers.add(
          new Observer(
              gcs,
              "head",
              http,
              new Dashboard(http, url, true, Credentials.none(), Clock.systemUTC()),
              url,
              settings.deployments()));
    }
    observers.forEach(observer -> observer.look(false));
    long asked = asked();
    long before = requests.get();
    long cpu = cpu();
    long start = System.nanoTime();
    AtomicInteger laps = new AtomicInteger();
    AtomicInteger up = new AtomicInteger();
    ScheduledFuture<?> turning =
        loop.scheduleAtFixedRate(
            () -> {
              // As the loop at rest: a glance a second, and all there is every five.
              boolean whole = laps.incrementAndGet() % 5 == 0;
              for (Observer observer : observers) {
                Observation seen = whole ? observer.look(false) : observer.glance();
                up.addAndGet(seen.head() instanceof Head.Up ? 1 : 0);
              }
            },
            0,
            1,
            TimeUnit.SECONDS);
    await().atMost(Duration.ofSeconds(60)).until(() -> laps.get() > LAPS);
    double seconds = (System.nanoTime() - start) / 1e9;
    double calls = (asked() - asked) / seconds / HEADS;
    double asks = (requests.get() - before) / seconds / HEADS;
    double core = (cpu() - cpu) / 1e9 / seconds;
    turning.cancel(false);
    System.out.printf(
        Locale.ROOT,
        "FIGURE %d heads: %.1f calls of the GCS and %.1f HTTP requests a second each; %.0f %% of a"
            + " core for all, both sides%n",
        HEADS,
        calls,
        asks,
        core * 100);
    assertThat(up.get()).isGreaterThanOrEqualTo(HEADS * LAPS);
    assertThat(calls).isBetween(0.5, 4.0);
    assertThat(asks).isBetween(0.5, 5.0);
  }

  private long asked() {
    return heads.stream().mapToLong(head -> head.asked.get()).sum();
  }

  private static long cpu() {
    return ((OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean())
        .getProcessCpuTime();
  }
}
