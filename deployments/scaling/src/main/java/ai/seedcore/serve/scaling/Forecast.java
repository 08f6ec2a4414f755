package ai.seedcore.serve.scaling;

/**
 * A forecast with its 80 % prediction interval.
 *
 * @param value the forecast value
 * @param low the lower end of the interval
 * @param high the upper end of the interval
 */
record Forecast(double value, double low, double high) {

  /** Returns the forecast multiplied by a unit. */
  Forecast times(double unit) {
    return new Forecast(value * unit, low * unit, high * unit);
  }

  /** Returns the forecast clipped to the range of a metric. */
  Forecast within(double min, double max) {
    return new Forecast(clip(value, min, max), clip(low, min, max), clip(high, min, max));
  }

  /** Returns the width of the interval relative to the value, 0..1. */
  double relativeWidth() {
    double width = high - low;
    return width == 0 ? 0 : width / Math.max(Math.abs(value), width);
  }

  private static double clip(double value, double min, double max) {
    return Math.max(min, Math.min(max, value));
  }
}
