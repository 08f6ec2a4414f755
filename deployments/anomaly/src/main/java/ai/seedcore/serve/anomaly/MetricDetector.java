package ai.seedcore.serve.anomaly;

import ai.seedcore.serve.anomaly.Spread.Distance;
import org.jspecify.annotations.Nullable;

/**
 * Judges the values of one metric in order. A value is anomalous if it is both large and rare:
 *
 * <ul>
 *   <li>It is several times as far from the median of the last {@link Spread#WINDOW} values as
 *       these are ({@link #MIN_LIMIT}), or lower than ever before on a logarithmic scale.
 *   <li>Fewer than one in 1,000 of the last 2,000 values are as far ({@link Tail}).
 * </ul>
 *
 * <p>If the metric has a period, its distance from the same phase of earlier cycles counts instead,
 * unless that is larger than its distance from the last values and hardly more regular.
 *
 * <p>Anomalous values are not learned, so that an incident does not hide the next one. A level that
 * persists is ({@link Event#NEW_LEVEL}), and so are frequent events ({@link #MAX_EVENTS}).
 */
final class MetricDetector {

  /** The rarity of an anomalous value, in decades: one in 1,000 values. */
  static final double LIMIT_RARITY = 3;

  /** The number of values before the first judgement. */
  static final int WARM_UP = 8;

  /**
   * The distance of an anomalous value, in spreads. The limit is {@link #MIN_LIMIT} for a metric
   * whose usual values stay well below it. It follows the largest usual distance, times {@link
   * #MARGIN}, up to {@link #MAX_LIMIT}. The latter also holds for the first {@link #EARLY} values.
   */
  private static final double MIN_LIMIT = 4;

  private static final double MAX_LIMIT = 5.5;
  private static final double MARGIN = 1.2;

  /** The limits are lower by this factor if the value at the phase is known. */
  private static final double SEASONAL = 1.4;

  private static final int EARLY = 100;

  /** The limit for the first values, whose spread is hardly known. */
  private static final double EARLIEST_LIMIT = 20;

  private static final int EARLIEST = 12;

  /** The distance of an anomalously low value on a logarithmic scale, in spreads. */
  private static final double LOG_LIMIT = 3;

  /** An outage is at most this share of the lowest value so far. */
  private static final double MAX_SHARE_OF_LOWEST = 0.8;

  /** A seasonal expectation replaces the median if its spread is smaller by this factor. */
  private static final double STRONG_SEASON = 0.5;

  /** The minimum spread, as a share of the standard deviation of all usual values. */
  private static final double MIN_SPREAD = 0.02;

  /** The minimum spread of a constant metric, and of any, as a share of its value. */
  private static final double MIN_CONSTANT_SPREAD = 0.005;

  private static final double MIN_RELATIVE_SPREAD = 1e-9;

  /** The minimum spread of a metric that takes steps, in steps. */
  private static final double MIN_STEPS = 0.5;

  /** More events than this in {@link Tail#WINDOW} values are usual, and are learned. */
  private static final double MAX_EVENTS = 10;

  /** The maximum absolute value; the squares of larger ones could overflow. */
  private static final double MAX_VALUE = 1e100;

  /**
   * The result for one value.
   *
   * @param rarity the rarity, in decades; in the course of an event, only its most extreme values
   *     have their own, and the others have at most {@link #LIMIT_RARITY}
   * @param excess the distance and the rarity, as a multiple of their limits, whichever is smaller;
   *     a value is anomalous from 1 on
   * @param repeated whether the value is one of many in an event that has been reported
   * @param distance the distance; null if there are too few values
   * @param outage whether the value is lower than ever before, on a logarithmic scale
   * @param period the period whose phase was compared; 0 if the last values were compared
   */
  record Finding(
      double rarity,
      double excess,
      boolean repeated,
      @Nullable Distance distance,
      boolean outage,
      int period) {}

  private static final Finding UNKNOWN = new Finding(0, 0, false, null, false, 0);

  private final Spread level = new Spread();
  private final Spread residual = new Spread();
  private final Tail tail = new Tail();
  private final @Nullable Cycle cycle;
  private final double factor;

  private long count;

  /** The number, mean and summed squared deviations of the usual values of this level. */
  private long usual;

  private double mean;
  private double squares;
  private double lowest = Double.POSITIVE_INFINITY;
  private double last;

  /** The smallest difference between two consecutive values: the step of the metric. */
  private double resolution = Double.MAX_VALUE;

  private double maxUsualAbove;
  private double maxUsualBelow;

  /** The number of events in the last {@link Tail#WINDOW} values, about. */
  private double events;

  private final Event event = new Event();

  /**
   * Creates a detector for one metric.
   *
   * @param periodic whether to search for a period
   * @param factor the excess from which on a value is reported
   */
  MetricDetector(boolean periodic, double factor) {
    this.factor = factor;
    cycle = periodic ? new Cycle() : null;
  }

  /**
   * Judges the next value, then learns it.
   *
   * @param value the value, which must be finite
   * @param tests the number of values that are judged at the same point: the more, the rarer each
   *     has to be (Bonferroni correction)
   */
  Finding next(double value, int tests) {
    double x = Math.max(-MAX_VALUE, Math.min(MAX_VALUE, value));
    // Among the first values, a spread of 0 says nothing.
    boolean unknown = level.size() < WARM_UP || (count < EARLIEST && squares == 0);
    double expected = cycle != null && cycle.expects() ? cycle.expected(x) : Double.NaN;
    Finding finding = unknown ? UNKNOWN : judge(x, expected, Math.log10(tests));
    learn(x, finding, expected);
    return finding;
  }

