package ai.seedcore.serve.bench.anomaly;

import ai.seedcore.serve.bench.series.LabelledSeries;
import ai.seedcore.serve.bench.series.LabelledSeries.Event;
import java.util.List;
import java.util.Locale;

/** Draws a series with its labelled events (red, below) and its alerts (blue, above). */
final class Plot {

  private static final int WIDTH = 900;
  private static final int HEIGHT = 160;
  private static final int BAND = 10;

  private Plot() {}

  /** Returns an SVG image. Where several points share a column, it shows their range. */
  static String svg(LabelledSeries series, List<Event> alerts) {
    double[] values = series.complete();
    double min = Double.MAX_VALUE;
    double max = -Double.MAX_VALUE;
    for (double value : values) {
      min = Math.min(min, value);
      max = Math.max(max, value);
    }
    double unit = max > min ? (HEIGHT - 2 * BAND - 4) / (max - min) : 0;
    StringBuilder line = new StringBuilder();
    int columns = Math.min(WIDTH, values.length);
    for (int column = 0; column < columns; column++) {
      int from = (int) ((long) column * values.length / columns);
      int to = (int) ((long) (column + 1) * values.length / columns);
      double low = values[from];
      double high = low;
      for (int i = from; i < to; i++) {
        low = Math.min(low, values[i]);
        high = Math.max(high, values[i]);
      }
      double x = (double) column * WIDTH / columns;
      double bottom = HEIGHT - BAND - 2.0;
      line.append(point(x, bottom - (low - min) * unit));
      if (high > low) {
        line.append(point(x, bottom - (high - min) * unit));
      }
    }
    return """
        <svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %1$d %2$d">
        <title>%s: labelled events below, alerts above</title>
        <rect width="100%%" height="100%%" fill="white"/>
        %s%s<polyline fill="none" stroke="#444" stroke-width="0.8" points="%s"/>
        </svg>
        """
        .formatted(
            WIDTH,
            HEIGHT,
            series.name(),
            marks(series.events(), values.length, HEIGHT - BAND, "#d62728"),
            marks(alerts, values.length, 0, "#1f77b4"),
            line.toString().strip());
  }

  private static String point(double x, double y) {
    return String.format(Locale.ROOT, "%.0f,%.1f ", x, y);
  }

  private static String marks(List<Event> events, int size, int y, String color) {
    StringBuilder marks = new StringBuilder();
    for (Event event : events) {
      double from = (double) event.first() * WIDTH / size;
      double width = Math.max(2, (double) (event.last() - event.first() + 1) * WIDTH / size);
      marks.append(
          String.format(
              Locale.ROOT,
              "<rect x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"%d\" fill=\"%s\"/>%n",
              from,
              y,
              width,
              BAND,
              color));
    }
    return marks.toString();
  }
}
