package ai.seedcore.serve.contract;

import java.util.List;
import java.util.Map;
import java.util.function.Function;

/**
 * The time series that a request may have.
 *
 * @param max the maximum number of points
 * @param numeric whether points may be numbers
 * @param timed whether points must have timestamps
 * @param ranges the ranges of known metrics, by name; those of others are any finite number
 */
public record Series(int max, boolean numeric, boolean timed, Map<String, Range> ranges) {

  private static final String IGNORE = "ignore";
  private static final String MISSING = "missing";

  private static final Value<List<String>> NAMES =
      Value.list(0, Points.MAX_COLUMNS, Value.text(Points.MAX_NAME))
          .described("Fields of the points that are not metrics.");

  private static final String REFUSE = "refuse";

  private static final Value<String> POLICY =
      Value.word(List.of("accept", REFUSE))
          .described("Whether a point may lack a metric that another has; by default, it may.");

  /**
   * Adds the points and the fields that say how to read them.
   *
   * @param name the field with the points
   * @param points returns what reads them
   * @return the names of the other fields
   */
  public <T> List<String> addTo(
      Fields<T> fields, String name, String description, Function<T, Points.Reader> points) {
    Schema loose =
        Schema.list(1, max, Schema.of("object").with("maxProperties", Points.MAX_COLUMNS + 1));
    fields
        .add(
            name,
            schema().described(description),
            (object, input) -> points.apply(object).read(input))
        .add(IGNORE, NAMES, (object, names) -> points.apply(object).ignore(names))
        .add(
            MISSING,
            POLICY,
            (object, policy) -> points.apply(object).refuseMissing(policy.equals(REFUSE)))
        // What is ignored can be anything, and JSON Schema cannot say which fields that are.
        .variant(
            IGNORE,
            name,
            (numeric ? Schema.anyOf(numbers(), loose) : loose)
                .described("All fields but the ignored ones are as without them."));
    return List.of(IGNORE, MISSING);
  }

  /** Returns the range of a metric. */
  public Range range(String metric) {
    return ranges.getOrDefault(metric, Range.FINITE);
  }

  private Schema numbers() {
    return Schema.list(1, max, Schema.NUMBER.orNull());
  }

  private Schema schema() {
    Schema timed = points(Timestamps.SCHEMA, true);
    if (this.timed) {
      return timed;
    }
    Schema timeless = points(new Schema(Map.of()).with("not", Map.of()), false);
    return numeric ? Schema.anyOf(numbers(), timeless, timed) : Schema.anyOf(timeless, timed);
  }

  /**
   * Returns the schema of points with or without timestamps, at least one of which has a metric.
   */
  private Schema points(Schema timestamp, boolean timed) {
    Schema point = Schema.object();
    point =
        timed
            ? point.with(Timestamps.FIELD, timestamp)
            : point.withOptional(Timestamps.FIELD, timestamp);
    for (Map.Entry<String, Range> each : ranges.entrySet()) {
      point = point.withOptional(each.getKey(), Schema.number(each.getValue()).orNull());
    }
    point =
        point
            .with("additionalProperties", Schema.NUMBER.orNull().keywords())
            .with("maxProperties", Points.MAX_METRICS + (timed ? 1 : 0));
    return Schema.list(1, max, point)
        .with("contains", Map.of("type", "object", "minProperties", timed ? 2 : 1));
  }
}
