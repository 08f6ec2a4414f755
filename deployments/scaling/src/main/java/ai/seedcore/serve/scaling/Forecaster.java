package ai.seedcore.serve.scaling;

import ai.seedcore.serve.contract.Points;
import ai.seedcore.serve.contract.Range;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * Forecasts each metric of a history. Every {@link Method} is backtested: it forecasts later values
 * of the history from many origins, at the same horizon. The forecast is the mean of all methods,
 * weighted by their backtest errors (Bates and Granger, "The Combination of Forecasts", 1969). The
 * prediction interval follows from the backtest errors of the combination (split conformal
 * prediction: Vovk et al., "Algorithmic Learning in a Random World", 2005).
 */
final class Forecaster {

  /** The maximum number of origins of the backtest. */
  private static final int MAX_ORIGINS = 256;

  /** With fewer origins, the interval is widened, to up to twice its width. */
  private static final int MIN_ORIGINS = 10;

  /**
   * The weight of a method is the mean square root of its absolute errors to the power of the
   * negative of this. The square root keeps a few spikes, which no method forecasts, from making
   * all methods look alike.
   */
  private static final double WEIGHT_EXPONENT = 32;

  /** The probability that the interval contains the value. */
  private static final double COVERAGE = 0.8;

  /** A negligible mean square root of errors of values up to 1. */
  private static final double EPSILON = 1e-9;

  /** The minimum length of a series for a backtest. */
  private static final int MIN_LENGTH = 3;

  /** The longest horizon of a backtest, as a share of the series: one in this many values. */
  private static final int MAX_HORIZON_DIVISOR = 3;

  /**
   * A series is averaged over steps of at least the horizon divided by this, so that its history
   * covers many horizons: a month for a day.
   */
  private static final double STEPS_PER_HORIZON = 48;

  private Forecaster() {}

  /**
   * Forecasts each metric of a history. A metric without any value has no forecast.
   *
   * @param history the past values, with timestamps
   * @param horizon seconds after the end of the history
   */
  static Map<String, Forecast> forecast(Points history, double horizon) {
    double end = history.timestamps().get(history.size() - 1).seconds();
    Map<String, Forecast> forecasts = new LinkedHashMap<>();
    for (int metric = 0; metric < history.metrics().size(); metric++) {
      int column = metric;
      int[] present =
          IntStream.range(0, history.size())
              .filter(i -> !Double.isNaN(history.value(i, column)))
              .toArray();
      if (present.length == 0) {
        continue;
      }
      double[] times =
          Arrays.stream(present).mapToDouble(i -> history.timestamps().get(i).seconds()).toArray();
      double[] values = Arrays.stream(present).mapToDouble(i -> history.value(i, column)).toArray();
      // Scaled to at most 1, because the squares of very large values overflow.
      double size = Arrays.stream(values).map(Math::abs).max().orElse(0);
      double unit = Math.max(Double.MIN_NORMAL, size);
      double[] scaled = Arrays.stream(values).map(value -> value / unit).toArray();
      String name = history.metrics().get(metric);
      Range range = Metric.range(name);
      Forecast forecast = forecast(times, scaled, horizon + end - times[times.length - 1]);
      forecasts.put(name, forecast.times(unit).within(range.low(), range.high()));
    }
    return forecasts;
  }

  /**
   * Forecasts one series.
   *
   * @param times timestamps in seconds, not decreasing
   * @param values one value per timestamp, -1 to 1
   * @param horizon seconds after the last timestamp
   */
  static Forecast forecast(double[] times, double[] values, double horizon) {
    Grid grid = Grid.of(times, values, horizon / STEPS_PER_HORIZON);
    double[] series = grid.values();
    int last = series.length - 1;
    int steps = (int) Math.max(1, Math.rint(horizon / grid.step()));
    if (series.length < MIN_LENGTH) {
      double value = series[last];
      // Two points say nothing about the error, so the interval is as wide as the value.
      return new Forecast(value, value - Math.abs(value), value + Math.abs(value));
    }
    // If the horizon is too long for the history, use the longest one that can be backtested.
    int tested = Math.min(steps, Math.max(1, series.length / MAX_HORIZON_DIVISOR));
    List<Method> methods = Method.all(series, grid.step());
    int[] origins = origins(series.length, tested);
    double[] weights = weights(methods, series, origins, tested);
    double[] errors =
        Arrays.stream(origins)
            .mapToDouble(i -> Math.abs(series[i + tested] - combined(methods, weights, i, tested)))
            .sorted()
            .toArray();
    // The conformal quantile: the next error is at most this one with the probability COVERAGE.
    int rank = (int) Math.ceil(COVERAGE * (errors.length + 1)) - 1;
    double width =
        errors[Math.min(rank, errors.length - 1)]
            * Math.sqrt((double) steps / tested)
            * Math.max(1, 2 - (double) errors.length / MIN_ORIGINS);
    double value = combined(methods, weights, last, steps);
    return new Forecast(value, value - width, value + width);
  }

  /** Returns the indices that the backtest forecasts from, evenly over the newer history. */
  private static int[] origins(int length, int steps) {
    int end = length - steps;
    // The methods need a start of the series to learn from: two fifths.
    int from = Math.min(end - 1, Math.max(1, length * 2 / 5));
    int count = Math.min(MAX_ORIGINS, end - from);
    int[] origins = new int[count];
    for (int i = 0; i < count; i++) {
      origins[i] = from + (int) ((long) i * (end - from) / count);
    }
    return origins;
  }

  /** Returns the weight of each method; the weights sum to 1. */
  private static double[] weights(List<Method> methods, double[] series, int[] origins, int steps) {
    double[] errors = new double[methods.size()];
    for (int m = 0; m < errors.length; m++) {
      for (int origin : origins) {
        double error = series[origin + steps] - methods.get(m).ahead(origin, steps);
        errors[m] += Math.sqrt(Math.abs(error)) / origins.length;
      }
    }
    double best = Arrays.stream(errors).min().orElse(0);
    double[] weights =
        Arrays.stream(errors)
            .map(error -> Math.pow((best + EPSILON) / (error + EPSILON), WEIGHT_EXPONENT))
            .toArray();
    double sum = Arrays.stream(weights).sum();
    return Arrays.stream(weights).map(weight -> weight / sum).toArray();
  }

  /** Returns the weighted mean of the methods' forecasts. */
  private static double combined(List<Method> methods, double[] weights, int index, int steps) {
    double sum = 0;
    for (int m = 0; m < weights.length; m++) {
      sum += weights[m] * methods.get(m).ahead(index, steps);
    }
    return sum;
  }
}
