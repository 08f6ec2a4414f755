package ai.seedcore.serve.anomaly;

import ai.seedcore.serve.contract.Fields;
import ai.seedcore.serve.contract.Range;
import ai.seedcore.serve.contract.Refusal;
import ai.seedcore.serve.contract.Timestamps;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * The points of a request.
 *
 * @param metrics the metrics' names, the same for every point
 * @param values one row a point, one column a metric
 * @param timestamps as the request gave them, one a point; null entries where it gave none
 */
@SuppressWarnings(
    "ArrayRecordComponent") // Never compared; a list of boxes would cost ten times the memory.
record Series(List<String> metrics, double[][] values, @Nullable Object[] timestamps) {

  private static final String TIMESTAMP = "timestamp";

  int size() {
    return values.length;
  }

  /** Reads the field {@code data}: a list of numbers, or of objects of one shape. */
  static Series read(Fields request, int mostPoints) throws Refusal {
    JsonNode data = request.list("data", mostPoints);
    return data.get(0).isObject() ? readObjects(data) : readNumbers(data);
  }

  private static Series readNumbers(JsonNode data) throws Refusal {
    double[][] values = new double[data.size()][1];
    int index = 0;
    for (JsonNode node : data) {
      values[index][0] = Fields.number(node, at(index), Range.FINITE);
      index++;
    }
    return new Series(List.of("value"), values, new Object[values.length]);
  }

  private static Series readObjects(JsonNode data) throws Refusal {
    Fields first = Fields.open(data.get(0), at(0));
    boolean timed = first.has(TIMESTAMP);
    List<String> metrics = first.names().stream().filter(name -> !name.equals(TIMESTAMP)).toList();
    if (metrics.isEmpty()) {
      throw new Refusal(
          Refusal.Code.INVALID_FIELD, at(0) + ": found no metric, expected one at the least");
    }
    double[][] values = new double[data.size()][metrics.size()];
    @Nullable Object[] timestamps = new Object[values.length];
    Timestamps clock = new Timestamps();
    int index = 0;
    for (JsonNode node : data) {
      Fields point = Fields.open(node, at(index));
      int names = metrics.size() + (timed ? 1 : 0);
      for (int metric = 0; metric < metrics.size(); metric++) {
        values[index][metric] = point.number(metrics.get(metric), Range.FINITE);
      }
      if (timed) {
        JsonNode time = point.value(TIMESTAMP);
        clock.next(time, point.at(TIMESTAMP));
        timestamps[index] = time.isString() ? time.stringValue() : time.doubleValue();
      }
      if (point.names().size() != names) {
        throw new Refusal(
            Refusal.Code.INVALID_FIELD,
            "%s: found the fields %s, expected those of data[0]: %s"
                .formatted(at(index), point.names(), first.names()));
      }
      index++;
    }
    return new Series(metrics, values, timestamps);
  }

  private static String at(int index) {
    return "data[" + index + "]";
  }
}
