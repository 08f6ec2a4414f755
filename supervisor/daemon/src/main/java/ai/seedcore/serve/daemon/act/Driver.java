package ai.seedcore.serve.daemon.act;

import ai.seedcore.serve.daemon.decide.Action;
import ai.seedcore.serve.daemon.decide.DriverView;
import ai.seedcore.serve.daemon.driver.ChildExit;
import ai.seedcore.serve.daemon.driver.DriverProcess;
import ai.seedcore.serve.daemon.host.Backoff;
import ai.seedcore.serve.daemon.node.RayInstall;
import ai.seedcore.serve.daemon.pack.Cache;
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
 * The driver that there is now, if any: at most one at a time, at most one request at a time, each
 * with a deadline. One that dies, hangs or cannot connect is replaced, with backoff. Used by the
 * control thread alone.
 */
final class Driver {

  private static final Logger LOG = LoggerFactory.getLogger(Driver.class);

  private static final Duration WARM_UP = Duration.ofSeconds(30);
  private static final Duration PING = Duration.ofSeconds(2);
  private static final Duration PONG = Duration.ofSeconds(5);
  private static final int EXITS = 10;

  /** So many failures in a row, and another driver is tried. */
  private static final int PATIENCE = 3;

  private final RayInstall ray;
  private final Cache cache;
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
  private final List<DriverProcess> leaving = new ArrayList<>();
  private final Deque<ChildExit> exits = new ArrayDeque<>();

  private @Nullable DriverProcess process;
  private @Nullable String session;
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
   * What came of a request.
   *
   * @param session the cluster's life in which it was asked
   * @param reply the driver's answer; null where it gave none
   * @param error what went wrong; empty where nothing did
   */
  record Finished(Action action, String session, @Nullable Reply reply, String error) {}

  Driver(RayInstall ray, Cache cache, Clock clock, Runnable wake) {
    this.ray = ray;
    this.cache = cache;
    this.clock = clock;
    this.wake = wake;
  }

  /** As decisions see it. */
  DriverView view() {
    DriverView.Phase phase =
        process == null
            ? DriverView.Phase.ABSENT
            : !process.warm().isDone()
                ? DriverView.Phase.STARTING
                : session == null ? DriverView.Phase.WARM : DriverView.Phase.CONNECTED;
    String busyWith = task == null ? null : task.action().toString();
    return new DriverView(phase, session, busyWith, ray.version(), notBefore);
  }

  /** Whether it starts Serve at this moment, or looks at the one that runs. */
  boolean startsServe() {
    return task != null && task.action() instanceof Action.EnsureServe;
  }

  /** The process id; 0 where there is none. */
  long pid() {
    return process == null ? 0 : process.pid();
  }

  /** The last drivers' ends, the newest last. */
  List<ChildExit> exits() {
    return List.copyOf(exits);
  }

  /** How many have ended. */
  int ended() {
    return ended;
  }

  /** Starts one, which then gets warm. */
  void start() {
    try {
      // Unpacked each time: the cache may be deleted while we run.
      Path jar = cache.packed("driver.jar");
      Path library =
          cache.unpacked("native-" + Cache.hash(ray.jar().toString(), ray.version()), ray.jar());
      process = new DriverProcess(ray.jar(), jar, library, wake);
      warmBy = clock.instant().plus(WARM_UP);
      LOG.atDebug().addKeyValue("pid", process.pid()).log("driver started");
    } catch (IOException e) {
      notBefore = clock.instant().plus(backoff.failed(e));
      LOG.atWarn().addKeyValue("error", e).log("driver cannot be started");
    }
  }

  /** Ends it; one that is at work is not waited for. */
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
    leave(process);
  }

  /** Asks it. The answer comes out of {@link #collect} in a later lap. */
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
   * Takes note of what has ended since the last lap; returns what came of a request, if any did.
   */
  Optional<Finished> collect() {
    collectExits();
    Optional<Finished> finished = Optional.empty();
    if (task != null && task.reply().isDone()) {
      Task done = task;
      task = null;
      finished = Optional.of(finish(done));
    }
    if (process != null && !process.alive()) {
      lost(process, "died");
    } else if (process != null && !process.warm().isDone() && clock.instant().isAfter(warmBy)) {
      process.kill();
      lost(process, "hung while it started");
    } else if (process != null && process.warm().isDone()) {
      watch(process);
    }
    return finished;
  }

  /**
   * A driver that hangs is to be found before it is needed, and not by a request's long deadline.
   */
  private void watch(DriverProcess watched) {
    if (ping != null && ping.isCompletedExceptionally() && watched.alive()) {
      watched.kill(); // Which fails the request that it works on, if any.
      lost(watched, "hangs");
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
        lost(process, "hung in " + done.action());
      }
      return new Finished(done.action(), done.session(), null, cause.toString());
    }
    if (reply instanceof Reply.Failed failed) {
      boolean connects = done.action() instanceof Action.Connect;
      failures++;
      if ((connects || failures >= PATIENCE) && process != null) {
        process.kill(); // Ray's runtime does not survive a failed start; a new one may know better.
        lost(process, connects ? "could not connect" : "failed again and again");
      }
      return new Finished(done.action(), done.session(), null, failed.error());
    }
    if (done.action() instanceof Action.Connect connect) {
      session = connect.session();
    }
    failures = 0;
    backoff.succeeded();
    return new Finished(done.action(), done.session(), reply, "");
  }

  private void lost(DriverProcess gone, String how) {
    notBefore = clock.instant().plus(backoff.failed(new IOException(how)));
    LOG.atWarn().addKeyValue("pid", gone.pid()).addKeyValue("how", how).log("driver gone");
    leave(gone);
  }

  private void leave(DriverProcess gone) {
    leaving.add(gone);
    process = null;
    session = null;
    ping = null;
    failures = 0;
  }

  private void collectExits() {
    for (Iterator<DriverProcess> each = leaving.iterator(); each.hasNext(); ) {
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

  /** All is well: failures of the past count no more. */
  void onServing() {
    backoff.succeeded();
  }

  /**
   * Has a driver of its own do some last things, one after the other, and waits for each.
   *
   * @return the reason why not all were done; empty where they were
   */
  String doLast(List<LongFunction<Request>> last, Duration patience) {
    if (view().phase() != DriverView.Phase.WARM || task != null) {
      end();
      start();
    }
    if (process == null) {
      return "no driver can be started";
    }
    long millis = patience.toMillis();
    try {
      process.warm().get(millis, TimeUnit.MILLISECONDS);
      for (LongFunction<Request> request : last) {
        Reply reply = process.send(request.apply(++requests)).get(millis, TimeUnit.MILLISECONDS);
        if (reply instanceof Reply.Failed failed) {
          return failed.error();
        }
      }
      return "";
    } catch (ExecutionException | TimeoutException e) {
      return "the driver failed: " + e;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return "interrupted";
    }
  }

  /** Ends all of them at once: nothing is lost with them. */
  void close() {
    if (process != null) {
      process.kill();
    }
    leaving.forEach(DriverProcess::kill);
    deadlines.shutdownNow();
  }
}
