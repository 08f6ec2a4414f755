package ai.seedcore.serve.scaling;

import ai.seedcore.serve.contract.Range;
import ai.seedcore.serve.contract.Series;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** A metric in a request. */
enum Metric {
  CPU("cpu_avg", "cpu_scale", Range.FRACTION),
  MEMORY("memory_avg", "memory_scale", Range.FRACTION),
  RESPONSE("response_time", "response_scale", Range.NOT_NEGATIVE),
  RATE("request_rate", null, Range.NOT_NEGATIVE);

  /** The metrics that have a scale. */
  static final List<Metric> SCALED = List.of(CPU, MEMORY, RESPONSE);

  /** The names of these metrics, for error messages. */
  static final String SCALED_FIELDS =
      SCALED.stream().map(metric -> metric.field).collect(Collectors.joining(", "));

  /** The ranges of the metrics, by name. */
  private static final Map<String, Range> RANGES =
      Arrays.stream(values())
          .collect(
              Collectors.toMap(
                  metric -> metric.field,
                  metric -> metric.range,
                  (one, other) -> one,
                  LinkedHashMap::new));

  final String field;

  /** The name of the metric's scale in the reply; null if the metric has no scale. */
  final @Nullable String scaleField;

  final Range range;

  Metric(String field, @Nullable String scaleField, Range range) {
    this.field = field;
    this.scaleField = scaleField;
    this.range = range;
  }

  static List<String> names() {
    return Arrays.stream(values()).map(metric -> metric.field).toList();
  }

  /** Returns the range of a metric; that of an unknown metric is any finite number. */
  static Range range(String field) {
    return RANGES.getOrDefault(field, Range.FINITE);
  }

  /** Returns a history of any metrics with at most so many points. */
  static Series history(int points) {
    return new Series(points, false, true, RANGES);
  }

  /** Returns the metric with a name, or null if there is none. */
  static @Nullable Metric named(String field) {
    for (Metric metric : values()) {
      if (metric.field.equals(field)) {
        return metric;
      }
    }
    return null;
  }
}
