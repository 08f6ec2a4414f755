package ai.seedcore.serve.anomaly;

import ai.seedcore.serve.series.Season;
import java.util.Arrays;
import org.ejml.data.DMatrixRMaj;
import org.ejml.dense.row.CommonOps_DDRM;

/**
 * Forecasts the next value of a metric. The forecast is the sum of a seasonal effect and an
 * autoregression of the remainder on the last values and their local level. The coefficients are
 * fitted by ridge regression to the history at regular intervals.
 *
 * <p>There are two histories. Seasons are detected in the observed values. The autoregression uses
 * cleaned values, in which anomalies are damped, so that an anomaly does not become the norm.
 */
final class Expectation {

  /** The number of values that the model is fitted to. */
  private static final int HISTORY = 2_048;

  /** The number of last values in the autoregression. */
  private static final int LAGS = 4;

  /** The number of values that the local level is averaged over. */
  private static final int LEVEL_POINTS = 24;

  /** The number of values between two fits. */
  private static final int FIT_INTERVAL = 64;

  /** The number of values between two fits in the first {@link #FIT_INTERVAL} values. */
  private static final int EARLY_FIT_INTERVAL = 8;

  /** The number of values between two detections of the season in a long history. */
  private static final int SEASON_INTERVAL = 256;

  /** The number of values up to which every fit detects the season. */
  private static final int LONG_HISTORY = 1_024;

  /** Before the first fit, the forecast is the median of this many values. */
  private static final int MEDIAN_POINTS = 32;

  private static final int PARAMETERS = LAGS + 2;

  /** The ridge penalty, which keeps the coefficients small if the history is uninformative. */
  private static final double RIDGE = 0.02;

  private final double[] observed = new double[2 * HISTORY];
  private final double[] cleaned = new double[2 * HISTORY];
  private int size;
  private long time;
  private double center;
  private Season season = Season.NONE;
  private double[] weights = new double[0];

  /** Returns the number of values so far. */
  long time() {
    return time;
  }

  /** Returns the forecast of the next value; 0 without history. */
  double next() {
    if (weights.length == 0) {
      double[] last = Arrays.copyOfRange(cleaned, Math.max(0, size - MEDIAN_POINTS), size);
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
   * Adds the next value.
   *
   * @param value the observed value
   * @param clean the value with its anomaly damped
   */
  void add(double value, double clean) {
    if (size == observed.length) {
      System.arraycopy(observed, size - HISTORY, observed, 0, HISTORY);
      System.arraycopy(cleaned, size - HISTORY, cleaned, 0, HISTORY);
      size = HISTORY;
    }
    observed[size] = value;
    cleaned[size] = clean;
    size++;
    time++;
    int interval = time < FIT_INTERVAL ? EARLY_FIT_INTERVAL : FIT_INTERVAL;
    if (time % interval == 0 && time > EARLY_FIT_INTERVAL) {
      fit();
    }
  }

  /**
   * Shifts the whole history to a new level, so that the season and the coefficients stay valid.
   *
   * @param by the change of the level
   * @param ago the number of observed values that already have the new level
   */
  void shift(double by, int ago) {
    for (int i = 0; i < size; i++) {
      cleaned[i] += by;
    }
    for (int i = 0; i < size - ago; i++) {
      observed[i] += by;
    }
    center += by;
  }

  private void fit() {
    int from = Math.max(0, size - HISTORY);
    long start = time - (size - from);
    center = Arrays.stream(cleaned, from, size).average().orElse(0);
    if (time <= LONG_HISTORY || time % SEASON_INTERVAL == 0) {
      season = Season.find(Arrays.copyOfRange(observed, from, size), start, season);
    }
    DMatrixRMaj normal = new DMatrixRMaj(PARAMETERS, PARAMETERS);
    DMatrixRMaj right = new DMatrixRMaj(PARAMETERS, 1);
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
          normal.add(a, b, row[a] * row[b]);
        }
        right.add(a, 0, row[a] * value);
      }
    }
    int count = size - first;
    for (int a = 0; a < PARAMETERS - 1; a++) {
      normal.add(a, a, RIDGE * power / Math.sqrt(count));
    }
    // The constant term is near 0, because the center is subtracted.
    normal.add(PARAMETERS - 1, PARAMETERS - 1, RIDGE * count);
    DMatrixRMaj solution = new DMatrixRMaj(PARAMETERS, 1);
    // Only a series without any variation has no unique solution. All weights are 0 then.
    boolean unique = CommonOps_DDRM.solveSPD(normal, right, solution);
    weights = unique ? solution.getData() : new double[PARAMETERS];
  }

  /** Fills a row with the regressors of the value at an index. */
  private void row(double[] row, int index, long at) {
    for (int lag = 1; lag <= LAGS; lag++) {
      row[lag - 1] = remainder(index, at, lag);
    }
    double level = 0;
    int points = Math.min(LEVEL_POINTS, index);
    for (int lag = 1; lag <= points; lag++) {
      level += remainder(index, at, lag) / points;
    }
    row[LAGS] = level;
    row[LAGS + 1] = 1;
  }

  /** Returns the cleaned value at a lag without its season and the center. */
  private double remainder(int index, long at, int lag) {
    return cleaned[index - lag] - season.at(at - lag) - center;
  }
}
