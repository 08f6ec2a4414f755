package ai.seedcore.serve.anomaly;

import ai.seedcore.serve.contract.Input;
import ai.seedcore.serve.contract.Range;
import ai.seedcore.serve.contract.Refusal;
import ai.seedcore.serve.contract.Timestamps;
import ai.seedcore.serve.contract.Timestamps.Timestamp;
import java.util.ArrayList;
import java.util.List;

/**
 * The points of a request, in their order.
 *
 * @param metrics the metrics' names, the same for every point
 * @param values one row a point, one column a metric
 * @param timestamps one a point, or none at all
 */
record Series(List<String> metrics, List<double[]> values, List<Timestamp> timestamps) {

  /** A forest looks at all metrics at once: more than these are several series. */
  private static final int MOST_METRICS = 64;

  private static final String TIMESTAMP = "timestamp";
  private static final String OBJECT = "an object, as the entries before it";

  int size() {
    return values.size();
  }

  /** Reads the field {@code data}: a list of numbers, or of objects of one shape. */
  static Series read(Input input, int mostPoints) throws Refusal {
    Reader reader = new Reader(input);
    input.list(mostPoints, reader::point);
    return new Series(List.copyOf(reader.metrics), reader.values, reader.timestamps);
  }

  /** Reads point by point; the first one says what the others have to look like. */
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
          metrics.add("value");
        }
      } else if (index == 0) {
        firstObject();
      } else if (input.isObject()) {
        object();
      } else {
        throw input.refuse(OBJECT);
      }
    }

    private void firstObject() throws Refusal {
      List<Double> row = new ArrayList<>();
      input.object(
          name -> {
            if (name.equals(TIMESTAMP)) {
              timestamps.add(clock.next(input));
            } else {
              if (metrics.size() == MOST_METRICS) {
                throw new Refusal(
                    Refusal.Code.TOO_LARGE,
                    "data[0]: found more than %1$d metrics, expected %1$d at most"
                        .formatted(MOST_METRICS));
              }
              metrics.add(name);
              row.add(input.number(Range.FINITE));
            }
          });
      if (metrics.isEmpty()) {
        throw input.wrong("no metric", "one at the least");
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
            if (timed && name.equals(TIMESTAMP)) {
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
          throw input.missing(metrics.get(i), "it, as in data[0]");
        }
      }
      if (timed && timestamps.size() == times) {
        throw input.missing(TIMESTAMP, "it, as in data[0]");
      }
      values.add(row);
    }

    /** Points mostly name their metrics in one order: look where it should be first. */
    private int metric(String name, int guess) throws Refusal {
      int metric =
          guess < metrics.size() && metrics.get(guess).equals(name) ? guess : metrics.indexOf(name);
      if (metric < 0) {
        throw input.wrong("a field that data[0] does not have", "the fields of data[0] only");
      }
      return metric;
    }
  }
}
