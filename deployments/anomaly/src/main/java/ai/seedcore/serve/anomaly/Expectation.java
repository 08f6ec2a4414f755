package ai.seedcore.serve.anomaly;

import ai.seedcore.serve.series.Season;
import java.util.Arrays;

/**
 * What the next value of a metric is expected to be: its season, and an autoregression on what the
 * season does not explain (the last values and their local level), fitted by ridge regression to
 * the history every now and then.
 *
 * <p>The history exists twice: as it was, in which seasons are looked for, and cleaned of what was
 * strange, from which is forecast, so that an anomaly does not become the norm.
 */
final class Expectation {

  private static final int HISTORY = 2_048;
  private static final int LAGS = 4;

  /** Points of the local level. */
  private static final int LEVEL = 24;

  /** Points between two fits, while they are few, and between two looks for a season when many. */
  private static final int FIT = 64;

  private static final int FIT_EARLY = 8;
  private static final int FIT_SEASON = 256;
  private static final int LONG = 1_024;

  /** Before the first fit the median of so many is expected. */
  private static final int MEDIAN = 32;

  private static final int PARAMETERS = LAGS + 2;

  /** Keeps the regression's weights small where the history says little. */
  private static final double RIDGE = 0.02;

  private final double[] seen = new double[2 * HISTORY];
  private final double[] cleaned = new double[2 * HISTORY];
  private int size;
  private long time;
  private double center;
  private Season season = Season.NONE;
  private double[] weights = new double[0];

  /** How many values came. */
  long time() {
    return time;
  }

  /** The next value as it is expected; with no history at all, 0. */
  double next() {
    if (weights.length == 0) {
      double[] last = Arrays.copyOfRange(cleaned, Math.max(0, size - MEDIAN), size);
      Arrays.sort(last);
      return last.length == 0 ? 0 : last[last.length / 2];
    }
    double[] row = new double[PARAMETERS];
    row(row, size, time);
    double sum = center + season.at(time);
    for (int i = 0; i < PARAMETERS; i++) {
      sum += weights[i] * row[i];
    }
    return sum;
  }

  /**
   * Takes the next value in.
   *
   * @param value as it was
   * @param clean what it would have been without what is strange in it
   */
  void add(double value, double clean) {
    if (size == seen.length) {
      System.arraycopy(seen, size - HISTORY, seen, 0, HISTORY);
      System.arraycopy(cleaned, size - HISTORY, cleaned, 0, HISTORY);
      size = HISTORY;
    }
    seen[size] = value;
    cleaned[size] = clean;
    size++;
    time++;
    if (time % (time < FIT ? FIT_EARLY : FIT) == 0 && time > FIT_EARLY) {
      fit();
    }
  }

  /**
   * Accepts a new level: the whole history moves there, seasons and all.
   *
   * @param by how far the level moved
   * @param ago how many values ago
   */
  void shift(double by, int ago) {
    for (int i = 0; i < size; i++) {
      cleaned[i] += by;
    }
    for (int i = 0; i < size - ago; i++) {
      seen[i] += by;
    }
    center += by;
  }

  private void fit() {
    int from = Math.max(0, size - HISTORY);
    long start = time - (size - from);
    center = Arrays.stream(cleaned, from, size).average().orElse(0);
    if (time <= LONG || time % FIT_SEASON == 0) {
      season = Season.find(Arrays.copyOfRange(seen, from, size), start, season);
    }
    double[][] normal = new double[PARAMETERS][PARAMETERS + 1];
    double[] row = new double[PARAMETERS];
    double power = 0;
    int first = Math.max(from, LAGS);
    for (int i = first; i < size; i++) {
      long at = start + (i - from);
      row(row, i, at);
      double value = cleaned[i] - season.at(at) - center;
      power += value * value;
      for (int a = 0; a < PARAMETERS; a++) {
        for (int b = 0; b < PARAMETERS; b++) {
          normal[a][b] += row[a] * row[b];
        }
        normal[a][PARAMETERS] += row[a] * value;
      }
    }
    int count = size - first;
    for (int a = 0; a < PARAMETERS - 1; a++) {
      normal[a][a] += RIDGE * power / Math.sqrt(count);
    }
    // The constant is near 0, as the center is taken out.
    normal[PARAMETERS - 1][PARAMETERS - 1] += RIDGE * count;
    weights = solve(normal);
  }

  /** What the value at an index is regressed on. */
  private void row(double[] row, int index, long at) {
    for (int lag = 1; lag <= LAGS; lag++) {
      row[lag - 1] = rest(index, at, lag);
    }
    double level = 0;
    int points = Math.min(LEVEL, index);
    for (int lag = 1; lag <= points; lag++) {
      level += rest(index, at, lag) / points;
    }
    row[LAGS] = level;
    row[LAGS + 1] = 1;
  }

  private double rest(int index, long at, int lag) {
    return cleaned[index - lag] - season.at(at - lag) - center;
  }

  /** Solves the equations, one a row, by elimination with pivots; what is not determined is 0. */
  private static double[] solve(double[][] rows) {
    int n = rows.length;
    for (int i = 0; i < n; i++) {
      int pivot = i;
      for (int r = i + 1; r < n; r++) {
        pivot = Math.abs(rows[r][i]) > Math.abs(rows[pivot][i]) ? r : pivot;
      }
      double[] swap = rows[i];
      rows[i] = rows[pivot];
      rows[pivot] = swap;
      for (int r = 0; r < n && rows[i][i] != 0; r++) {
        double factor = r == i ? 0 : rows[r][i] / rows[i][i];
        for (int c = i; factor != 0 && c <= n; c++) {
          rows[r][c] -= factor * rows[i][c];
        }
      }
    }
    double[] solution = new double[n];
    for (int i = 0; i < n; i++) {
      solution[i] = rows[i][i] == 0 ? 0 : rows[i][n] / rows[i][i];
    }
    return solution;
  }
}
