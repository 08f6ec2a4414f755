package ai.seedcore.serve.anomaly;

import ai.seedcore.serve.contract.Input;
import ai.seedcore.serve.contract.Range;
import ai.seedcore.serve.contract.Refusal;
import ai.seedcore.serve.contract.Timestamps;
import ai.seedcore.serve.contract.Timestamps.Timestamp;
import java.util.ArrayList;
import java.util.List;

/**
 * The points of a request, in order.
 *
 * @param metrics the names of the metrics, the same for every point
 * @param values one row per point and one column per metric
 * @param timestamps one timestamp per point; empty if the points have none
 */
record Series(List<String> metrics, List<double[]> values, List<Timestamp> timestamps) {

  /** The maximum number of metrics, which bounds the dimensions of the forest. */
  private static final int MAX_METRICS = 64;

  /** The name of the metric if the points are numbers. */
  private static final String UNNAMED_METRIC = "value";

  int size() {
    return values.size();
  }

  /**
   * Reads the field {@code data}, a list of numbers, or of objects with the same fields.
   *
   * @param maxPoints the maximum number of points
   */
  static Series read(Input input, int maxPoints) throws Refusal {
    Reader reader = new Reader(input);
    input.list(maxPoints, reader::point);
    return new Series(List.copyOf(reader.metrics), reader.values, reader.timestamps);
  }

  /** Reads the points. The first point determines the fields of the others. */
  private static final class Reader {
    private final Input input;
    private final List<String> metrics = new ArrayList<>();
    private final List<double[]> values = new ArrayList<>();
    private final List<Timestamp> timestamps = new ArrayList<>();
    private final Timestamps clock = new Timestamps();
    private boolean objects;

    Reader(Input input) {
      this.input = input;
    }

    void point(int index) throws Refusal {
      if (index == 0) {
        objects = input.isObject();
      }
      if (!objects) {
        values.add(new double[] {input.number(Range.FINITE)});
        if (index == 0) {
          metrics.add(UNNAMED_METRIC);
        }
      } else if (index == 0) {
        firstObject();
      } else if (input.isObject()) {
        object();
      } else {
        throw input.refuse("an object, like the previous entries");
      }
    }

    private void firstObject() throws Refusal {
      List<Double> row = new ArrayList<>();
      input.object(
          name -> {
            if (name.equals(Timestamps.FIELD)) {
              timestamps.add(clock.next(input));
            } else {
              if (metrics.size() == MAX_METRICS) {
                throw new Refusal(
                    Refusal.Code.TOO_LARGE,
                    "data[0]: found more than %1$d metrics, expected at most %1$d"
                        .formatted(MAX_METRICS));
              }
              metrics.add(name);
              row.add(input.number(Range.FINITE));
            }
          });
      if (metrics.isEmpty()) {
        throw input.wrong("no metric", "at least one");
      }
      values.add(row.stream().mapToDouble(Double::doubleValue).toArray());
    }

    private void object() throws Refusal {
      double[] row = new double[metrics.size()];
      int[] read = {0};
      int times = timestamps.size();
      boolean timed = !timestamps.isEmpty();
      boolean[] given = new boolean[row.length];
      input.object(
          name -> {
            if (timed && name.equals(Timestamps.FIELD)) {
              timestamps.add(clock.next(input));
              return;
            }
            int metric = metric(name, read[0]);
            row[metric] = input.number(Range.FINITE);
            given[metric] = true;
            read[0]++;
          });
      for (int i = 0; i < row.length; i++) {
        if (!given[i]) {
          throw input.missing(metrics.get(i), "a number, as in data[0]");
        }
      }
      if (timed && timestamps.size() == times) {
        throw input.missing(Timestamps.FIELD, "a timestamp, as in data[0]");
      }
      values.add(row);
    }

    /**
     * Returns the index of a metric.
     *
     * @param guess the index to check first; most points list their metrics in the same order
     */
    private int metric(String name, int guess) throws Refusal {
      int metric =
          guess < metrics.size() && metrics.get(guess).equals(name) ? guess : metrics.indexOf(name);
      if (metric < 0) {
        throw input.wrong("a field that data[0] does not have", "only the fields of data[0]");
      }
      return metric;
    }
  }
}
