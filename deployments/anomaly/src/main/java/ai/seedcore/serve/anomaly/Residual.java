package ai.seedcore.serve.anomaly;

import java.util.Arrays;

/** Estimates how rare the forecast error of each value of a metric is. */
final class Residual {

  /** The rarity above which a value is an outlier, which is damped in the history. */
  private static final double OUTLIER_RARITY = 3.5;

  /** The rarity that a damped outlier has in the cleaned history. */
  private static final double DAMPED_RARITY = 1;

  /** Keeps {@link #DAMPED_RARITY} inside the range of {@link Tail#value}, which is above 1. */
  private static final double EPSILON = 1e-9;

  /** The number of consecutive outliers on one side that make up a new level. */
  private static final int NEW_LEVEL_RUN = 10;

  /** The deviation of a constant metric, as a share of its value. */
  private static final double CONSTANT_DEVIATION = 0.005;

  /** The minimum deviation of any metric, as a share of its value; it covers rounding errors. */
  private static final double MIN_DEVIATION = 1e-9;

  /** A metric is not constant if at least one in this many values differs from the previous one. */
  private static final int MAX_VALUES_PER_CHANGE = 100;

  /** The rarity above which a value adds to the rarity of the following values. */
  private static final double RARE = 2;

  private static final double MAX_PERSISTENCE = 1.5;

  private final Expectation expectation = new Expectation();
  private final TwoSidedTail tail = new TwoSidedTail();

  /** The excesses of the current run of outliers on one side. */
  private final double[] run = new double[NEW_LEVEL_RUN];

  private int runLength;
  private int runSide;

  /** What the previous rare values on {@link #rareSide} add to the rarity of the next value. */
  private double persistence;

  private int rareSide;
  private double last;

  /** The smallest difference between two consecutive values: the resolution of the metric. */
  private double resolution = Double.MAX_VALUE;

  /** The number of values that differ from the previous one. */
  private long changes;

  private double expected;
  private double learned;

  /** Returns the forecast of the last value. */
  double expected() {
    return expected;
  }

  /** Returns the forecast error of the last value, limited for use in statistics. */
  double learned() {
    return learned;
  }

  /**
   * Scores the next value.
   *
   * @return the rarity of its forecast error, in decades; negative if the value is too low
   */
  double next(double value) {
    expected = expectation.time() == 0 ? value : expectation.next();
    double distance = value - expected;
    int side = distance < 0 ? -1 : 1;
    double minScale = minScale(value);
    double rarity = Math.abs(tail.rarity(distance, minScale));
    boolean outlier = rarity > OUTLIER_RARITY;

    learned = distance;
    double clean = distance;
    if (outlier) {
      learned = tail.bounded(distance, Tail.MAX_LEARNED_RARITY, minScale);
      clean = tail.bounded(distance, DAMPED_RARITY + EPSILON, minScale);
    }
    tail.add(learned);
    expectation.add(value, expected + clean);
    updateRun(outlier, side, distance - clean);
    updateResolution(value);
    return side * (rarity + persistence(rarity, side));
  }

  /** Returns the contribution of preceding rare values: several in a row are rarer than one. */
  private double persistence(double rarity, int side) {
    if (rarity < RARE || side != rareSide) {
      persistence = 0;
      rareSide = side;
    }
    double added = persistence;
    persistence = Math.min(MAX_PERSISTENCE, persistence + Math.max(0, rarity - RARE));
    return added;
  }

  /** Replaces missing values by their forecasts. */
  void skip(int values) {
    for (int i = 0; i < values; i++) {
      double next = expectation.next();
      expectation.add(next, next);
    }
  }

  /** Shifts the expectation to a new level after a run of outliers on one side. */
  private void updateRun(boolean outlier, int side, double excess) {
    if (!outlier || side != runSide) {
      runLength = 0;
      runSide = side;
    }
    if (outlier) {
      run[runLength++] = excess;
      if (runLength == NEW_LEVEL_RUN) {
        double[] sorted = run.clone();
        Arrays.sort(sorted);
        expectation.shift(sorted[NEW_LEVEL_RUN / 2], NEW_LEVEL_RUN);
        runLength = 0;
      }
    }
  }

  /**
   * Returns the minimum scale of the errors: half the resolution of a metric that changes, or a
   * share of the value of a constant metric.
   */
  private double minScale(double value) {
    double size = Math.max(Math.abs(expected), Math.abs(value));
    double smallest = Math.max(MIN_DEVIATION * size, Double.MIN_NORMAL);
    boolean moves = changes > 0 && changes * MAX_VALUES_PER_CHANGE >= expectation.time();
    return Math.max(smallest, moves ? 0.5 * resolution : CONSTANT_DEVIATION * Math.abs(expected));
  }

  private void updateResolution(double value) {
    if (expectation.time() > 1 && value != last) {
      changes++;
      resolution = Math.min(resolution, Math.abs(value - last));
    }
    last = value;
  }
}
