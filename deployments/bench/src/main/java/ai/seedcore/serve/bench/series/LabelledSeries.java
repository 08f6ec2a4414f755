package ai.seedcore.serve.bench.series;

import ai.seedcore.serve.series.Robust;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * A series with labelled anomalies.
 *
 * @param name the name of the series
 * @param kind the kind of series
 * @param times one Unix time in seconds per point
 * @param values one row per point and one column per metric; NaN if a value is missing
 * @param events the anomalies, in order
 */
@SuppressWarnings("ArrayRecordComponent") // Never compared.
public record LabelledSeries(
    String name, String kind, double[] times, double[][] values, List<Event> events) {

  /** An anomaly, from the index of its first point to that of its last point. */
  public record Event(int first, int last) {}

  public int size() {
    return values.length;
  }

  /** Returns the median distance of two points, in seconds. */
  public double step() {
    double[] gaps = new double[size() - 1];
    Arrays.setAll(gaps, i -> times[i + 1] - times[i]);
    return Robust.median(gaps);
  }

  /** Returns for each point whether it belongs to an anomaly. */
  public boolean[] labels() {
    boolean[] labels = new boolean[size()];
    for (Event event : events) {
      for (int i = event.first(); i <= event.last(); i++) {
        labels[i] = true;
      }
    }
    return labels;
  }

  /** Returns the first metric without missing values. */
  public double[] complete() {
    double[] complete = new double[size()];
    double last = 0;
    for (int i = 0; i < complete.length; i++) {
      last = Double.isNaN(values[i][0]) ? last : values[i][0];
      complete[i] = last;
    }
    return complete;
  }

  /**
   * Returns the runs of marked points.
   *
   * @param gap the maximum distance of two marked points of a run
   */
  public static List<Event> runs(boolean[] marks, int gap) {
    List<Event> runs = new ArrayList<>();
    for (int i = 0; i < marks.length; i++) {
      if (!marks[i]) {
        continue;
      }
      int last = runs.size() - 1;
      if (last >= 0 && i - runs.get(last).last() <= gap) {
        runs.set(last, new Event(runs.get(last).first(), i));
      } else {
        runs.add(new Event(i, i));
      }
    }
    return runs;
  }
}
