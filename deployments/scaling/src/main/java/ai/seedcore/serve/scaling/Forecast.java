package ai.seedcore.serve.scaling;

/**
 * A value to come, with the interval that holds it four times in five.
 *
 * @param low the interval's lower end
 * @param high the interval's upper end
 */
record Forecast(double value, double low, double high) {

  /** The same in another unit. */
  Forecast times(double unit) {
    return new Forecast(value * unit, low * unit, high * unit);
  }

  /** The same within the values that a metric can have. */
  Forecast within(double least, double most) {
    return new Forecast(clip(value, least, most), clip(low, least, most), clip(high, least, most));
  }

  /** The interval's width against the value, 0..1; 0 for a sure forecast. */
  double relativeWidth() {
    double width = high - low;
    return width == 0 ? 0 : width / Math.max(Math.abs(value), width);
  }

  private static double clip(double value, double least, double most) {
    return Math.max(least, Math.min(most, value));
  }
}
