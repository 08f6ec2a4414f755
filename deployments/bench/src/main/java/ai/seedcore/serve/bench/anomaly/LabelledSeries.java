package ai.seedcore.serve.bench.anomaly;

import java.util.List;

/**
 * A series with labelled anomalies.
 *
 * @param kind the kind of series
 * @param times one Unix time in seconds per point
 * @param values one row per point and one column per metric
 * @param events the anomalies, in order
 */
@SuppressWarnings("ArrayRecordComponent") // Never compared.
record LabelledSeries(String kind, double[] times, double[][] values, List<Event> events) {

  /** An anomaly, from the index of its first point to that of its last point. */
  record Event(int first, int last) {}

  int size() {
    return values.length;
  }

  /** Returns for each point whether it belongs to an anomaly. */
  boolean[] labels() {
    boolean[] labels = new boolean[size()];
    for (Event event : events) {
      for (int i = event.first(); i <= event.last(); i++) {
        labels[i] = true;
      }
    }
    return labels;
  }
}
