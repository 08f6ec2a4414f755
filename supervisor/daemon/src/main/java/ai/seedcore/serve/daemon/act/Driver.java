package ai.seedcore.serve.daemon.act;

import ai.seedcore.serve.base.Outcome;
import ai.seedcore.serve.daemon.decide.Action;
import ai.seedcore.serve.daemon.decide.DriverView;
import ai.seedcore.serve.daemon.driver.ChildExit;
import ai.seedcore.serve.daemon.driver.DriverProcess;
import ai.seedcore.serve.daemon.host.Backoff;
import ai.seedcore.serve.daemon.node.RayInstall;
import ai.seedcore.serve.daemon.pack.Cache;
import ai.seedcore.serve.gcs.Credentials;
import ai.seedcore.serve.protocol.Reply;
import ai.seedcore.serve.protocol.Request;
import io.github.resilience4j.timelimiter.TimeLimiter;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.LongFunction;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The current driver, if any. There is at most one driver, with at most one request at a time, and
 * each request has a deadline. A driver that dies, hangs or cannot connect is replaced, with
 * backoff. Used by the control thread only.
 */
public final class Driver {

  private static final Logger LOG = LoggerFactory.getLogger(Driver.class);

  private static final Duration WARM_UP = Duration.ofSeconds(30);
  private static final Duration PING = Duration.ofSeconds(2);
  private static final Duration PONG = Duration.ofSeconds(5);
  private static final int EXITS = 10;

  /** The number of failed requests in a row after which the driver is replaced. */
  private static final int MAX_FAILURES = 3;

  private final RayInstall ray;
  private final Cache cache;
  private final Credentials credentials;
  private final Clock clock;
  private final Runnable wake;
  private final ScheduledExecutorService deadlines =
      Executors.newSingleThreadScheduledExecutor(
          work -> {
            Thread thread = new Thread(work, "deadlines");
            thread.setDaemon(true);
            return thread;
          });
  private final Backoff backoff =
      new Backoff("driver", Duration.ofSeconds(1), Duration.ofSeconds(30));
  private final List<DriverProcess> detached = new ArrayList<>();
  private final Deque<ChildExit> exits = new ArrayDeque<>();

  private @Nullable DriverProcess process;
  private @Nullable String session;

  /** Whether the driver was started for a cluster that requires a token. */
  private boolean withToken;

  private @Nullable Task task;
  private @Nullable CompletableFuture<Reply> ping;
  private Instant nextPing = Instant.MIN;
  private Instant warmBy = Instant.MAX;
  private Instant notBefore = Instant.MIN;
  private long requests;
  private int failures;
  private int ended;

  private record Task(Action action, String session, CompletableFuture<Reply> reply) {}

  /**
   * The result of a request.
   *
   * @param action the action that the request carried out
   * @param session the session in which it was sent
   * @param outcome whether the driver carried it out
   * @param reply the driver's reply; null if there was none
   */
  record Finished(Action action, String session, Outcome outcome, @Nullable Reply reply) {}

  /**
   * Creates the driver's place, without a driver.
   *
   * @param credentials what the cluster requires
   * @param wake called when there is news
   */
  public Driver(RayInstall ray, Cache cache, Credentials credentials, Clock clock, Runnable wake) {
    this.credentials = credentials;
    this.ray = ray;
    this.cache = cache;
    this.clock = clock;
    this.wake = wake;
  }

  /** Returns the driver's state for decisions. */
  public DriverView view() {
    DriverView.Phase phase =
        process == null
            ? DriverView.Phase.ABSENT
            : !process.warm().isDone()
                ? DriverView.Phase.STARTING
                : session == null ? DriverView.Phase.WARM : DriverView.Phase.CONNECTED;
    String busyWith = task == null ? null : task.action().toString();
    return new DriverView(phase, session, busyWith, ray.version(), notBefore);
  }

  /** Returns whether the driver is starting Serve, or inspecting a running one, at this moment. */
  public boolean startsServe() {
    return task != null && task.action() instanceof Action.EnsureServe;
  }

  /** Returns the process id; 0 if there is no driver. */
  public long pid() {
    return process == null ? 0 : process.pid();
  }

  /** Returns how the last drivers ended, the newest last. */
  public List<ChildExit> exits() {
    return List.copyOf(exits);
  }

  /** Returns how many drivers have ended. */
  public int ended() {
    return ended;
  }

  /** Starts a driver JVM, which then becomes warm. */
  void start() {
    try {
      // The files are unpacked for each driver: the cache may be deleted while the daemon runs.
      Path jar = cache.packed("driver.jar");
      Path library =
          cache.unpacked("native-" + Cache.hash(ray.jar().toString(), ray.version()), ray.jar());
      withToken = credentials.tokenRequired();
      process = new DriverProcess(ray.jar(), jar, library, credentials, wake);
      warmBy = clock.instant().plus(WARM_UP);
      LOG.atDebug().addKeyValue("pid", process.pid()).log("driver started");
    } catch (IOException e) {
      notBefore = clock.instant().plus(backoff.failed(e));
      LOG.atWarn().addKeyValue("error", e).log("the driver cannot be started");
    }
  }

  /** Ends the driver. A driver with a request in progress is killed. */
  void end() {
    if (process == null) {
      return;
    }
    if (task == null) {
      process.end();
    } else {
      process.kill();
      task = null;
    }
    detach(process);
  }

