package ai.seedcore.serve.salience;

import ai.seedcore.serve.contract.Input;
import ai.seedcore.serve.contract.Range;
import ai.seedcore.serve.contract.Refusal;
import java.util.Arrays;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;

/** The twelve features of an event, in the order in which a model takes them. */
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

  /** How many there are. */
  static final int COUNT = values().length;

  private static final Map<String, Features> BY_NAME =
      Arrays.stream(values())
          .collect(Collectors.toUnmodifiableMap(feature -> feature.field, Function.identity()));

  private static final double[] DEFAULTS =
      Arrays.stream(values()).mapToDouble(feature -> feature.absent).toArray();

  final String field;
  final double absent;
  private final Range range;

  Features(String field, Range range, double absent) {
    this.field = field;
    this.range = range;
    this.absent = absent;
  }

  /** An event that says nothing. */
  static double[] defaults() {
    return DEFAULTS.clone();
  }

  /** The event's features, each by its ordinal; what the event does not say has its default. */
  static double[] read(Input input) throws Refusal {
    double[] event = defaults();
    input.object(
        name -> {
          Features feature = BY_NAME.get(name);
          if (feature == null) {
            throw input.unknown(BY_NAME.keySet());
          }
          event[feature.ordinal()] = input.number(feature.range);
        });
    return event;
  }

  double of(double[] event) {
    return event[ordinal()];
  }
}
