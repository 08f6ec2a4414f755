package ai.seedcore.serve.scaling;

import ai.seedcore.serve.series.Season;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/**
 * One way to extend a series. All of them are known from the textbooks (Hyndman and Athanasopoulos,
 * "Forecasting: Principles and Practice", chapters 5, 7 and 8).
 */
interface Method {

  /**
   * The value so many steps after the value at an index, of which and of those before it alone it
   * is made.
   */
  double ahead(int index, int steps);

  /** Seconds a day. */
  double DAY = 86_400;

  /**
   * All ways that the history is long enough for.
   *
   * @param step seconds between two values
   */
  static List<Method> all(double[] values, double step) {
    List<Method> methods = new ArrayList<>();
    methods.add((index, steps) -> values[index]);
    methods.add(level(values, 0.1));
    methods.add(level(values, 0.3));
    methods.add(mean(values));
    methods.add(dampedTrend(values, 0.3, 0.1));
    methods.add(dampedTrend(values, 0.1, 0.05));
    methods.add(line(values, 32));
    methods.add(line(values, values.length));
    Set<Integer> periods = new TreeSet<>();
    Arrays.stream(Season.periods(values)).forEach(periods::add);
    int day = (int) Math.rint(DAY / step);
    if (day > 1 && values.length > 1.25 * day) {
      periods.add(day); // Mostly what people do: looked at before two of them have passed.
    }
    for (int period : periods) {
      methods.add(seasonal(values, period, 1, 1));
      methods.add(seasonal(values, period, 0.5, 1));
      methods.add(seasonal(values, period, 1, 6));
      methods.add(seasonal(values, period, 0.5, 6));
      methods.add(seasonal(values, period, 0, 1));
    }
    return methods;
  }

  /** Simple exponential smoothing. */
  private static Method level(double[] values, double weight) {
    double[] levels = values.clone();
    for (int i = 1; i < levels.length; i++) {
      levels[i] = levels[i - 1] + weight * (values[i] - levels[i - 1]);
    }
    return (index, steps) -> levels[index];
  }

  /** The mean of all. */
  private static Method mean(double[] values) {
    double[] means = values.clone();
    for (int i = 1; i < means.length; i++) {
      means[i] = means[i - 1] + (values[i] - means[i - 1]) / (i + 1);
    }
    return (index, steps) -> means[index];
  }

  /** Holt's method with a trend that fades (Gardner and McKenzie, 1985). */
  private static Method dampedTrend(double[] values, double levelWeight, double trendWeight) {
    double fading = 0.98;
    double[] levels = values.clone();
    double[] trends = new double[values.length];
    for (int i = 1; i < values.length; i++) {
      double expected = levels[i - 1] + fading * trends[i - 1];
      levels[i] = expected + levelWeight * (values[i] - expected);
      trends[i] =
          fading * trends[i - 1]
              + trendWeight * (levels[i] - levels[i - 1] - fading * trends[i - 1]);
    }
    return (index, steps) ->
        levels[index] + trends[index] * fading * (1 - Math.pow(fading, steps)) / (1 - fading);
  }

  /** The least-squares line through the last values. */
  private static Method line(double[] values, int window) {
    double[] sums = new double[values.length + 1];
    double[] products = new double[values.length + 1];
    for (int i = 0; i < values.length; i++) {
      sums[i + 1] = sums[i] + values[i];
      products[i + 1] = products[i] + i * values[i];
    }
    return (index, steps) -> {
      int n = Math.min(window, index + 1);
      if (n < 3) {
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
   * The mean of the same time in up to four cycles before, moved by how far the newest values lie
   * from what they were then.
   *
   * @param follow the share of that distance that is kept
   * @param window how many values are the newest
   */
  private static Method seasonal(double[] values, int period, double follow, int window) {
    return (index, steps) -> {
      int back = (steps + period - 1) / period * period;
      double sum = 0;
      double distance = 0;
      int cycles = 0;
      for (int at = index + steps - back; at >= 0 && cycles < 4; at -= period) {
        sum += values[at];
        distance += recent(values, index, window) - recent(values, Math.max(0, at - steps), window);
        cycles++;
      }
      return cycles == 0 ? values[index] : (sum + follow * distance) / cycles;
    };
  }

  /** The mean of the last values. */
  private static double recent(double[] values, int index, int window) {
    int n = Math.min(window, index + 1);
    double sum = 0;
    for (int i = index + 1 - n; i <= index; i++) {
      sum += values[i];
    }
    return sum / n;
  }
}
