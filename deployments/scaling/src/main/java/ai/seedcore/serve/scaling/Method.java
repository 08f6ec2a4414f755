package ai.seedcore.serve.scaling;

import ai.seedcore.serve.series.Robust;
import ai.seedcore.serve.series.Season;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/**
 * A forecasting method. Hyndman and Athanasopoulos, "Forecasting: Principles and Practice",
 * chapters 5, 7 and 8, describe all of them.
 */
interface Method {

  /** Forecasts the value {@code steps} after an index, from the values up to that index only. */
  double ahead(int index, int steps);

  /** The number of seconds per day. */
  double DAY = 86_400;

  /** The number of seconds per week. */
  double WEEK = 7 * DAY;

  /** The number of days or weeks in a history from which on a daily or weekly season is tried. */
  double MIN_DAYS = 1.25;

  /** The number of last values for the short linear regression. */
  int LINE_WINDOW = 32;

  /** The minimum number of values for a linear regression. */
  int MIN_LINE_VALUES = 3;

  /** The numbers of last values for the medians. */
  List<Integer> MEDIAN_WINDOWS = List.of(5, 24, 96);

  /** The damping of a trend per step. */
  double DAMPING = 0.98;

  /** The maximum number of cycles that a seasonal forecast averages. */
  int MAX_CYCLES = 4;

  /** The number of last values for the smoothed variant of the seasonal methods. */
  int SEASONAL_WINDOW = 6;

  /**
   * Returns all methods that the history is long enough for.
   *
   * @param values the history
   * @param step seconds between two values
   */
  static List<Method> all(double[] values, double step) {
    List<Method> methods = new ArrayList<>();
    methods.add((index, steps) -> values[index]);
    methods.add(level(values, 0.1));
    methods.add(level(values, 0.3));
    methods.add(mean(values));
    for (int window : MEDIAN_WINDOWS) {
      methods.add(median(values, window));
    }
    methods.add(dampedTrend(values, 0.3, 0.1));
    methods.add(dampedTrend(values, 0.1, 0.05));
    methods.add(line(values, LINE_WINDOW));
    methods.add(line(values, values.length));
    Set<Integer> periods = new TreeSet<>();
    Arrays.stream(Season.periods(values)).forEach(periods::add);
    int day = (int) Math.rint(DAY / step);
    if (day > 1 && values.length > MIN_DAYS * day) {
      // A daily season is so common that it is tried before two days have passed.
      periods.add(day);
    }
    int week = (int) Math.rint(WEEK / step);
    if (week > 1 && values.length > MIN_DAYS * week) {
      periods.add(week);
    }
    for (int period : periods) {
      methods.add(seasonal(values, period, 1, 1));
      methods.add(seasonal(values, period, 0.5, 1));
      methods.add(seasonal(values, period, 1, SEASONAL_WINDOW));
      methods.add(seasonal(values, period, 0.5, SEASONAL_WINDOW));
      methods.add(seasonal(values, period, 0, 1));
      methods.add(seasonalMedian(values, period));
    }
    return methods;
  }

  /** Forecasts by simple exponential smoothing. */
  private static Method level(double[] values, double weight) {
    double[] levels = values.clone();
    for (int i = 1; i < levels.length; i++) {
      levels[i] = levels[i - 1] + weight * (values[i] - levels[i - 1]);
    }
    return (index, steps) -> levels[index];
  }

  /** Forecasts the mean of all values. */
  private static Method mean(double[] values) {
    double[] means = values.clone();
    for (int i = 1; i < means.length; i++) {
      means[i] = means[i - 1] + (values[i] - means[i - 1]) / (i + 1);
    }
    return (index, steps) -> means[index];
  }

  /** Forecasts the median of the last values, which a spike does not change. */
  private static Method median(double[] values, int window) {
    return (index, steps) ->
        Robust.median(Arrays.copyOfRange(values, Math.max(0, index + 1 - window), index + 1));
  }

  /** Forecasts by Holt's method with a damped trend (Gardner and McKenzie, 1985). */
  private static Method dampedTrend(double[] values, double levelWeight, double trendWeight) {
    double[] levels = values.clone();
    double[] trends = new double[values.length];
    for (int i = 1; i < values.length; i++) {
      double expected = levels[i - 1] + DAMPING * trends[i - 1];
      levels[i] = expected + levelWeight * (values[i] - expected);
      trends[i] =
          DAMPING * trends[i - 1]
              + trendWeight * (levels[i] - levels[i - 1] - DAMPING * trends[i - 1]);
    }
    return (index, steps) ->
        levels[index] + trends[index] * DAMPING * (1 - Math.pow(DAMPING, steps)) / (1 - DAMPING);
  }

  /** Forecasts by the least-squares line through the last values. */
  private static Method line(double[] values, int window) {
    double[] sums = new double[values.length + 1];
    double[] products = new double[values.length + 1];
    for (int i = 0; i < values.length; i++) {
      sums[i + 1] = sums[i] + values[i];
      products[i + 1] = products[i] + i * values[i];
    }
    return (index, steps) -> {
      int n = Math.min(window, index + 1);
      if (n < MIN_LINE_VALUES) {
        return values[index];
      }
      int from = index + 1 - n;
      double middle = from + (n - 1) / 2.0;
      double sum = sums[index + 1] - sums[from];
      double product = products[index + 1] - products[from] - middle * sum;
      double slope = product / (n * ((double) n * n - 1) / 12);
      return sum / n + slope * (index + steps - middle);
    };
  }

  /**
   * Forecasts the mean of the same phase in earlier cycles, shifted by the change of the level
   * since then.
   *
   * @param period the period, in values
   * @param follow the share of the change that is applied, 0..1
   * @param window the number of values that a level is averaged over
   */
  private static Method seasonal(double[] values, int period, double follow, int window) {
    return (index, steps) -> {
      int back = (steps + period - 1) / period * period;
      double sum = 0;
      double distance = 0;
      int cycles = 0;
      for (int at = index + steps - back; at >= 0 && cycles < MAX_CYCLES; at -= period) {
        sum += values[at];
        distance += recent(values, index, window) - recent(values, Math.max(0, at - steps), window);
        cycles++;
      }
      return cycles == 0 ? values[index] : (sum + follow * distance) / cycles;
    };
  }

  /** Forecasts the median of the same phase in earlier cycles. */
  private static Method seasonalMedian(double[] values, int period) {
    return (index, steps) -> {
      int back = (steps + period - 1) / period * period;
      int first = index + steps - back;
      int cycles = Math.min(MAX_CYCLES + 1, first < 0 ? 0 : first / period + 1);
      double[] phase = new double[cycles];
      for (int i = 0; i < cycles; i++) {
        phase[i] = values[first - i * period];
      }
      return cycles == 0 ? values[index] : Robust.median(phase);
    };
  }

  /** Returns the mean of the last values up to an index. */
  private static double recent(double[] values, int index, int window) {
    int n = Math.min(window, index + 1);
    double sum = 0;
    for (int i = index + 1 - n; i <= index; i++) {
      sum += values[i];
    }
    return sum / n;
  }
}
