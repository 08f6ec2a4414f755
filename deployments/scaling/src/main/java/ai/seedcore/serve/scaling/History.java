package ai.seedcore.serve.scaling;

import ai.seedcore.serve.contract.Input;
import ai.seedcore.serve.contract.Refusal;
import ai.seedcore.serve.contract.Timestamps;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;

/** Past measurements. Every entry has the same metrics as the first one. */
final class History {

  private static final int INITIAL_CAPACITY = 64;

  private final Timestamps clock = new Timestamps();
  private final EnumMap<Metric, double[]> values = new EnumMap<>(Metric.class);
  private double[] times = new double[INITIAL_CAPACITY];
  private int size;

  /**
   * Reads the field {@code history}.
   *
   * @param maxPoints the maximum number of entries
   */
  static History read(Input input, int maxPoints) throws Refusal {
    History history = new History();
    input.list(maxPoints, index -> history.entry(input, index));
    return history;
  }

  private void entry(Input input, int index) throws Refusal {
    if (index == times.length) {
      times = Arrays.copyOf(times, 2 * index);
      values.replaceAll((metric, column) -> Arrays.copyOf(column, 2 * index));
    }
    EnumSet<Metric> given = EnumSet.noneOf(Metric.class);
    boolean[] timed = {false};
    input.object(
        name -> {
          Metric metric = Metric.named(name);
          if (metric != null) {
            column(metric, input, index)[index] = input.number(metric.range);
            given.add(metric);
          } else if (name.equals(Timestamps.FIELD)) {
            times[index] = clock.next(input).seconds();
            timed[0] = true;
          } else {
            List<String> known = new ArrayList<>(Metric.names());
            known.add(Timestamps.FIELD);
            throw input.unknown(known);
          }
        });
    if (!timed[0]) {
      throw input.missing(Timestamps.FIELD, Timestamps.EXPECTED);
    }
    if (index == 0 && Metric.SCALED.stream().noneMatch(given::contains)) {
      throw input.wrong("no metric", "at least one of " + Metric.SCALED_FIELDS);
    }
    for (Metric metric : values.keySet()) {
      if (!given.contains(metric)) {
        throw input.missing(metric.field, "a number, as in history[0]");
      }
    }
    size = index + 1;
  }

  private double[] column(Metric metric, Input input, int index) throws Refusal {
    if (index == 0) {
      return values.computeIfAbsent(metric, any -> new double[times.length]);
    }
    double[] column = values.get(metric);
    if (column == null) {
      throw input.wrong("a metric that history[0] does not have", "only the metrics of history[0]");
    }
    return column;
  }

  /** Returns the timestamps as Unix time in seconds, not decreasing. */
  double[] times() {
    return Arrays.copyOf(times, size);
  }

  /** Returns the values of each metric, one per timestamp. */
  Map<Metric, double[]> values() {
    EnumMap<Metric, double[]> copy = new EnumMap<>(Metric.class);
    values.forEach((metric, column) -> copy.put(metric, Arrays.copyOf(column, size)));
    return copy;
  }
}
