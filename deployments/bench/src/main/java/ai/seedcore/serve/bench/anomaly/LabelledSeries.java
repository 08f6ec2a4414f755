package ai.seedcore.serve.bench.anomaly;

import java.util.List;

/**
 * A series and what a person would mark in it.
 *
 * @param kind what it looks like
 * @param times unix seconds, one a point
 * @param values one row a point, one column a metric
 * @param events the marked stretches, in their order
 */
@SuppressWarnings("ArrayRecordComponent") // Never compared.
record LabelledSeries(String kind, double[] times, double[][] values, List<Event> events) {

  /** Points from the first to the last that are not normal. */
  record Event(int first, int last) {}

  int size() {
    return values.length;
  }

  /** One entry a point: whether it is marked. */
  boolean[] marks() {
    boolean[] marks = new boolean[size()];
    for (Event event : events) {
      for (int i = event.first(); i <= event.last(); i++) {
        marks[i] = true;
      }
    }
    return marks;
  }
}
