package ai.seedcore.serve.door;

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
 * The requests of one route that wait, and how many may be under way. Clients take turns; the
 * requests of one are sent in their order.
 *
 * <p>How many are under way follows what the replicas take: few at first, one more with each good
 * answer (TCP's slow start), and past {@link #SURE} only while answers take no much longer than
 * they do with few under way; where they take far longer, what is under way waits elsewhere, and it
 * is fewer again.
 *
 * <p>A client whose requests fail is sent fewer, after pauses that grow. The route itself counts as
 * unwell only when several requests of several clients have failed and none was answered since.
 *
 * @param <T> a request
 */
final class RouteQueue<T> {

  /** How many are sent to a route that nothing is known of, and of a client whose requests fail. */
  static final int FIRST = 4;

  /** So many at a time are harmless to any proxy. */
  static final int SURE = 16;

  /** More than this under way would only wait elsewhere, in the proxy. */
  static final int MOST = 512;

  /** Answers that come sooner are soon enough, whatever they usually take. */
  private static final double SOON_NANOS = 50e6;

  /** By how much more than usual answers may take for more to be sent, and for fewer. */
  private static final double LONGER = 2;

  private static final double FAR_LONGER = 3;

  /** After so many windows' answers without growth, what is usual is measured again. */
  private static final int MEASURE_AGAIN = 8;

  /** How much one answer counts in an average. */
  private static final double WEIGHT = 0.05;

  /** For how long what has just failed is left alone; twice as long each time, up to the second. */
  static final long PAUSE_NANOS = 150_000_000;

  static final long LONGEST_PAUSE_NANOS = 2_000_000_000L;

  /** For how long a client's failures are remembered that has nothing here. */
  private static final long FORGIVEN_NANOS = 10_000_000_000L;

  /** So many failures, of so many clients, are the route's. */
  private static final int FAILURES = 3;

  private static final int CLIENTS = 2;

  private final Function<T, Object> clientOf;
  private final Map<Object, Flow<T>> flows = new HashMap<>();

  /** Those of which some wait; whose turn it is comes first. */
  private final Map<Object, Flow<T>> turns = new LinkedHashMap<>();

  private final Set<Object> failing = new HashSet<>();
  private int failures;
  private int waiting;
  private int underWay;
  private int guests;
  private int window = FIRST;
  private double usual = SOON_NANOS / LONGER;
  private double recent = usual;
  private int answers;
  private boolean unwell;
  private boolean everWell;
  private long wellAt;
  private long failingSince;
  private long notBefore = System.nanoTime();

  /** What one client has here. */
  private static final class Flow<T> {
    final Deque<T> waiting = new ArrayDeque<>();
    int underWay;

    /** Whether it has a place beside the window. */
    boolean guest;

    int failures;
    int pauses;
    long notBefore = System.nanoTime();

    boolean isOpen(long now) {
      return failures < 2 || (underWay < FIRST && now - notBefore >= 0);
    }

    void fails(long now) {
      failures++;
      if (failures >= 2 && (pauses == 0 || now - notBefore >= 0)) {
        notBefore = now + Math.min(LONGEST_PAUSE_NANOS, PAUSE_NANOS << Math.min(pauses, 10));
        pauses++;
      }
    }

    void well() {
      failures = 0;
      pauses = 0;
    }
  }

  /**
   * A queue in which nobody waits.
   *
   * @param clientOf whose request one is
   */
  RouteQueue(Function<T, Object> clientOf) {
    this.clientOf = clientOf;
  }

  private Flow<T> flow(T request) {
    return flows.computeIfAbsent(clientOf.apply(request), client -> new Flow<>());
  }

  /** One more, behind all others of its client. */
  void add(T request) {
    Flow<T> flow = flow(request);
    flow.waiting.addLast(request);
    turns.put(clientOf.apply(request), flow);
    waiting++;
  }

  /** Whether one that comes now could be sent now. */
  boolean isFree(T request, long now) {
    Flow<T> flow = flow(request);
    return flow.waiting.isEmpty() && mayMore(flow, now);
  }

  /**
   * Whether one more of a client's may be under way. A client of whom nothing is, and nothing has
   * failed, has a place beside the others': they may hang, or fail, for ever.
   */
  private boolean mayMore(Flow<T> flow, long now) {
    boolean well = now - notBefore >= 0;
    boolean guest = flow.underWay == 0 && flow.failures == 0 && guests < SURE;
    return flow.isOpen(now) && ((well && underWay < window) || guest);
  }

  /** The next one, which is under way from now on; null where none is to be sent now. */
  @Nullable T next(long now) {
    for (Flow<T> flow : turns.values()) {
      if (mayMore(flow, now)) {
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
      turns.put(client, flow); // Behind all others.
    }
    waiting--;
    begin(request);
    return request;
  }

  /** One that did not have to wait is under way. */
  void begin(T request) {
    Flow<T> flow = flow(request);
    if (flow.underWay == 0 && underWay >= window) {
      flow.guest = true;
      guests++;
    }
    flow.underWay++;
    underWay++;
  }

  /** One is no longer under way, however it ended. */
  void end(T request) {
    Flow<T> flow = flow(request);
    flow.underWay--;
    underWay--;
    if (flow.guest && flow.underWay == 0) {
      flow.guest = false;
      guests--;
    }
    forget(request, flow);
  }

  private void forget(T request, Flow<T> flow) {
    if (flow.waiting.isEmpty() && flow.underWay == 0 && flow.failures == 0) {
      flows.remove(clientOf.apply(request));
    }
  }

  /**
   * The route answered one well, after so many nanoseconds.
   *
   * @param crowd how many were under way when it was sent
   */
  void well(T request, long nanos, int crowd, long now) {
    everWell = true;
    wellAt = now;
    failures = 0;
    failing.clear();
    flow(request).well();
    if (unwell) {
      unwell = false;
      flows.values().forEach(Flow::well);
    }
    recent += WEIGHT * (nanos - recent);
    if (crowd <= SURE) {
      usual += WEIGHT * (nanos - usual);
    }
    answers++;
    if (window < SURE || recent < Math.max(SOON_NANOS, LONGER * usual)) {
      window = Math.min(MOST, window + 1);
      answers = 0;
    } else if (recent > Math.max(2 * SOON_NANOS, FAR_LONGER * usual) && answers >= window) {
      window = Math.max(SURE, window * 3 / 4);
      answers = 0;
    } else if (answers >= MEASURE_AGAIN * window) {
      window = SURE;
      answers = 0;
    }
  }

  /** Whether it answered one well since then. */
  boolean wellSince(long time) {
    return everWell && wellAt - time > 0;
  }

  /** Whether it has answered none well for so long. */
  boolean failsForGood(long now, long nanos) {
    return failures > 0 && now - failingSince >= nanos;
  }

  /** One was not carried out, or its answer lost: its own fault, its client's, or the route's. */
  void failed(T request, long now) {
    flow(request).fails(now);
    failingSince = failures == 0 ? now : failingSince;
    failures++;
    failing.add(clientOf.apply(request));
    if (failures >= FAILURES && failing.size() >= CLIENTS) {
      unwell = true;
      restart();
      notBefore = now + PAUSE_NANOS;
    }
  }

  /** No proxy serves the route: when one does again, nothing is known of it. */
  void away() {
    restart();
    failures = 0;
    failing.clear();
    flows.values().forEach(Flow::well);
    flows.values().removeIf(flow -> flow.waiting.isEmpty() && flow.underWay == 0);
  }

  /** Forgets the failures of clients that have nothing here any more. */
  void sweep(long now) {
    flows
        .values()
        .removeIf(
            flow ->
                flow.waiting.isEmpty()
                    && flow.underWay == 0
                    && now - flow.notBefore > FORGIVEN_NANOS);
  }

  private void restart() {
    window = FIRST;
    recent = usual;
  }

  /** Forgets one that waits; says whether it did. */
  boolean remove(T request) {
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

  /** Those that wait, taken out. */
  List<T> drain() {
    List<T> all = new ArrayList<>();
    forEach(all::add);
    all.forEach(this::remove);
    return all;
  }

  /** Those that wait. */
  void forEach(Consumer<T> each) {
    turns.values().forEach(flow -> flow.waiting.forEach(each));
  }

  int waiting() {
    return waiting;
  }

  int underWay() {
    return underWay;
  }

  int window() {
    return window;
  }
}
