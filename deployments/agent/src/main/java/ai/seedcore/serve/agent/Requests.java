package ai.seedcore.serve.agent;

import ai.seedcore.serve.api.Response;
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
 * Limits the concurrency and duration of a replica's requests and turns failures into error
 * replies. Patched Ray classes call it. All state is static because a JVM has one replica.
 */
public final class Requests {

  /** The number of characters of a random UUID that identify a log entry. */
  private static final int ID_LENGTH = 13;

  /** The request that the current thread handles. */
  private static final ThreadLocal<Request> CURRENT = new ThreadLocal<>();

  private static final Slots SLOTS = new Slots();
  private static volatile Settings settings = Settings.DEFAULT;

  private Requests() {}

  /**
   * A request in progress.
   *
   * @param id the request id; empty if a Java handle sent the request
   * @param head the request's head as the patched proxy passes it, which then understands a {@link
   *     Response}; empty if something else sent the request
   * @param seconds the time limit, in seconds
   * @param timeout interrupts the request's thread at the time limit; null if there is no limit
   */
  private record Request(String id, String head, double seconds, @Nullable Timeout timeout) {

    /** Stops the timeout. Returns whether the request exceeded its time limit. */
    boolean endLate() {
      return timeout != null && timeout.end();
    }

    boolean fromPython() {
      return !id.isEmpty();
    }
  }

  /** Permits for concurrent requests. Their number can change. */
  private static final class Slots extends Semaphore {
    private static final long serialVersionUID = 1L;
    private int number = Integer.MAX_VALUE;

    Slots() {
      super(Integer.MAX_VALUE, true);
    }

    synchronized int number() {
      return number;
    }

    synchronized void set(int next) {
      if (next < number) {
        reducePermits(number - next); // Requests above the new limit run to their end.
      } else {
        release(next - number);
      }
      number = next;
    }
  }

  /** Interrupts a request's thread once, unless the request ends before the time limit. */
  private static final class Timeout implements Runnable {
    private final Thread thread = Thread.currentThread();
    private final Future<?> future;
    private boolean ended;
    private boolean expired;

    Timeout(double seconds) {
      this.future =
          Timer.EXECUTOR.schedule(this, Math.round(seconds * 1_000), TimeUnit.MILLISECONDS);
    }

    @Override
    public synchronized void run() {
      if (!ended) {
        expired = true;
        thread.interrupt();
      }
    }

    /** Returns whether the time limit passed. The thread is not interrupted after this call. */
    synchronized boolean end() {
      ended = true;
      future.cancel(false);
      if (expired) {
        boolean unused = Thread.interrupted(); // Clears the flag for the next request.
      }
      return expired;
    }
  }

  /** The timer thread, started with the first timeout because most replicas set none. */
  private static final class Timer {
    static final ScheduledExecutorService EXECUTOR =
        Executors.newSingleThreadScheduledExecutor(
            work -> {
              Thread thread = new Thread(work, "seedcore-timeouts");
              thread.setDaemon(true);
              return thread;
            });
  }

  /** Sets the settings for the requests that start from now on. */
  static void configure(Settings next) {
    settings = next;
  }

  /**
   * Sets how many requests may run concurrently.
   *
   * @param number Serve's {@code max_ongoing_requests}; null for no limit
   */
  public static void limit(@Nullable Integer number) {
    SLOTS.set(number == null ? Integer.MAX_VALUE : number);
  }

  /** Returns how many requests may run concurrently. */
  public static int limit() {
    return SLOTS.number();
  }

  /** Returns whether requests have a time limit, at which their thread is interrupted. */
  public static boolean haveLimit() {
    return settings.requestTimeoutS() > 0;
  }

  /** Takes a permit for a request, unless as many requests run as may. */
  public static boolean admit() {
    return SLOTS.tryAcquire();
  }

  /** Returns the permit of a request that does not start. */
  public static void cancel() {
    SLOTS.release();
  }

  /**
   * Starts a request on this thread that has a permit.
   *
   * @param requestId the request id, which is not empty
   */
  public static void begin(String requestId) {
    double seconds = settings.requestTimeoutS();
    try {
      start(requestId, "", seconds, seconds);
    } catch (RuntimeException | Error e) {
      cancel();
      throw e;
    }
  }

  private static void start(String id, String head, double seconds, double left) {
    RequestLog.enter(id);
    CURRENT.set(new Request(id, head, seconds, seconds > 0 ? new Timeout(left) : null));
  }

  /**
   * Starts a request on this thread. Waits for a permit; the wait counts towards the time limit.
   *
   * @param requestId the request id; null or empty if a Java handle sent the request
   * @param head what the patched proxy says of the request, as JSON; empty from anything else
   */
  public static void enter(@Nullable String requestId, String head) throws InterruptedException {
    String id = requestId == null ? "" : requestId;
    double seconds = settings.requestTimeoutS();
    long began = System.nanoTime();
    if (seconds <= 0) {
      SLOTS.acquire();
    } else if (!SLOTS.tryAcquire(Math.round(seconds * 1e9), TimeUnit.NANOSECONDS)) {
      throw timedOut(seconds);
    }
    start(id, head, seconds, seconds - (System.nanoTime() - began) / 1e9);
  }

