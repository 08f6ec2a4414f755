package ai.seedcore.serve.daemon.door;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.Iterator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The requests of one route that wait, in their order, and how many may be under way.
 *
 * <p>While some wait, that number follows what the replicas take: few at first, one more with each
 * good answer (TCP's slow start), and past {@link #SURE} only while answers take no much longer
 * than they do when nobody waits; where they take far longer, what is under way waits elsewhere,
 * and it is fewer again. While nobody waits it grows with each good answer.
 *
 * @param <T> a request
 */
final class Line<T> {

  /** How many are sent to a route that nothing is known of. */
  static final int FIRST = 4;

  /** So many at a time are harmless to any proxy. */
  static final int SURE = 16;

  /** More than this under way would only wait elsewhere, in the proxy. */
  static final int MOST = 512;

  /** Answers that come sooner are soon enough, whatever they usually take. */
  private static final double SOON_NANOS = 50e6;

  /** By how much more than usual answers may take for more to be sent, and for fewer. */
  private static final double LONGER = 4;

  private static final double FAR_LONGER = 8;

  /** How long Serve may send requests to a replica that has died. */
  static final long FOR_GOOD_NANOS = 10_000_000_000L;

  /** How much one answer counts in an average. */
  private static final double WEIGHT = 0.05;

  /** How long a route is left alone that has just failed. */
  static final long PAUSE_NANOS = 150_000_000;

  private final Deque<T> waiting = new ArrayDeque<>();
  private int underWay;
  private int window = FIRST;
  private double usual = SOON_NANOS / LONGER;
  private double recent = usual;
  private int answers;
  private boolean failing;
  private long failingSince;
  private long notBefore = System.nanoTime();

  /** One more, behind all others. */
  void add(T request) {
    waiting.addLast(request);
  }

  /** One that was sent, and is to be sent again: it came before all others. */
  void addAgain(T request) {
    waiting.addFirst(request);
  }

  /** Whether one that comes now could be sent now. */
  boolean isFree(long now) {
    return waiting.isEmpty() && mayMore(now);
  }

  private boolean mayMore(long now) {
    return underWay < window && now - notBefore >= 0;
  }

  /** The next one, which is under way from now on; null where none is to be sent now. */
  @Nullable T next(long now) {
    if (waiting.isEmpty() || !mayMore(now)) {
      return null;
    }
    underWay++;
    return waiting.removeFirst();
  }

  /** One that did not have to wait is under way. */
  void begin() {
    underWay++;
  }

  /** One is no longer under way, however it ended. */
  void end() {
    underWay--;
  }

  /** The route answered well, after so many nanoseconds. */
  void well(long nanos) {
    failing = false;
    recent += WEIGHT * (nanos - recent);
    if (waiting.isEmpty()) {
      usual += WEIGHT * (nanos - usual);
      window = Math.min(MOST, window + 1);
      return;
    }
    answers++;
    if (window < SURE || recent < Math.max(SOON_NANOS, LONGER * usual)) {
      window = Math.min(MOST, window + 1);
    } else if (recent > Math.max(2 * SOON_NANOS, FAR_LONGER * usual) && answers >= window) {
      window = Math.max(SURE, window * 3 / 4);
      answers = 0;
    }
  }

  /** The route answered 500: a fault of one request's, or of its replica. */
  void failed(long now) {
    if (!failing) {
      failing = true;
      failingSince = now;
    }
  }

  /** Whether it answered one well since then. */
  boolean wellSince(long time) {
    return !failing || failingSince - time > 0;
  }

  /**
   * Whether it has answered nothing but 500 for so long that it is no replica that has just died.
   */
  boolean failsForGood(long now) {
    return failing && now - failingSince > FOR_GOOD_NANOS;
  }

  /** The replicas have more than they take. */
  void overloaded(long now) {
    window = Math.max(1, window / 2);
    notBefore = now + PAUSE_NANOS / 3;
  }

  /** The route is not served, whatever was thought of it. */
  void unwell(long now) {
    window = FIRST;
    recent = usual;
    notBefore = now + PAUSE_NANOS;
  }

  /** Forgets one that waits; says whether it did. */
  boolean remove(T request) {
    return waiting.remove(request);
  }

  /** Those that wait, taken out. */
  List<T> drain() {
    List<T> all = new ArrayList<>(waiting);
    waiting.clear();
    return all;
  }

  /** Those that wait, in their order, which may be removed. */
  Iterator<T> iterator() {
    return waiting.iterator();
  }

  int waiting() {
    return waiting.size();
  }

  int underWay() {
    return underWay;
  }

  int window() {
    return window;
  }
}
