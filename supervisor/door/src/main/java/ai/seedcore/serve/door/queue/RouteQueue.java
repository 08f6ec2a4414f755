package ai.seedcore.serve.door.queue;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * The queued requests of one route, and the limit of its requests in flight. Clients take turns;
 * the requests of one client are sent in their order.
 *
 * <p>The limit is a window that follows the capacity of the replicas. It starts small and grows by
 * one with each success (TCP's slow start). Above {@link #SAFE_WINDOW} it grows only while
 * responses take not much longer than with few requests in flight. If they take far longer,
 * requests only wait in another queue, and the window shrinks.
 *
 * <p>A client whose requests fail is limited to a few of them, after growing pauses. The route
 * itself counts as failing only if several requests of several clients have failed since the last
 * success.
 *
 * @param <T> the type of a request
 */
public final class RouteQueue<T> {

  /**
   * The window of a route about which nothing is known, and the limit for a client whose requests
   * fail.
   */
  public static final int INITIAL_WINDOW = 4;

  /** A window that no proxy has trouble with. */
  public static final int SAFE_WINDOW = 16;

  /** The largest window. Further requests would only wait in the proxy. */
  public static final int MAX_WINDOW = 512;

  /** Responses that arrive sooner are fast enough, whatever the baseline. */
  private static final double FAST_NANOS = 50e6;

  /**
   * By which factor responses may exceed the baseline before the window stops growing, and before
   * it shrinks.
   */
  private static final double SLOWER = 2;

  private static final double MUCH_SLOWER = 3;

  /** After how many windows of responses without growth the baseline is measured again. */
  private static final int REMEASURE_WINDOWS = 8;

  /** The weight of one response in a moving average. */
  private static final double WEIGHT = 0.05;

  /**
   * How long the door waits after a failure. The pause doubles each time, up to the longest one.
   */
  static final long PAUSE_NANOS = 150_000_000;

  static final long LONGEST_PAUSE_NANOS = 2_000_000_000L;

  /** How long failures of a client without requests here are remembered. */
  private static final long FORGET_NANOS = 10_000_000_000L;

  /** How many failures, of how many clients, make the route count as failing. */
  private static final int MIN_FAILURES = 3;

  private static final int MIN_CLIENTS = 2;

  private final Function<T, Object> clientOf;
  private final Map<Object, Flow<T>> flows = new HashMap<>();

  /** The clients with queued requests, in the order of their turns. */
  private final Map<Object, Flow<T>> turns = new LinkedHashMap<>();

  private final Set<Object> failing = new HashSet<>();
  private int failures;
  private int waiting;
  private int inFlight;
  private int beyondWindow;
  private int window = INITIAL_WINDOW;
  private double baseline = FAST_NANOS / SLOWER;
  private double recent = baseline;
  private int responses;
  private boolean routeFailing;
  private boolean everSucceeded;
  private long succeededAt;
  private long failingSince;
  private long notBefore = System.nanoTime();

  /** The requests of one client. */
  private static final class Flow<T> {
    final Deque<T> waiting = new ArrayDeque<>();
    int inFlight;

    /** Whether the client has a request in flight beyond the window. */
    boolean exceedsWindow;

    int failures;
    int pauses;
    long notBefore = System.nanoTime();

    boolean isOpen(long now) {
      return failures < 2 || (inFlight < INITIAL_WINDOW && now - notBefore >= 0);
    }

    void recordFailure(long now) {
      failures++;
      if (failures >= 2 && (pauses == 0 || now - notBefore >= 0)) {
        notBefore = now + Math.min(LONGEST_PAUSE_NANOS, PAUSE_NANOS << Math.min(pauses, 10));
        pauses++;
      }
    }

    void recordSuccess() {
      failures = 0;
      pauses = 0;
    }
  }

  /**
   * Creates an empty queue.
   *
   * @param clientOf returns the client of a request
   */
  public RouteQueue(Function<T, Object> clientOf) {
    this.clientOf = clientOf;
  }

  private Flow<T> flow(T request) {
    return flows.computeIfAbsent(clientOf.apply(request), client -> new Flow<>());
  }

  /** Adds a request behind all others of its client. */
  public void add(T request) {
    Flow<T> flow = flow(request);
    flow.waiting.addLast(request);
    turns.put(clientOf.apply(request), flow);
    waiting++;
  }

  /** Returns whether a request that arrives now could be sent now. */
  public boolean canSend(T request, long now) {
    Flow<T> flow = flow(request);
    return flow.waiting.isEmpty() && maySend(flow, now);
  }

  /**
   * Returns whether a client may have one more request in flight. A client without requests in
   * flight may exceed the window, because the requests of the others may hang or fail forever. If
   * its own requests have failed, it waits for the route's pause first.
   */
  private boolean maySend(Flow<T> flow, long now) {
    boolean ready = now - notBefore >= 0;
    boolean exceedsWindow =
        flow.inFlight == 0 && (flow.failures == 0 || ready) && beyondWindow < SAFE_WINDOW;
    return flow.isOpen(now) && ((ready && inFlight < window) || exceedsWindow);
  }

  /**
   * Returns the next request, which counts as in flight from now on; null if none may be sent now.
   */
  public @Nullable T next(long now) {
    for (Flow<T> flow : turns.values()) {
      if (maySend(flow, now)) {
        return take(flow);
      }
    }
    return null;
  }

  private T take(Flow<T> flow) {
    T request = flow.waiting.removeFirst();
    Object client = clientOf.apply(request);
    turns.remove(client);
    if (!flow.waiting.isEmpty()) {
      turns.put(client, flow); // Behind all other clients.
    }
    waiting--;
    begin(request);
    return request;
  }

  /** Counts a request as in flight that did not have to wait. */
  public void begin(T request) {
    Flow<T> flow = flow(request);
    if (flow.inFlight == 0 && inFlight >= window) {
      flow.exceedsWindow = true;
      beyondWindow++;
    }
    flow.inFlight++;
    inFlight++;
  }

  /** Ends a request in flight, whatever its outcome. */
  public void end(T request) {
    Flow<T> flow = flow(request);
    flow.inFlight--;
    inFlight--;
    if (flow.exceedsWindow && flow.inFlight == 0) {
      flow.exceedsWindow = false;
      beyondWindow--;
    }
    forget(request, flow);
  }

  private void forget(T request, Flow<T> flow) {
    if (flow.waiting.isEmpty() && flow.inFlight == 0 && flow.failures == 0) {
      flows.remove(clientOf.apply(request));
    }
  }

  /**
   * Records a success.
   *
   * @param nanos how long the response took, in nanoseconds
   * @param inFlightAtSend how many requests were in flight when the request was sent
   */
  public void recordSuccess(T request, long nanos, int inFlightAtSend, long now) {
    everSucceeded = true;
    succeededAt = now;
    failures = 0;
    failing.clear();
    flow(request).recordSuccess();
    if (routeFailing) {
      routeFailing = false;
      flows.values().forEach(Flow::recordSuccess);
    }
    recent += WEIGHT * (nanos - recent);
    if (inFlightAtSend <= SAFE_WINDOW) {
      baseline += WEIGHT * (nanos - baseline);
    }
    responses++;
    if (window < SAFE_WINDOW || recent < Math.max(FAST_NANOS, SLOWER * baseline)) {
      window = Math.min(MAX_WINDOW, window + 1);
      responses = 0;
    } else if (recent > Math.max(2 * FAST_NANOS, MUCH_SLOWER * baseline) && responses >= window) {
      window = Math.max(SAFE_WINDOW, window * 3 / 4);
      responses = 0;
    } else if (responses >= REMEASURE_WINDOWS * window) {
      window = SAFE_WINDOW;
      responses = 0;
    }
  }

  /** Returns whether a request has succeeded since a given time. */
  public boolean succeededSince(long time) {
    return everSucceeded && succeededAt - time > 0;
  }

  /** Returns whether requests have failed, and none has succeeded, for a given time. */
  public boolean hasFailedFor(long now, long nanos) {
    return failures > 0 && now - failingSince >= nanos;
  }

  /**
   * Records a failure: the request was not executed, or its response was lost. The fault may be the
   * request's own, its client's, or the route's.
   */
  public void recordFailure(T request, long now) {
    flow(request).recordFailure(now);
    failingSince = failures == 0 ? now : failingSince;
    failures++;
    failing.add(clientOf.apply(request));
    if (failures >= MIN_FAILURES && failing.size() >= MIN_CLIENTS) {
      routeFailing = true;
      restart();
      notBefore = now + PAUSE_NANOS;
    }
  }

  /** Forgets what was learned about the route, as no proxy serves it. */
  public void reset() {
    restart();
    failures = 0;
    failing.clear();
    flows.values().forEach(Flow::recordSuccess);
    flows.values().removeIf(flow -> flow.waiting.isEmpty() && flow.inFlight == 0);
  }

  /** Forgets the failures of clients that have had no requests here for a while. */
  public void sweep(long now) {
    flows
        .values()
        .removeIf(
            flow ->
                flow.waiting.isEmpty()
                    && flow.inFlight == 0
                    && now - flow.notBefore > FORGET_NANOS);
  }

  private void restart() {
    window = INITIAL_WINDOW;
    recent = baseline;
  }

  /** Removes a queued request. Returns whether it was queued. */
  public boolean remove(T request) {
    Flow<T> flow = flow(request);
    boolean waited = flow.waiting.remove(request);
    if (waited) {
      waiting--;
      if (flow.waiting.isEmpty()) {
        turns.remove(clientOf.apply(request));
      }
    }
    forget(request, flow);
    return waited;
  }

  /** Removes and returns all queued requests. */
  public List<T> drain() {
    List<T> all = new ArrayList<>();
    forEach(all::add);
    all.forEach(this::remove);
    return all;
  }

  /** Calls an action for each queued request. */
  public void forEach(Consumer<T> each) {
    turns.values().forEach(flow -> flow.waiting.forEach(each));
  }

  /** Returns how many requests are queued. */
  public int waiting() {
    return waiting;
  }

  /** Returns how many requests have been sent and not ended. */
  public int inFlight() {
    return inFlight;
  }

  int window() {
    return window;
  }

  /** Returns how many clients are remembered. */
  int clients() {
    return flows.size();
  }
}
