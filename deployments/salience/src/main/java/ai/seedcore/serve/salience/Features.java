package ai.seedcore.serve.salience;

import ai.seedcore.serve.contract.Input;
import ai.seedcore.serve.contract.Range;
import ai.seedcore.serve.contract.Refusal;
import ai.seedcore.serve.contract.Schema;
import ai.seedcore.serve.contract.Value;
import java.util.Arrays;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;

/** The features of an event, in the order of a model's input. */
enum Features {
  TASK_RISK("task_risk", Range.FRACTION, 0.5),
  FAILURE_SEVERITY("failure_severity", Range.FRACTION, 0.5),
  TASK_COMPLEXITY("task_complexity", Range.FRACTION, 0.5),
  AGENT_CAPABILITY("agent_capability", Range.FRACTION, 0.5),
  AGENT_MEMORY_UTIL("agent_memory_util", Range.FRACTION, 0),
  SYSTEM_LOAD("system_load", Range.FRACTION, 0.5),
  MEMORY_USAGE("memory_usage", Range.FRACTION, 0.5),
  CPU_USAGE("cpu_usage", Range.FRACTION, 0.5),
  RESPONSE_TIME("response_time", Range.NOT_NEGATIVE, 1.0),
  ERROR_RATE("error_rate", Range.FRACTION, 0),
  USER_IMPACT("user_impact", Range.FRACTION, 0.5),
  BUSINESS_CRITICALITY("business_criticality", Range.FRACTION, 0.5);

  /** The number of features. */
  static final int COUNT = values().length;

  private static final Map<String, Features> BY_NAME =
      Arrays.stream(values())
          .collect(Collectors.toUnmodifiableMap(feature -> feature.field, Function.identity()));

  private static final double[] DEFAULTS =
      Arrays.stream(values()).mapToDouble(feature -> feature.absent).toArray();

  /** The name in requests. */
  final String field;

  /** The value that a missing feature has. */
  final double absent;

  private final Range range;

  /** An event. A feature that is absent or null has its default. */
  static final Value<double[]> EVENT = new Value<>(Features::read, schema());

  Features(String field, Range range, double absent) {
    this.field = field;
    this.range = range;
    this.absent = absent;
  }

  /** Returns an event in which every feature has its default. */
  static double[] defaults() {
    return DEFAULTS.clone();
  }

  private static Schema schema() {
    Schema schema = Schema.object();
    for (Features feature : values()) {
      schema =
          schema.withOptional(
              feature.field, Schema.number(feature.range).orNull().with("default", feature.absent));
    }
    return schema.closed();
  }

  /** Reads an event: the values, indexed by the features' ordinals. */
  private static double[] read(Input input) throws Refusal {
    double[] event = defaults();
    input.object(
        name -> {
          Features feature = BY_NAME.get(name);
          if (feature == null) {
            throw input.unknown(BY_NAME.keySet());
          }
          if (!input.isNull()) {
            event[feature.ordinal()] = input.number(feature.range);
          }
        });
    return event;
  }

  /**
   * Returns an event of a tensor, checked. A feature that is NaN has its default.
   *
   * @param values the tensor's elements
   * @param index the index of the event
   */
  static double[] of(double[] values, int index) throws Refusal {
    double[] event = Arrays.copyOfRange(values, index * COUNT, (index + 1) * COUNT);
    for (Features feature : values()) {
      int column = feature.ordinal();
      if (Double.isNaN(event[column])) {
        event[column] = feature.absent;
      } else {
        feature.range.require(
            event[column], () -> "features[%d][%d] (%s)".formatted(index, column, feature.field));
      }
    }
    return event;
  }

  /** Returns the value of this feature in an event. */
  double of(double[] event) {
    return event[ordinal()];
  }
}
