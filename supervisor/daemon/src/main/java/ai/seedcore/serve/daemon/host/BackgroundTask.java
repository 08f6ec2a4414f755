package ai.seedcore.serve.daemon.host;

import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.Predicate;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Runs work that may block, on a thread of its own, one piece at a time. Its owner, which must not
 * block, begins the work and collects the result later.
 *
 * @param <T> the type of the result
 */
public final class BackgroundTask<T> implements AutoCloseable {

  private final ExecutorService thread;
  private final Runnable wake;
  private @Nullable CompletableFuture<T> running;
  private boolean discarded;

  /**
   * Creates an idle task.
   *
   * @param wake called when work has ended
   */
  public BackgroundTask(String name, Runnable wake) {
    this.wake = wake;
    this.thread =
        Executors.newSingleThreadExecutor(
            work -> {
              Thread made = new Thread(work, name);
              made.setDaemon(true);
              return made;
            });
  }

  /** Begins work unless some is running, and wakes the owner when it ends. */
  public void begin(Supplier<T> work) {
    begin(work, result -> true);
  }

  /**
   * Begins work unless some is running.
   *
   * @param isNews decides, on the task's thread, whether a result is worth waking the owner
   */
  public void begin(Supplier<T> work, Predicate<T> isNews) {
    if (running == null) {
      running =
          CompletableFuture.supplyAsync(work, thread)
              .whenComplete(
                  (result, error) -> {
                    if (error != null || isNews.test(result)) {
                      wake.run();
                    }
                  });
    }
  }

  /** Returns whether work has begun whose result has not been collected. */
  public boolean isRunning() {
    return running != null;
  }

  /** Discards the result of the current work, if any. */
  public void discard() {
    discarded = running != null;
  }

  /**
   * Returns the result of work that has ended since the last call; empty if none has.
   *
   * @throws java.util.concurrent.CompletionException if the work threw an exception
   */
  public Optional<T> collect() {
    CompletableFuture<T> ended = running;
    if (ended == null || !ended.isDone()) {
      return Optional.empty();
    }
    running = null;
    if (discarded) {
      discarded = false;
      return Optional.empty();
    }
    return Optional.of(ended.join());
  }

  /** Ends the thread and interrupts its work. */
  @Override
  public void close() {
    thread.shutdownNow();
  }
}
