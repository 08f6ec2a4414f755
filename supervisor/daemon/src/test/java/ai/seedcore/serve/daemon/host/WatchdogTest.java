package ai.seedcore.serve.daemon.host;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import ai.seedcore.serve.base.http.EventLoop;
import io.vertx.core.Vertx;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Loops that stand still are seen, told of, and in the end the process's end. */
@Timeout(60)
@Tag("slow")
class WatchdogTest {

  private final List<String> ends = new CopyOnWriteArrayList<>();

  @Test
  void aLoopThatDoesNotTurnIsToldThenEndsTheProcess() {
    try (Watchdog watchdog = new Watchdog(ends::add)) {
      Runnable turns =
          watchdog.watch("the control loop", Duration.ofMillis(1500), Duration.ofMillis(3000));
      Runnable other = watchdog.watch("other", Duration.ofSeconds(1), Duration.ofSeconds(2));
      await()
          .pollInterval(Duration.ofMillis(50))
          .until(
              () -> {
                other.run();
                return watchdog.stuck().isPresent();
              });
      assertThat(watchdog.stuck())
          .hasValueSatisfying(w -> assertThat(w).contains("the control loop"));
      assertThat(ends).isEmpty();
      turns.run();
      assertThat(watchdog.stuck()).isEmpty();
      await()
          .pollInterval(Duration.ofMillis(50))
          .until(
              () -> {
                other.run();
                return !ends.isEmpty();
              });
      assertThat(ends.get(0)).startsWith("the control loop has not advanced for");
    }
  }

  @Test
  void anEventLoopThatWaitsIsSeen() {
    Vertx vertx = EventLoop.start();
    CountDownLatch never = new CountDownLatch(1);
    try (Watchdog watchdog = new Watchdog(ends::add)) {
      watchdog.watch("the front door", vertx);
      vertx.runOnContext(
          nothing -> {
            try {
              never.await();
            } catch (InterruptedException e) {
              Thread.currentThread().interrupt();
            }
          });
      await()
          .atMost(Duration.ofSeconds(20))
          .until(() -> watchdog.stuck().orElse("").contains("front door"));
    } finally {
      never.countDown();
      vertx.close();
    }
  }
}
