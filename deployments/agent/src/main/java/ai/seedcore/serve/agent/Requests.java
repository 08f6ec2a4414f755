package ai.seedcore.serve.agent;

import java.lang.reflect.InvocationTargetException;
import java.util.UUID;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What surrounds each request of a replica: how many run at a time, for how long, and what a caller
 * is told of a failure. The JVM has one replica, so all of it is static; patched classes of Ray's
 * call it.
 */
public final class Requests {

  /** Set for as long as the present thread works on a request. */
  private static final ThreadLocal<Request> PRESENT = new ThreadLocal<>();

  private static final Slots SLOTS = new Slots();
  private static volatile Settings settings = Settings.DEFAULT;

  private Requests() {}

  /**
   * A request under way.
   *
   * @param id its id; empty where a Java handle sent it
   * @param seconds how long it may take
   * @param timeout interrupts its thread when it is time; null: never
   */
  private record Request(String id, double seconds, @Nullable Timeout timeout) {

    /** Ends it; says whether it has taken too long. */
    boolean endLate() {
      return timeout != null && timeout.end();
    }

    boolean fromPython() {
      return !id.isEmpty();
    }
  }

  /** As many as may run at a time; the number can change. */
  private static final class Slots extends Semaphore {
    private static final long serialVersionUID = 1L;
    private int number = Integer.MAX_VALUE;

    Slots() {
      super(Integer.MAX_VALUE, true);
    }

    synchronized void set(int next) {
      if (next < number) {
        reducePermits(number - next); // Those beyond it that run now end as they do.
      } else {
        release(next - number);
      }
      number = next;
    }
  }

  /** Interrupts a request's thread once, if the request has not ended before. */
  private static final class Timeout implements Runnable {
    private final Thread thread = Thread.currentThread();
    private final Future<?> future;
    private boolean ended;
    private boolean passed;

    Timeout(double left) {
      this.future = Clock.CLOCK.schedule(this, Math.round(left * 1_000), TimeUnit.MILLISECONDS);
    }

    @Override
    public synchronized void run() {
      if (!ended) {
        passed = true;
        thread.interrupt();
      }
    }

    /** Whether it had passed. From here on the thread is not interrupted any more. */
    synchronized boolean end() {
      ended = true;
      future.cancel(false);
      if (passed) {
        boolean unused = Thread.interrupted(); // The next request is not to find it.
      }
      return passed;
    }
  }

  /** Made when the first timeout is: most replicas have none. */
  private static final class Clock {
    static final ScheduledExecutorService CLOCK =
        Executors.newSingleThreadScheduledExecutor(
            work -> {
              Thread thread = new Thread(work, "seedcore-timeouts");
              thread.setDaemon(true);
              return thread;
            });
  }

  /** Holds from the next request on. */
  static void configure(Settings next) {
    settings = next;
  }

  /** How many may run at a time, from now on: Serve's {@code max_ongoing_requests}. */
  public static void limit(@Nullable Integer number) {
    SLOTS.set(number == null ? Integer.MAX_VALUE : number);
  }

  /**
   * A request begins, on this thread: waits until there is a place for it, which counts as time
   * that it takes.
   */
  public static void enter(@Nullable String requestId) throws InterruptedException {
    String id = requestId == null ? "" : requestId;
    double seconds = settings.requestTimeoutS();
    long began = System.nanoTime();
    if (seconds <= 0) {
      SLOTS.acquire();
    } else if (!SLOTS.tryAcquire(Math.round(seconds * 1e9), TimeUnit.NANOSECONDS)) {
      throw timedOut(seconds);
    }
    RequestLog.enter(id);
    double left = seconds - (System.nanoTime() - began) / 1e9;
    PRESENT.set(new Request(id, seconds, seconds > 0 ? new Timeout(left) : null));
  }

  /** The request has a result; what is returned is what travels. */
  public static @Nullable Object succeed(@Nullable Object result) {
    Request request = PRESENT.get();
    try {
      if (request.endLate() && request.fromPython()) {
        throw timedOut(request.seconds());
      }
      return request.fromPython() ? JsonReply.of(result, settings.rejectNonFinite()) : result;
    } catch (NotJson e) {
      throw failure("invalid_result", message(e), e);
    } catch (Failure e) {
      throw e;
    } catch (RuntimeException | StackOverflowError e) { // It is changed while it is read, say.
      throw failure("invalid_result", "the result cannot be read: " + message(e), e);
    } finally {
      leave();
    }
  }

  /** The request has failed; throw what is returned. */
  public static Throwable fail(Throwable thrown) {
    Request request = PRESENT.get();
    if (request == null) {
      return thrown; // By enter(), which got no place, or by succeed(), which has left already.
    }
    try {
      boolean late = request.endLate();
      if (!request.fromPython()) {
        return thrown; // A Java handle reads Java's exceptions.
      }
      if (late) {
        return timedOut(request.seconds());
      }
      Throwable cause = cause(thrown);
      String told =
          settings.showErrors()
              ? "the deployment failed: " + message(cause)
              : "the deployment failed; the replica's log says why, under this id";
      return failure("internal", told, cause);
    } finally {
      leave();
    }
  }

  private static Failure timedOut(double seconds) {
    String told =
        "the deployment did not answer within its request_timeout_s of %s s".formatted(seconds);
    String id = UUID.randomUUID().toString().substring(0, 13);
    Log.LOG.warn("request timed out error_id={}", id);
    return Failure.of("timeout", told, id);
  }

  private static Failure failure(String code, String told, Throwable cause) {
    String id = UUID.randomUUID().toString().substring(0, 13);
    Log.LOG.error("request failed error_id={}", id, cause);
    return Failure.of(code, told, id);
  }

  private static void leave() {
    PRESENT.remove();
    RequestLog.leave();
    SLOTS.release();
  }

  /** What the class itself threw, without what Ray and reflection put around it. */
  static Throwable cause(Throwable thrown) {
    Throwable cause = thrown;
    while (cause.getCause() != null
        && (cause instanceof InvocationTargetException
            || cause.getClass().getName().startsWith("io.ray."))) {
      cause = cause.getCause();
    }
    return cause;
  }

  /** What an exception says, or its kind where it says nothing. */
  static String message(Throwable thrown) {
    String message = thrown.getMessage();
    return message == null || message.isBlank() ? thrown.getClass().getSimpleName() : message;
  }

  /** Made when something fails first. */
  private static final class Log {
    static final Logger LOG = LoggerFactory.getLogger(Requests.class);
  }
}