  /** Passes over missing values. */
  void skip(int values) {
    if (cycle != null) {
      cycle.skip(values);
    }
  }

  /**
   * Judges a value.
   *
   * @param expected the value that its phase suggests; NaN if unknown
   */
  private Finding judge(double x, double expected, double correction) {
    double minSpread = minSpread();
    Distance distance = level.distance(x, minSpread);
    int period = 0;
    if (cycle != null && !Double.isNaN(expected) && residual.size() >= WARM_UP) {
      Distance seasonal = residual.distance(x - expected, minSpread);
      if (seasonal.spread() < STRONG_SEASON * distance.spread()
          || seasonal.size() < distance.size()) {
        distance =
            new Distance(expected + seasonal.center(), seasonal.spread(), seasonal.distance());
        period = cycle.period();
      }
    }
    double excess = distance.size() / limit(distance) * (period > 0 ? SEASONAL : 1);
    double rarity = LIMIT_RARITY * (excess < 1 ? excess : 1 + Math.log10(excess));
    if (tail.ready()) {
      rarity = Math.max(0, tail.rarity(distance.size()) - correction);
      excess = Math.min(excess, rarity / LIMIT_RARITY);
    }
    double outage =
        count >= EARLY && x < MAX_SHARE_OF_LOWEST * lowest
            ? level.logDistanceBelow(x) / LOG_LIMIT
            : 0;
    boolean lowerThanEver = outage >= 1 && outage > excess;
    if (lowerThanEver) {
      excess = outage;
      rarity = Math.max(rarity, LIMIT_RARITY * outage);
    }
    return new Finding(
        inCourse(rarity, excess),
        excess,
        event.covers(count, distance.size()),
        distance,
        lowerThanEver,
        period);
  }

  private double limit(Distance distance) {
    double usual = distance.distance() < 0 ? maxUsualBelow : maxUsualAbove;
    if (count < EARLY) {
      return count < EARLIEST ? EARLIEST_LIMIT : MAX_LIMIT;
    }
    return Math.max(MIN_LIMIT, Math.min(MAX_LIMIT, MARGIN * usual));
  }

  private double minSpread() {
    double deviation = Math.sqrt(squares / usual);
    double size = Math.abs(level.center());
    double share = deviation == 0 ? MIN_CONSTANT_SPREAD : MIN_RELATIVE_SPREAD;
    double steps = resolution == Double.MAX_VALUE ? 0 : MIN_STEPS * resolution;
    return Math.max(
        Math.max(MIN_SPREAD * deviation, steps), Math.max(share * size, Double.MIN_NORMAL));
  }

  /** Returns the rarity; near an event, that of a value less extreme than the event is limited. */
  private double inCourse(double rarity, double excess) {
    boolean less = event.isNear(count) && (excess < 1 || event.exceeds(rarity));
    return less ? Math.min(rarity, LIMIT_RARITY) : rarity;
  }

  private void learn(double x, Finding finding, double expected) {
    Distance distance = finding.distance();
    if (finding.excess() < 1 || distance == null) {
      if (distance != null && count >= EARLIEST) {
        learnUsual(distance);
      }
      level.add(x);
      if (!Double.isNaN(expected)) {
        residual.add(x - expected);
      }
      learnVariation(x);
    } else {
      last = Double.NaN;
      learnEvent(x, finding, distance, expected);
    }
    count++;
    events *= 1 - 1.0 / Tail.WINDOW;
    lowest = Math.min(lowest, x);
    if (cycle != null && cycle.add(x)) {
      residual.clear();
      cycle.residuals(residual.window(), Spread.WINDOW);
    }
  }

  private void learnVariation(double x) {
    double step = x - mean;
    mean += step / ++usual;
    squares += step * (x - mean);
    if (usual > 1 && x != last && !Double.isNaN(last)) {
      resolution = Math.min(resolution, Math.abs(x - last));
    }
    last = x;
  }

  private void learnUsual(Distance distance) {
    tail.add(distance.size());
    if (distance.distance() < 0) {
      maxUsualBelow = Math.max(maxUsualBelow, distance.size());
    } else {
      maxUsualAbove = Math.max(maxUsualAbove, distance.size());
    }
  }

  /** Learns the first value of an event, limited to what is usual, and a level that persists. */
  private void learnEvent(double x, Finding finding, Distance distance, double expected) {
    boolean known = !Double.isNaN(expected);
    if (!event.includes(count)) {
      double center = level.center();
      level.add(center + (x - center) / finding.excess());
      if (known) {
        double usualResidual = residual.size() == 0 ? 0 : residual.center();
        residual.add(usualResidual + (x - expected - usualResidual) / finding.excess());
      }
      events++;
      if (events > MAX_EVENTS) {
        tail.add(Math.min(distance.size(), MAX_LIMIT));
      }
    }
    event.add(
        count,
        x,
        known ? x - expected : 0,
        distance.size(),
        finding.rarity(),
        finding.excess() >= factor);
    if (event.isNewLevel()) {
      startNewLevel();
      if (cycle != null && known) {
        cycle.shift(event.shift(), Event.NEW_LEVEL - 1);
      }
      event.end();
    }
  }

  /** Forgets the previous level, whose variation may be much larger. */
  private void startNewLevel() {
    level.clear();
    residual.clear();
    usual = 0;
    mean = 0;
    squares = 0;
    resolution = Double.MAX_VALUE;
    for (double value : event.values()) {
      level.add(value);
      learnVariation(value);
    }
  }
}
