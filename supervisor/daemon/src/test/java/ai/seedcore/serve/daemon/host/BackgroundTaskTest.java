package ai.seedcore.serve.daemon.host;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;
import static org.hamcrest.Matchers.is;

import java.util.concurrent.CompletionException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Work beside a loop that must not block. */
class BackgroundTaskTest {

  private final AtomicInteger wakes = new AtomicInteger();
  private final BackgroundTask<String> task = new BackgroundTask<>("test", wakes::incrementAndGet);

  @AfterEach
  void close() {
    task.close();
  }

  private void awaitWakes(int count) {
    await().untilAtomic(wakes, is(count));
  }

  @Test
  void handsOverEachResultOnce() {
    task.begin(() -> "a");
    awaitWakes(1);
    assertThat(task.isRunning()).isTrue();
    assertThat(task.collect()).contains("a");
    assertThat(task.collect()).isEmpty();
    assertThat(task.isRunning()).isFalse();
  }

  @Test
  void neverBlocksItsOwnerAndRunsOnePieceAtATime() {
    CountDownLatch release = new CountDownLatch(1);
    task.begin(
        () -> {
          try {
            release.await();
          } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
          }
          return "slow";
        });
    task.begin(() -> "never runs");
    assertThat(task.collect()).isEmpty();
    release.countDown();
    awaitWakes(1);
    assertThat(task.collect()).contains("slow");
  }

  @Test
  void discardsTheResultOfWhatRuns() {
    task.begin(() -> "old");
    task.discard();
    awaitWakes(1);
    assertThat(task.collect()).isEmpty();
    task.begin(() -> "new");
    awaitWakes(2);
    assertThat(task.collect()).contains("new");
  }

  @Test
  void throwsWhatTheWorkThrewAndGoesOn() {
    task.begin(
        () -> {
          throw new IllegalStateException("broken");
        });
    awaitWakes(1);
    assertThatThrownBy(task::collect).isInstanceOf(CompletionException.class);
    task.begin(() -> "next", result -> false);
    await().until(() -> task.collect().isPresent());
    assertThat(wakes).hasValue(1);
  }
}
