package ai.seedcore.serve.scaling;

/**
 * A value to come, with the interval that holds it four times in five.
 *
 * @param low the interval's lower end
 * @param high the interval's upper end
 */
record Forecast(double value, double low, double high) {

  /** The 0.9 quantile of the normal distribution: the half width of an 80 % interval. */
  private static final double Z80 = 1.2816;

  /**
   * Extends the least-squares line through a series; the interval is the line's prediction interval
   * for normal residuals (Draper and Smith, "Applied Regression Analysis", section 1.4).
   *
   * @param times seconds, not decreasing
   * @param values one a time
   * @param horizon seconds beyond the last time
   */
  static Forecast line(double[] times, double[] values, double horizon) {
    int n = times.length;
    double meanTime = 0;
    double meanValue = 0;
    for (int i = 0; i < n; i++) {
      meanTime += times[i] / n;
      meanValue += values[i] / n;
    }
    double squares = 0;
    double products = 0;
    for (int i = 0; i < n; i++) {
      squares += (times[i] - meanTime) * (times[i] - meanTime);
      products += (times[i] - meanTime) * (values[i] - meanValue);
    }
    double slope = squares > 0 && n > 2 ? products / squares : 0;
    double residuals = 0;
    for (int i = 0; i < n; i++) {
      double error = values[i] - meanValue - slope * (times[i] - meanTime);
      residuals += error * error;
    }
    double ahead = times[n - 1] + horizon - meanTime;
    double variance = residuals / Math.max(1, n - 2);
    double spread =
        Math.sqrt(variance * (1 + 1.0 / n + (squares > 0 ? ahead * ahead / squares : 0)));
    double value = meanValue + slope * ahead;
    return new Forecast(value, value - Z80 * spread, value + Z80 * spread);
  }

  /** The same within the values that a metric can have. */
  Forecast within(double least, double most) {
    return new Forecast(clip(value, least, most), clip(low, least, most), clip(high, least, most));
  }

  /** The interval's width against the value; 0 for a sure forecast. */
  double relativeWidth() {
    double width = high - low;
    return width == 0 ? 0 : width / Math.max(Math.abs(value), width);
  }

  private static double clip(double value, double least, double most) {
    return Math.max(least, Math.min(most, value));
  }
}
