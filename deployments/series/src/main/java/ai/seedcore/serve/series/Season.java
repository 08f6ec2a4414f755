package ai.seedcore.serve.series;

import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * The seasonality of a time series: a period and the seasonal effect of each phase.
 *
 * <p>The candidates for the period are the peaks of the autocorrelation. A candidate is accepted
 * only if a seasonal forecast of the newer half of the history has a clearly smaller error than the
 * best non-seasonal forecast. Of several candidates with similar errors, the shortest wins.
 *
 * @param period the period, in points; 0 if the series has no seasonality
 * @param profile the deviation from the level, one entry per phase
 */
@SuppressWarnings("ArrayRecordComponent") // Never compared.
public record Season(int period, double[] profile) {

  /** No seasonality. */
  public static final Season NONE = new Season(0, new double[0]);

  private static final int MIN_HISTORY = 48;
  private static final int MIN_PERIOD = 4;
  private static final int MAX_CANDIDATES = 4;

  /** The maximum number of cycles that the profile is estimated from. */
  private static final int MAX_PROFILE_CYCLES = 8;

  /** The number of cycles from which on the extremes of each phase are trimmed. */
  private static final int MIN_TRIMMED_CYCLES = 3;

  /** The share of a phase's values that is trimmed at each end: one in this many. */
  private static final int TRIM_DIVISOR = 4;

  /** The maximum number of cycles that a seasonal forecast averages. */
  private static final int MAX_FORECAST_CYCLES = 4;

  /** The minimum number of cycles in the history. */
  private static final double MIN_CYCLES = 2.2;

  /** The minimum autocorrelation of a candidate. */
  private static final double MIN_CORRELATION = 0.15;

  /** The maximum error of a seasonal forecast, as a share of the error of a non-seasonal one. */
  private static final double MAX_ERROR_RATIO = 0.9;

  /** Errors that differ by at most this factor count as equal. */
  private static final double SIMILAR_ERROR = 1.1;

  /** The number of points that the level is averaged over when candidates are compared. */
  private static final int LEVEL_POINTS = 8;

  /** The maximum absolute value of a normalized point, in deviations. */
  private static final double CLIP = 8;

  /**
   * If the median absolute deviation is smaller than this share of the mean absolute deviation, the
   * series is mostly constant, and the mean is used.
   */
  private static final double MIN_MAD_RATIO = 0.1;

  /** Returns the seasonal effect at a time, which counts points. */
  public double at(long time) {
    return period == 0 ? 0 : profile[(int) (time % period)];
  }

  /**
   * Returns the candidate periods of a history in ascending order, judged by its autocorrelation
   * alone. The caller must check whether they improve a forecast.
   */
  public static int[] periods(double[] values) {
    return values.length < MIN_HISTORY
        ? new int[0]
        : peaks(normalized(values), (int) (values.length / MIN_CYCLES)).sorted().toArray();
  }

  /**
   * Finds the seasonality of a history.
   *
   * @param values the history
   * @param start the time of its first value
   * @param previous the seasonality found before; it is kept unless another is clearly better
   */
  public static Season find(double[] values, long start, Season previous) {
    if (values.length < MIN_HISTORY) {
      return NONE;
    }
    double[] normalized = normalized(values);
    int maxPeriod = (int) (values.length / MIN_CYCLES);
    int[] candidates = candidates(normalized, maxPeriod);
    int best = 0;
    double maxError = MAX_ERROR_RATIO * nonSeasonalError(normalized);
    if (previous.period() > 0 && previous.period() <= maxPeriod) {
      double error = seasonalError(normalized, previous.period());
      if (error < maxError) {
        best = previous.period();
        maxError = error / SIMILAR_ERROR;
      }
    }
    double[] errors = new double[candidates.length];
    for (int i = 0; i < candidates.length; i++) {
      errors[i] = seasonalError(normalized, candidates[i]);
    }
    double minError = Arrays.stream(errors).min().orElse(Double.MAX_VALUE);
    if (minError < maxError) {
      // The candidates are in ascending order, so the first similar one is the shortest.
      int i = 0;
      while (errors[i] > Math.min(maxError, SIMILAR_ERROR * minError)) {
        i++;
      }
      best = candidates[i];
    }
    return best == 0 ? NONE : new Season(best, profile(values, start, best));
  }

  /**
   * Returns the values without their linear trend, centered on 0, in units of their deviation, and
   * clipped to {@link #CLIP} so that outliers do not dominate.
   */
  private static double[] normalized(double[] values) {
    int n = values.length;
    double[] rest = new double[n];
    double mean = Arrays.stream(values).average().orElse(0);
    double middle = (n - 1) / 2.0;
    double slope = 0;
    double squares = 0;
    for (int i = 0; i < n; i++) {
      slope += (i - middle) * (values[i] - mean);
      squares += (i - middle) * (i - middle);
    }
    for (int i = 0; i < n; i++) {
      rest[i] = values[i] - mean - slope / squares * (i - middle);
    }
    double median = Robust.median(rest);
    double[] distances = Arrays.stream(rest).map(value -> Math.abs(value - median)).toArray();
    double average = Arrays.stream(distances).average().orElse(0);
    double deviation = Robust.deviation(distances);
    // In a mostly constant series, the median is so small that every change would be clipped.
    double unit = deviation < MIN_MAD_RATIO * average ? average : deviation;
    if (unit == 0) {
      return new double[n];
    }
    for (int i = 0; i < n; i++) {
      rest[i] = Math.max(-CLIP, Math.min(CLIP, (rest[i] - median) / unit));
    }
    double center = Arrays.stream(rest).average().orElse(0);
    return Arrays.stream(rest).map(value -> value - center).toArray();
  }