  /** Returns what the patched proxy says of the current request; empty if it says nothing. */
  static String head() {
    Request request = CURRENT.get();
    return request == null ? "" : request.head();
  }

  /** Ends a request that returned a result. Returns the result to send to Ray's caller. */
  public static @Nullable Object succeed(@Nullable Object result) {
    return end(result, Requests::forCaller).body();
  }

  /** Ends a request of the direct path that returned a result. Returns the response. */
  public static Response respond(@Nullable Object result) {
    return end(
        result,
        (request, returned) -> {
          Response response =
              returned instanceof Response whole ? whole : Response.of(200, returned);
          return response.withBody(JsonReply.of(response.body(), settings.rejectNonFinite()));
        });
  }

  /** Ends a request of the direct path whose response has been streamed. */
  public static void endStream() {
    Response unused = end(null, (request, nothing) -> Response.of(nothing));
  }

  /** Ends a request whose response nobody wants any more. */
  public static void abandon() {
    Request request = CURRENT.get();
    if (request != null) {
      boolean unused = request.endLate();
      leave();
    }
  }

  private static Response forCaller(Request request, @Nullable Object result) throws NotJson {
    Object body = result instanceof Response response ? response.body() : result;
    if (!request.fromPython()) {
      return Response.of(body);
    }
    Object reply = JsonReply.of(body, settings.rejectNonFinite());
    return Response.of(
        result instanceof Response response && !request.head().isEmpty()
            ? JsonReply.complete(response, reply)
            : reply);
  }

  /** Converts what the deployment returned. */
  @FunctionalInterface
  private interface Conversion {
    Response convert(Request request, @Nullable Object result) throws NotJson;
  }

  private static Response end(@Nullable Object result, Conversion conversion) {
    Request request = CURRENT.get();
    try {
      if (request.endLate() && request.fromPython()) {
        throw timedOut(request.seconds());
      }
      return conversion.convert(request, result);
    } catch (NotJson e) {
      throw failure(ErrorCodes.INVALID_RESULT, message(e), e);
    } catch (Failure e) {
      throw e;
    } catch (RuntimeException | StackOverflowError e) { // For example a concurrent modification.
      throw failure(ErrorCodes.INVALID_RESULT, "the result cannot be read: " + message(e), e);
    } finally {
      leave();
    }
  }

  /** Ends a request that failed. Returns the exception to throw to the caller. */
  public static Throwable fail(Throwable thrown) {
    Request request = CURRENT.get();
    if (request == null) {
      return thrown; // enter() got no permit, or succeed() threw after it ended the request.
    }
    try {
      boolean late = request.endLate();
      if (!request.fromPython()) {
        return thrown; // A Java handle can read Java exceptions.
      }
      if (late) {
        return timedOut(request.seconds());
      }
      Throwable cause = cause(thrown);
      String error =
          settings.showErrors()
              ? "the deployment failed: " + message(cause)
              : "the deployment failed; the replica's log has the details under this id";
      return failure(ErrorCodes.INTERNAL, error, cause);
    } finally {
      leave();
    }
  }

  /** Returns the JSON error reply for what {@link #fail} returned. */
  public static String errorReply(Throwable failure) {
    return failure instanceof Failure known
        ? known.reply()
        : failure(ErrorCodes.INTERNAL, message(failure), failure).reply();
  }

  private static Failure timedOut(double seconds) {
    String error =
        "the deployment did not answer within its request_timeout_s of %s s".formatted(seconds);
    String id = newId();
    Log.LOG.warn("request timed out error_id={}", id);
    return Failure.of(ErrorCodes.TIMEOUT, error, id);
  }

  private static Failure failure(String code, String error, Throwable cause) {
    String id = newId();
    Log.LOG.error("request failed error_id={}", id, cause);
    return Failure.of(code, error, id);
  }

  private static String newId() {
    return UUID.randomUUID().toString().substring(0, ID_LENGTH);
  }

  private static void leave() {
    CURRENT.remove();
    RequestLog.leave();
    SLOTS.release();
  }

  /** Returns what the deployment threw, without the wrappers of Ray and reflection. */
  static Throwable cause(Throwable thrown) {
    Throwable cause = thrown;
    while (cause.getCause() != null
        && (cause instanceof InvocationTargetException
            || cause.getClass().getName().startsWith("io.ray."))) {
      cause = cause.getCause();
    }
    return cause;
  }

  /** Returns the message of an exception, or the name of its class if it has none. */
  static String message(Throwable thrown) {
    String message = thrown.getMessage();
    return message == null || message.isBlank() ? thrown.getClass().getSimpleName() : message;
  }

  /** The logger, created with the first failure so that a replica starts faster. */
  private static final class Log {
    static final Logger LOG = LoggerFactory.getLogger(Requests.class);
  }
}
