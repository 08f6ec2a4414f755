package ai.seedcore.serve.anomaly;

import java.util.Arrays;

/** How rare the distance of each value of a metric from its expectation is. */
final class Residual {

  /** From here on a value does not enter the history as it is, and may be a new level. */
  private static final double STRANGE = 3.5;

  /** How strange the cleaned history may be. */
  private static final double CLEAN = 1;

  /** So many strange values to one side, one after the other, are a new level. */
  private static final int NEW_LEVEL = 10;

  /** A metric at rest may move by this share of its value, and be at rest. */
  private static final double REST = 0.005;

  /** Steps in a hundred values from which on their size tells the metric's grain. */
  private static final int OFTEN = 100;

  /** Values from here on add to the rarity of those after them, by what they are beyond it. */
  private static final double RARE = 2;

  private static final double MOST_PERSISTENCE = 1.5;

  private final Expectation expectation = new Expectation();
  private final TwoSidedTail tail = new TwoSidedTail();
  private final double[] run = new double[NEW_LEVEL];
  private int runLength;
  private int runSide;
  private double persistence;
  private int rareSide;
  private double last;
  private double grain = Double.MAX_VALUE;
  private long steps;
  private double expected;
  private double learned;

  /** What the last value was expected to be. */
  double expected() {
    return expected;
  }

  /** The last value's distance from it, as far as may be learned from it. */
  double learned() {
    return learned;
  }

  /**
   * Judges the next value.
   *
   * @return the decades by which it is rare, negative where it is too low
   */
  double next(double value) {
    expected = expectation.time() == 0 ? value : expectation.next();
    double distance = value - expected;
    int side = distance < 0 ? -1 : 1;
    double least = least(value);
    double rarity = Math.abs(tail.rarity(distance, least));

    learned = distance;
    double clean = distance;
    if (rarity > STRANGE) {
      learned = tail.bounded(distance, Tail.LEARNED, least);
      clean = tail.bounded(distance, CLEAN + 1e-9, least);
    }
    tail.add(learned);
    expectation.add(value, expected + clean);
    remember(rarity > STRANGE, side, distance - clean);
    notice(value);
    return side * (rarity + persistence(rarity, side));
  }

  /** What the values just before add: several rare ones to one side are rarer than each. */
  private double persistence(double rarity, int side) {
    if (rarity < RARE || side != rareSide) {
      persistence = 0;
      rareSide = side;
    }
    double added = persistence;
    persistence = Math.min(MOST_PERSISTENCE, persistence + Math.max(0, rarity - RARE));
    return added;
  }

  /** Values that are missing: they are taken to have been as expected. */
  void skip(int values) {
    for (int i = 0; i < values; i++) {
      double next = expectation.next();
      expectation.add(next, next);
    }
  }

  private void remember(boolean strange, int side, double excess) {
    if (!strange || side != runSide) {
      runLength = 0;
      runSide = side;
    }
    if (strange) {
      run[runLength++] = excess;
      if (runLength == NEW_LEVEL) {
        double[] sorted = run.clone();
        Arrays.sort(sorted);
        expectation.shift(sorted[NEW_LEVEL / 2], NEW_LEVEL);
        runLength = 0;
      }
    }
  }

  /** The least scale: half the grain of a metric in steps, some of its value for one at rest. */
  private double least(double value) {
    double size = Math.max(Math.abs(expected), Math.abs(value));
    double smallest = Math.max(1e-9 * size, Double.MIN_NORMAL);
    boolean moves = steps > 0 && steps * OFTEN >= expectation.time();
    return Math.max(smallest, moves ? 0.5 * grain : REST * Math.abs(expected));
  }

  private void notice(double value) {
    if (expectation.time() > 1 && value != last) {
      steps++;
      grain = Math.min(grain, Math.abs(value - last));
    }
    last = value;
  }
}