  /** Returns the lags next to and at the highest peaks of the autocorrelation, ascending. */
  private static int[] candidates(double[] values, int maxPeriod) {
    return peaks(values, maxPeriod)
        .flatMap(lag -> IntStream.rangeClosed(lag - 1, lag + 1))
        .filter(lag -> lag >= MIN_PERIOD && lag <= maxPeriod)
        .distinct()
        .sorted()
        .toArray();
  }

  /** Returns the lags of the highest peaks of the autocorrelation, in no order. */
  private static IntStream peaks(double[] values, int maxPeriod) {
    int n = values.length;
    double power = Arrays.stream(values).map(value -> value * value).sum();
    double[] correlation = new double[maxPeriod + 2];
    for (int lag = 1; power > 0 && lag < correlation.length; lag++) {
      double sum = 0;
      for (int i = lag; i < n; i++) {
        sum += values[i] * values[i - lag];
      }
      correlation[lag] = sum / power * n / (n - lag);
    }
    // Until it first falls to 0, the correlation is that of neighbouring points, not of a season.
    int first = 1;
    while (first < maxPeriod && correlation[first] > 0) {
      first++;
    }
    int[] peaks = new int[MAX_CANDIDATES];
    for (int lag = Math.max(MIN_PERIOD, first); lag <= maxPeriod; lag++) {
      if (correlation[lag] > MIN_CORRELATION
          && correlation[lag] >= correlation[lag - 1]
          && correlation[lag] >= correlation[lag + 1]) {
        int lowest = 0;
        for (int i = 1; i < peaks.length; i++) {
          lowest = correlation[peaks[i]] < correlation[peaks[lowest]] ? i : lowest;
        }
        if (correlation[lag] > correlation[peaks[lowest]]) {
          peaks[lowest] = lag;
        }
      }
    }
    return Arrays.stream(peaks).filter(lag -> lag > 0);
  }

  /**
   * Returns the mean squared one-step error of the best of three non-seasonal forecasts: last
   * value, level, and linear extrapolation.
   */
  private static double nonSeasonalError(double[] values) {
    double last = 0;
    double level = 0;
    double line = 0;
    int from = from(values, 0);
    for (int i = from; i < values.length; i++) {
      last += square(values[i] - values[i - 1]);
      level += square(values[i] - level(values, i));
      line += square(values[i] - 2 * values[i - 1] + values[i - 2]);
    }
    return Math.min(last, Math.min(level, line)) / (values.length - from);
  }

  /** Returns the mean squared one-step error of a forecast by the same phase of earlier cycles. */
  private static double seasonalError(double[] values, int period) {
    double error = 0;
    int count = 0;
    for (int i = from(values, period); i < values.length; i++) {
      double phase = 0;
      int cycles = 0;
      for (int j = i - period; j >= LEVEL_POINTS && cycles < MAX_FORECAST_CYCLES; j -= period) {
        phase += values[j] - level(values, j);
        cycles++;
      }
      if (cycles > 0) {
        error += square(values[i] - level(values, i) - phase / cycles);
        count++;
      }
    }
    return count == 0 ? Double.MAX_VALUE : error / count;
  }

  /** Returns the first index that forecasts are compared at. */
  private static int from(double[] values, int period) {
    return Math.max((int) (values.length / MIN_CYCLES), period + LEVEL_POINTS);
  }

  /** Returns the mean of the {@link #LEVEL_POINTS} values before an index. */
  private static double level(double[] values, int index) {
    double sum = 0;
    for (int i = index - LEVEL_POINTS; i < index; i++) {
      sum += values[i];
    }
    return sum / LEVEL_POINTS;
  }

  private static double square(double value) {
    return value * value;
  }

  /** Returns the trimmed mean of each phase in the newest cycles, relative to the cycle's mean. */
  private static double[] profile(double[] values, long start, int period) {
    int cycles = Math.min(MAX_PROFILE_CYCLES, values.length / period);
    double[][] phases = new double[period][cycles];
    for (int cycle = 0; cycle < cycles; cycle++) {
      int from = values.length - (cycle + 1) * period;
      double mean = Arrays.stream(values, from, from + period).average().orElse(0);
      for (int i = from; i < from + period; i++) {
        phases[(int) ((start + i) % period)][cycle] = values[i] - mean;
      }
    }
    int trimmed = cycles < MIN_TRIMMED_CYCLES ? 0 : Math.max(1, cycles / TRIM_DIVISOR);
    double[] profile = new double[period];
    for (int phase = 0; phase < period; phase++) {
      Arrays.sort(phases[phase]);
      profile[phase] = Arrays.stream(phases[phase], trimmed, cycles - trimmed).average().orElse(0);
    }
    return profile;
  }
}
