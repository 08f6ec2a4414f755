package ai.seedcore.serve.contract;

import ai.seedcore.serve.contract.Refusal.Code;
import ai.seedcore.serve.contract.Timestamps.Timestamp;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The points of a time series in a request, in order: numbers, or objects with any metrics and an
 * optional timestamp. A value that is {@code null} or absent is missing.
 *
 * @param metrics the names of the metrics, in the order of their first appearance
 * @param rows one row per point and one column per metric, NaN if the value is missing; a row may
 *     end before the last column, and the rest is missing
 * @param timestamps one timestamp per point; empty if the points have none
 * @param missing the number of missing values
 */
public record Points(
    List<String> metrics, List<double[]> rows, List<Timestamp> timestamps, long missing) {

  /** The maximum number of metrics. */
  public static final int MAX_METRICS = 64;

  /** The maximum number of columns, including those that the request ignores. */
  static final int MAX_COLUMNS = 2 * MAX_METRICS;

  /** The maximum length of a metric's name, in characters. */
  static final int MAX_NAME = 1_000;

  /** The name of the metric if the points are numbers. */
  public static final String UNNAMED_METRIC = "value";

  /**
   * Returns the points of a tensor.
   *
   * @param name the tensor's name, for messages
   * @param metrics the names of its columns, at most {@link #MAX_METRICS}
   * @param values the points one after the other, each with one value per metric; NaN if missing
   * @param times the points' Unix times; null if they have none
   * @param series the ranges of the metrics
   */
  public static Points of(
      String name, List<String> metrics, double[] values, double @Nullable [] times, Series series)
      throws Refusal {
    int size = values.length / Math.max(1, metrics.size());
    if (size == 0) {
      throw Refusal.field(name, "no point", "at least one");
    }
    for (String metric : metrics) {
      if (metric.isEmpty() || metric.length() > MAX_NAME) {
        throw Refusal.field(
            "metrics",
            "a name of %d characters".formatted(metric.length()),
            "1 to %d".formatted(MAX_NAME));
      }
    }
    if (times != null && times.length != size) {
      throw Refusal.field(
          "timestamps", times.length + " entries", size + ", as many as there are points");
    }
    List<Range> valid = metrics.stream().map(series::range).toList();
    List<double[]> rows = new ArrayList<>(size);
    List<Timestamp> timestamps = new ArrayList<>();
    Timestamps clock = new Timestamps();
    long missing = 0;
    for (int i = 0; i < size; i++) {
      double[] row = Arrays.copyOfRange(values, i * metrics.size(), (i + 1) * metrics.size());
      for (int metric = 0; metric < row.length; metric++) {
        if (Double.isNaN(row[metric])) {
          missing++;
        } else {
          int point = i;
          int column = metric;
          valid.get(metric).require(row[metric], () -> "%s[%d][%d]".formatted(name, point, column));
        }
      }
      rows.add(row);
      if (times != null) {
        int point = i;
        timestamps.add(clock.next(times[i], () -> "timestamps[%d]".formatted(point)));
      }
    }
    return new Points(metrics, rows, timestamps, missing);
  }

  /** Returns the number of points. */
  public int size() {
    return rows.size();
  }

  /** Returns a point's timestamp; null if the points have none. */
  public @Nullable Timestamp timestamp(int point) {
    return timestamps.isEmpty() ? null : timestamps.get(point);
  }

  /** Returns a value; NaN if it is missing. */
  public double value(int point, int metric) {
    double[] row = rows.get(point);
    return metric < row.length ? row[metric] : Double.NaN;
  }

  /**
   * Reads points. What a request ignores or refuses may come after them, so an invalid value is not
   * refused before {@link #points}.
   */
  public static final class Reader {
    private final Series series;
    private final List<String> columns = new ArrayList<>();
    private final List<@Nullable Refusal> refusals = new ArrayList<>();
    private final List<double[]> rows = new ArrayList<>();
    private final List<Timestamp> timestamps = new ArrayList<>();
    private final Timestamps clock = new Timestamps();
    private final Set<String> ignored = new HashSet<>();
    private final double[] scratch = new double[MAX_COLUMNS];
    private @Nullable Refusal timeRefusal;
    private boolean refuseMissing;
    private boolean numbers;
    private String path = "";

    /** Creates a reader of a series. */
    public Reader(Series series) {
      this.series = series;
    }

    void ignore(List<String> names) {
      ignored.addAll(names);
    }

    void refuseMissing(boolean refuse) {
      refuseMissing = refuse;
    }

    /** Returns whether points have been read. */
    public boolean wasRead() {
      return !path.isEmpty();
    }

    /** Reads the list of points. */
    void read(Input input) throws Refusal {
      path = input.path();
      input.list(
          series.max(),
          index -> {
            if (index == 0) {
              numbers = series.numeric() && !input.isObject();
              if (numbers) {
                columns.add(UNNAMED_METRIC);
                refusals.add(null);
              }
            }
            if (numbers) {
              number(input);
            } else {
              object(input, index);
            }
          });
    }

    private void number(Input input) throws Refusal {
      if (input.isObject()) {
        throw input.refuse("a number, like the previous entries");
      }
      double[] row = {Double.NaN};
      value(input, row, 0);
      rows.add(row);
    }

    private void object(Input input, int index) throws Refusal {
      if (!input.isObject()) {
        throw input.refuse(index == 0 ? "an object" : "an object, like the previous entries");
      }
      int times = timestamps.size();
      int[] read = {0};
      int[] size = {0};
      input.object(
          name -> {
            if (name.equals(Timestamps.FIELD)) {
              if (index > 0 && timestamps.isEmpty() && timeRefusal == null) {
                timeRefusal =
                    input.wrong("a timestamp, which %s[0] does not have".formatted(path), "none");
              }
              time(input);
              return;
            }
            int column = column(name, read[0]++, input);
            Arrays.fill(scratch, size[0], Math.max(size[0], column + 1), Double.NaN);
            size[0] = Math.max(size[0], column + 1);
            value(input, scratch, column);
          });
      if (timeRefusal == null
          && timestamps.size() == times
          && (series.timed() || !timestamps.isEmpty())) {
        timeRefusal = input.missing(Timestamps.FIELD, Timestamps.EXPECTED);
      }
      rows.add(Arrays.copyOf(scratch, size[0]));
    }

    private void time(Input input) throws Refusal {
      if (timeRefusal != null) {
        input.skip();
        return;
      }
      try {
        timestamps.add(clock.next(input));
      } catch (Refusal refusal) {
        timeRefusal = refusal;
        input.skip();
      }
    }

    /**
     * Returns the index of a column.
     *
     * @param guess the index to check first; most points list their metrics in the same order
     */
    private int column(String name, int guess, Input input) throws Refusal {
      if (guess < columns.size() && columns.get(guess).equals(name)) {
        return guess;
      }
      int column = columns.indexOf(name);
      if (column >= 0) {
        return column;
      }
      if (columns.size() == MAX_COLUMNS) {
        throw new Refusal(
            Code.TOO_LARGE,
            "%s: found more than %2$d fields, expected at most %2$d"
                .formatted(input.path(), MAX_COLUMNS));
      }
      columns.add(name);
      refusals.add(null);
      return columns.size() - 1;
    }

    private void value(Input input, double[] row, int column) throws Refusal {
      if (input.isNull()) {
        return;
      }
      try {
        row[column] = input.number(series.range(columns.get(column)));
      } catch (Refusal refusal) {
        if (refusals.get(column) == null) {
          refusals.set(column, refusal);
        }
        input.skip();
      }
    }

    /**
     * Returns the points without the ignored columns.
     *
     * @throws Refusal if a value is invalid, if none is left, or if one is missing and missing
     *     values are refused
     */
    public Points points() throws Refusal {
      int[] kept =
          columns.stream().filter(c -> !ignored.contains(c)).mapToInt(columns::indexOf).toArray();
      for (int column : kept) {
        Refusal refusal = refusals.get(column);
        if (refusal != null) {
          throw refusal;
        }
      }
      boolean timeless = ignored.contains(Timestamps.FIELD);
      if (timeless && series.timed()) {
        throw Refusal.field("ignore", Timestamps.FIELD, "names of metrics only");
      }
      if (timeRefusal != null && !timeless) {
        throw timeRefusal;
      }
      if (kept.length == 0) {
        throw Refusal.field(path + "[0]", "no metric", "at least one");
      }
      if (kept.length > MAX_METRICS) {
        throw new Refusal(
            Code.TOO_LARGE,
            "%s: found %d metrics, expected at most %d".formatted(path, kept.length, MAX_METRICS));
      }
      List<double[]> values = kept.length == columns.size() ? rows : select(kept);
      List<String> metrics = Arrays.stream(kept).mapToObj(columns::get).toList();
      return new Points(
          metrics, values, timeless ? List.of() : timestamps, missing(values, metrics));
    }

    private List<double[]> select(int[] kept) {
      List<double[]> selected = new ArrayList<>(rows.size());
      for (double[] row : rows) {
        int size = 0;
        while (size < kept.length && kept[size] < row.length) {
          scratch[size] = row[kept[size]];
          size++;
        }
        selected.add(Arrays.copyOf(scratch, size));
      }
      return selected;
    }

    private long missing(List<double[]> values, List<String> metrics) throws Refusal {
      long missing = 0;
      for (int i = 0; i < values.size(); i++) {
        double[] row = values.get(i);
        for (int metric = 0; metric < metrics.size(); metric++) {
          if (metric >= row.length || Double.isNaN(row[metric])) {
            missing++;
            if (refuseMissing) {
              throw Refusal.field(
                  path + "[" + i + "]" + (numbers ? "" : "." + metrics.get(metric)),
                  "no value",
                  "a number, because of \"missing\": \"refuse\"");
            }
          }
        }
      }
      return missing;
    }
  }
}
