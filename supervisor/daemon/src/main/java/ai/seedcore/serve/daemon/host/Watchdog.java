package ai.seedcore.serve.daemon.host;

import ai.seedcore.serve.base.Fatal;
import io.vertx.core.Vertx;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Notices when a loop of the daemon stops. A loop that has not turned for a while makes the daemon
 * unhealthy, and is logged with its stack trace. A loop that has not turned for long ends the
 * process.
 */
public final class Watchdog implements AutoCloseable {

  private static final Logger LOG = LoggerFactory.getLogger(Watchdog.class);
  private static final Duration LOOK = Duration.ofSeconds(1);

  private final List<Loop> loops = new CopyOnWriteArrayList<>();
  private final Consumer<String> end;
  private final Thread thread;
  private volatile boolean closed;

  private static final class Loop {
    private final String name;
    private final Duration stuck;
    private final Duration dead;
    private volatile long turnedAt = System.nanoTime();
    private volatile Thread thread = Thread.currentThread();
    private boolean told;

    Loop(String name, Duration stuck, Duration dead) {
      this.name = name;
      this.stuck = stuck;
      this.dead = dead;
    }

    void turns() {
      thread = Thread.currentThread();
      turnedAt = System.nanoTime();
    }

    Duration still() {
      return Duration.ofNanos(System.nanoTime() - turnedAt);
    }

    boolean isStuck() {
      return still().compareTo(stuck) > 0;
    }

    String words() {
      return "%s has not advanced for %d s".formatted(name, still().toSeconds());
    }
  }

  /** Creates a watchdog that watches nothing yet and can end this process. */
  public Watchdog() {
    this(Fatal::end);
  }

  /**
   * Creates a watchdog that watches nothing yet.
   *
   * @param end ends the process; receives the reason
   */
  Watchdog(Consumer<String> end) {
    this.end = end;
    thread = new Thread(this::run, "watchdog");
    thread.setDaemon(true);
    thread.start();
  }

  /**
   * Watches a loop that reports each turn itself.
   *
   * @param stuck after how long without a turn the loop counts as stuck
   * @param dead after how long without a turn the process ends
   * @return the function that the loop must call at each turn
   */
  public Runnable watch(String name, Duration stuck, Duration dead) {
    Loop loop = new Loop(name, stuck, dead);
    loops.add(loop);
    return loop::turns;
  }

  /** Watches an event loop. */
  public void watch(String name, Vertx vertx) {
    Runnable turns = watch(name, Duration.ofSeconds(10), Duration.ofSeconds(30));
    vertx.runOnContext(
        nothing -> {
          turns.run();
          vertx.setPeriodic(LOOK.toMillis(), timer -> turns.run());
        });
  }

  /** Returns which loop is stuck; empty if none is. */
  public Optional<String> stuck() {
    return loops.stream().filter(Loop::isStuck).map(Loop::words).findFirst();
  }

  private void run() {
    long before = System.nanoTime();
    while (!closed) {
      try {
        Thread.sleep(LOOK.toMillis());
      } catch (InterruptedException e) {
        return;
      }
      long now = System.nanoTime();
      if (now - before > 3 * LOOK.toNanos()) {
        loops.forEach(loop -> loop.turnedAt = now); // The whole process was suspended.
      }
      before = now;
      loops.forEach(this::look);
    }
  }

  private void look(Loop loop) {
    if (!loop.isStuck()) {
      loop.told = false;
      return;
    }
    if (!loop.told) {
      loop.told = true;
      Throwable doing = new Throwable("where the loop is");
      doing.setStackTrace(loop.thread.getStackTrace());
      LOG.atError().setCause(doing).log(loop.words());
    }
    if (loop.still().compareTo(loop.dead) > 0) {
      end.accept(loop.words());
    }
  }

  @Override
  public void close() {
    closed = true;
    thread.interrupt();
  }
}
