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
  private Season season = Season.NONE;

  /** Returns the period, in points; 0 if the series has none. */
  int period() {
    return season.period();
  }

  /** Returns whether there is an expectation of the next value. */
  boolean expects() {
    return expects(size);
  }

  /** Returns the expectation of the next value. */
  double expected() {
    return expected(size);
  }

  /**
   * Adds a value.
   *
   * @return whether the period has changed
   */
  boolean add(double value) {
    if (size == history.length) {
      System.arraycopy(history, HISTORY, history, 0, HISTORY);
      size = HISTORY;
    }
    history[size++] = value;
    time++;
    int interval = time < HISTORY / 2 ? EARLY_SEARCH_INTERVAL : SEARCH_INTERVAL;
    if (time % interval != 0) {
      return false;
    }
    int from = Math.max(0, size - HISTORY);
    Season found = Season.find(Arrays.copyOfRange(history, from, size), time - size + from, season);
    boolean changed = found.period() != season.period();
    season = found;
    return changed;
  }

  /** Adds values in the place of missing ones. */
  void skip(int values) {
    for (int i = 0; i < values && size > 0; i++) {
      add(expects() ? expected() : history[size - 1]);
    }
  }

  /** Adds the distances of the last values from their expectations to a window. */
  void residuals(SortedWindow window, int values) {
    for (int i = Math.max(0, size - values); i < size; i++) {
      if (expects(i)) {
        window.add(history[i] - expected(i));
      }
    }
  }

  private boolean expects(int index) {
    return season.period() > 0 && index >= MIN_CYCLES * season.period();
  }

  private double expected(int index) {
    double[] earlier = new double[Math.min(CYCLES, index / season.period())];
    for (int i = 0; i < earlier.length; i++) {
      earlier[i] = history[index - (i + 1) * season.period()];
    }
    Arrays.sort(earlier);
    return 0.5 * earlier[earlier.length / 2] + 0.5 * earlier[(earlier.length - 1) / 2];
  }
}
