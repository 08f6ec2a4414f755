package ai.seedcore.serve.scaling;

import ai.seedcore.serve.contract.Range;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/**
 * Extends each metric of a history. Every {@link Method} forecasts what the history itself went on
 * to be, at the same horizon, from many points of it; they are then mixed by how right they were,
 * and the interval is how wrong the mixture was (Bates and Granger, "The Combination of Forecasts",
 * 1969; split conformal intervals: Vovk et al., "Algorithmic Learning in a Random World", 2005).
 */
final class Forecaster {

  /** Starting points from which the history is forecast, at the most. */
  private static final int MOST_ORIGINS = 256;

  /** Fewer say too little: the interval is then wider than what they show. */
  private static final int FEWEST_ORIGINS = 10;

  /** How sharply the best methods are preferred: the weight is the mean squared error to -this. */
  private static final double SHARPNESS = 8;

  /** The share of the errors within the interval. */
  private static final double INSIDE = 0.8;

  /** Squared errors of values up to 1 that are as good as none. */
  private static final double NOTHING = 1e-18;

  private Forecaster() {}

  /** Each metric's value so many seconds after the history's end. */
  static Map<Metric, Forecast> forecast(History history, double horizon) {
    double[] times = history.times();
    Map<Metric, Forecast> forecasts = new EnumMap<>(Metric.class);
    history
        .values()
        .forEach(
            (metric, values) -> {
              // In units of the largest, as the squares of the largest numbers are infinite.
              double unit = Math.max(Double.MIN_NORMAL, Arrays.stream(values).max().orElse(0));
              double[] scaled = Arrays.stream(values).map(value -> value / unit).toArray();
              Range range = metric.range;
              forecasts.put(
                  metric,
                  forecast(times, scaled, horizon).times(unit).within(range.low(), range.high()));
            });
    return forecasts;
  }

  /**
   * Extends one series.
   *
   * @param times seconds, not decreasing
   * @param values one a time, no larger than 1
   * @param horizon seconds beyond the last time
   */
  static Forecast forecast(double[] times, double[] values, double horizon) {
    Grid grid = Grid.of(times, values);
    double[] series = grid.values();
    int last = series.length - 1;
    int steps = (int) Math.max(1, Math.rint(horizon / grid.step()));
    if (series.length < 3) {
      double value = series[last];
      // Two points at the most tell nothing of what comes: as wide as the value itself.
      return new Forecast(value, value - Math.abs(value), value + Math.abs(value));
    }
    // A horizon beyond what the history can show is told from the longest that it can.
    int shown = Math.min(steps, Math.max(1, series.length / 3));
    List<Method> methods = Method.all(series, grid.step());
    int[] origins = origins(series.length, shown);
    double[] weights = weights(methods, series, origins, shown);
    double[] errors =
        Arrays.stream(origins)
            .mapToDouble(i -> Math.abs(series[i + shown] - mixture(methods, weights, i, shown)))
            .sorted()
            .toArray();
    // Of n errors the one that the next stays within with the given probability.
    int rank = (int) Math.ceil(INSIDE * (errors.length + 1)) - 1;
    double width =
        errors[Math.min(rank, errors.length - 1)]
            * Math.sqrt((double) steps / shown)
            * Math.max(1, 2 - (double) errors.length / FEWEST_ORIGINS);
    double value = mixture(methods, weights, last, steps);
    return new Forecast(value, value - width, value + width);
  }

  /** Where forecasts of the history begin: evenly over its newer part. */
  private static int[] origins(int length, int steps) {
    int end = length - steps;
    int from = Math.min(end - 1, Math.max(1, length * 2 / 5));
    int count = Math.min(MOST_ORIGINS, end - from);
    int[] origins = new int[count];
    for (int i = 0; i < count; i++) {
      origins[i] = from + (int) ((long) i * (end - from) / count);
    }
    return origins;
  }

  private static double[] weights(List<Method> methods, double[] series, int[] origins, int steps) {
    double[] errors = new double[methods.size()];
    for (int m = 0; m < errors.length; m++) {
      for (int origin : origins) {
        double error = series[origin + steps] - methods.get(m).ahead(origin, steps);
        errors[m] += error * error / origins.length;
      }
    }
    double best = Arrays.stream(errors).min().orElse(0);
    double[] weights =
        Arrays.stream(errors)
            .map(error -> Math.pow((best + NOTHING) / (error + NOTHING), SHARPNESS))
            .toArray();
    double sum = Arrays.stream(weights).sum();
    return Arrays.stream(weights).map(weight -> weight / sum).toArray();
  }

  private static double mixture(List<Method> methods, double[] weights, int index, int steps) {
    double sum = 0;
    for (int m = 0; m < weights.length; m++) {
      sum += weights[m] * methods.get(m).ahead(index, steps);
    }
    return sum;
  }
}