  /** Sends a request. {@link #collect} returns the result in a later lap. */
  void ask(Action action, String inSession, Duration deadline, LongFunction<Request> request) {
    DriverProcess asked = process;
    if (asked == null) {
      return;
    }
    CompletableFuture<Reply> reply =
        TimeLimiter.of(deadline)
            .executeCompletionStage(deadlines, () -> asked.send(request.apply(++requests)))
            .toCompletableFuture()
            .whenComplete((result, error) -> wake.run());
    task = new Task(action, inSession, reply);
  }

  /**
   * Collects exits since the last lap, replaces a driver that died or hangs, and returns the result
   * of a finished request, if any.
   */
  Optional<Finished> collect() {
    collectExits();
    Optional<Finished> finished = Optional.empty();
    if (task != null && task.reply().isDone()) {
      Task done = task;
      task = null;
      finished = Optional.of(finish(done));
    }
    if (isForAnotherMode()) {
      end();
      start();
    }
    if (process != null && !process.alive()) {
      lost(process, "exited");
    } else if (process != null && !process.warm().isDone() && clock.instant().isAfter(warmBy)) {
      process.kill();
      lost(process, "timed out while starting");
    } else if (process != null && process.warm().isDone()) {
      watch(process);
    }
    return finished;
  }

  /**
   * Returns whether the driver was started for a cluster that requires a token, and this one does
   * not, or the reverse. It could not connect.
   */
  private boolean isForAnotherMode() {
    return process != null
        && session == null
        && task == null
        && withToken != credentials.tokenRequired();
  }

  /**
   * Pings the driver. A driver that hangs must be found before it is needed, not only by a
   * request's long deadline.
   */
  private void watch(DriverProcess watched) {
    if (ping != null && ping.isCompletedExceptionally() && watched.alive()) {
      watched.kill(); // This fails the request in progress, if any.
      lost(watched, "did not answer a ping");
    } else if ((ping == null || ping.isDone()) && !clock.instant().isBefore(nextPing)) {
      nextPing = clock.instant().plus(PING);
      ping =
          TimeLimiter.of(PONG)
              .executeCompletionStage(deadlines, () -> watched.send(new Request.Ping(++requests)))
              .toCompletableFuture();
    }
  }

  private Finished finish(Task done) {
    Reply reply;
    try {
      reply = done.reply().join();
    } catch (RuntimeException e) {
      Throwable cause = e.getCause() == null ? e : e.getCause();
      if (cause instanceof TimeoutException && process != null) {
        process.kill();
        lost(process, "timed out in " + done.action());
      }
      return new Finished(
          done.action(), done.session(), new Outcome.Failed(cause.toString()), null);
    }
    if (reply instanceof Reply.Failed failed) {
      boolean connects = done.action() instanceof Action.Connect;
      failures++;
      if ((connects || failures >= MAX_FAILURES) && process != null) {
        process.kill(); // Ray's runtime does not survive a failed start. A new process may succeed.
        lost(process, connects ? "could not connect" : "failed repeatedly");
      }
      return new Finished(done.action(), done.session(), new Outcome.Failed(failed.error()), reply);
    }
    if (done.action() instanceof Action.Connect connect) {
      session = connect.session();
    }
    failures = 0;
    backoff.succeeded();
    return new Finished(done.action(), done.session(), Outcome.SUCCEEDED, reply);
  }

  private void lost(DriverProcess gone, String how) {
    notBefore = clock.instant().plus(backoff.failed(new IOException(how)));
    LOG.atWarn().addKeyValue("pid", gone.pid()).addKeyValue("how", how).log("driver gone");
    detach(gone);
  }

  private void detach(DriverProcess gone) {
    detached.add(gone);
    process = null;
    session = null;
    ping = null;
    failures = 0;
  }

  private void collectExits() {
    for (Iterator<DriverProcess> each = detached.iterator(); each.hasNext(); ) {
      DriverProcess gone = each.next();
      if (gone.exit().isDone()) {
        each.remove();
        ended++;
        exits.addLast(
            new ChildExit(
                "driver", gone.pid(), Instant.now(), gone.exit().join(), gone.lastWords()));
        while (exits.size() > EXITS) {
          exits.removeFirst();
        }
      }
    }
  }

  /** Resets the backoff. Called when everything is served. */
  void onServing() {
    backoff.succeeded();
  }

  /**
   * Sends the last requests to an unconnected driver, one after another, and blocks until all have
   * finished.
   *
   * @param patience how long that may take
   * @return whether all succeeded
   */
  Outcome doLast(List<LongFunction<Request>> last, Duration patience) {
    DriverView.Phase phase = view().phase();
    boolean unconnected = phase == DriverView.Phase.WARM || phase == DriverView.Phase.STARTING;
    if (!unconnected || task != null || isForAnotherMode()) {
      end();
      start();
    }
    if (process == null) {
      return new Outcome.Failed("the driver cannot be started");
    }
    long deadline = System.nanoTime() + patience.toNanos();
    try {
      process.warm().get(deadline - System.nanoTime(), TimeUnit.NANOSECONDS);
      for (LongFunction<Request> request : last) {
        Reply reply =
            process
                .send(request.apply(++requests))
                .get(deadline - System.nanoTime(), TimeUnit.NANOSECONDS);
        if (reply instanceof Reply.Failed failed) {
          return new Outcome.Failed(failed.error());
        }
      }
      return Outcome.SUCCEEDED;
    } catch (ExecutionException | TimeoutException e) {
      return new Outcome.Failed("the driver failed: " + e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return new Outcome.Failed("interrupted");
    }
  }

  /** Kills all drivers at once. They hold nothing that could be lost. */
  void close() {
    if (process != null) {
      process.kill();
    }
    detached.forEach(DriverProcess::kill);
    deadlines.shutdownNow();
  }
}
