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
 * Sees whether the daemon's loops turn. One that has not for a while is told to whoever asks
 * whether the daemon is well, and logged with what it is doing; one that does not for long ends the
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
      return "the loop of %s has not turned for %d s".formatted(name, still().toSeconds());
    }
  }

  /** One that watches nothing yet, and ends this process where it has to. */
  public Watchdog() {
    this(Fatal::end);
  }

  /**
   * One that watches nothing yet.
   *
   * @param end told why the process is to end
   */
  Watchdog(Consumer<String> end) {
    this.end = end;
    thread = new Thread(this::run, "watchdog");
    thread.setDaemon(true);
    thread.start();
  }

  /**
   * Watches a loop that says itself that it turns.
   *
   * @param stuck after how long it counts as stuck
   * @param dead after how long the process ends
   * @return what it is to call whenever it turns
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

  /** Which loop does not turn; empty where all do. */
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
        loops.forEach(loop -> loop.turnedAt = now); // All of us stood still.
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
      Throwable doing = new Throwable("what it is doing");
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
