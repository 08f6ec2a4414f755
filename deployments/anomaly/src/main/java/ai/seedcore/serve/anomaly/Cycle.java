package ai.seedcore.serve.anomaly;

import ai.seedcore.serve.series.Season;
import java.util.Arrays;

/** Finds the period of a series, and expects what the series did at the same phase before. */
final class Cycle {

  /** The number of values that a period is searched in. */
  private static final int HISTORY = 2_048;

  /** The number of values between two searches. */
  private static final int SEARCH_INTERVAL = 512;

  private static final int EARLY_SEARCH_INTERVAL = 64;

  /** The number of earlier cycles, of which the median counts. */
  private static final int CYCLES = 5;

  private static final int MIN_CYCLES = 2;

  private final double[] history = new double[2 * HISTORY];
  private int size;
  private long time;

  /** The number of values without those in the place of missing ones. */
  private long present;

  private Season season = Season.NONE;

  /** Returns the period, in points; 0 if the series has none. */
  int period() {
    return season.period();
  }

  /** Returns whether there is an expectation of the next value. */
  boolean expects() {
    return expects(size);
  }

  /**
   * Returns the expectation of the next value: the median of the earlier cycles. Of an even number,
   * it is the one of the middle two that is closer to the value, so that an anomaly in one of two
   * cycles is not expected.
   *
   * @param value the next value
   */
  double expected(double value) {
    return expected(size, value);
  }

  /**
   * Adds a value.
   *
   * @return whether the period has changed
   */
  boolean add(double value) {
    append(value);
    int interval = ++present < HISTORY / 2 ? EARLY_SEARCH_INTERVAL : SEARCH_INTERVAL;
    if (present % interval != 0) {
      return false;
    }
    int from = Math.max(0, size - HISTORY);
    Season found = Season.find(Arrays.copyOfRange(history, from, size), time - size + from, season);
    boolean changed = found.period() != season.period();
    season = found;
    return changed;
  }

  private void append(double value) {
    if (size == history.length) {
      System.arraycopy(history, HISTORY, history, 0, HISTORY);
      size = HISTORY;
    }
    history[size++] = value;
    time++;
  }

  /** Adds values in the place of missing ones. */
  void skip(int values) {
    for (int i = 0; i < values && size > 0; i++) {
      double last = history[size - 1];
      append(expects() ? expected(last) : last);
    }
  }

  /**
   * Shifts the history to a new level.
   *
   * @param by the change of the level
   * @param ago the number of values that already have the new level
   */
  void shift(double by, int ago) {
    for (int i = 0; i < size - ago; i++) {
      history[i] += by;
    }
  }

  /** Adds the distances of the last values from their expectations to a window. */
  void residuals(SortedWindow window, int values) {
    for (int i = Math.max(0, size - values); i < size; i++) {
      if (expects(i)) {
        window.add(history[i] - expected(i, history[i]));
      }
    }
  }

  private boolean expects(int index) {
    return season.period() > 0 && index >= MIN_CYCLES * season.period();
  }

  private double expected(int index, double value) {
    double[] earlier = new double[Math.min(CYCLES, index / season.period())];
    for (int i = 0; i < earlier.length; i++) {
      earlier[i] = history[index - (i + 1) * season.period()];
    }
    Arrays.sort(earlier);
    double low = earlier[(earlier.length - 1) / 2];
    double high = earlier[earlier.length / 2];
    return Math.abs(value - low) <= Math.abs(value - high) ? low : high;
  }
}
