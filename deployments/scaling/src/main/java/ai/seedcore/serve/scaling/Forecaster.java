package ai.seedcore.serve.scaling;

import ai.seedcore.serve.contract.Range;
import java.util.EnumMap;
import java.util.Map;

/** Extends each metric of a history. */
final class Forecaster {

  private Forecaster() {}

  /** Each metric's value so many seconds after the history's end. */
  static Map<Metric, Forecast> forecast(History history, double horizon) {
    double[] times = history.times();
    Map<Metric, Forecast> forecasts = new EnumMap<>(Metric.class);
    history
        .values()
        .forEach(
            (metric, values) -> {
              Range range = metric.range;
              forecasts.put(
                  metric, Forecast.line(times, values, horizon).within(range.low(), range.high()));
            });
    return forecasts;
  }
}
