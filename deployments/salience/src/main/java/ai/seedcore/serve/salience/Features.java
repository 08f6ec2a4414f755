package ai.seedcore.serve.salience;

import ai.seedcore.serve.contract.Fields;
import ai.seedcore.serve.contract.Range;
import ai.seedcore.serve.contract.Refusal;
import java.util.Arrays;
import java.util.Set;
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

  static final Set<String> NAMES =
      Arrays.stream(values()).map(feature -> feature.field).collect(Collectors.toUnmodifiableSet());

  final String field;
  private final Range range;
  private final double absent;

  Features(String field, Range range, double absent) {
    this.field = field;
    this.range = range;
    this.absent = absent;
  }

  /** The event's features, each by its ordinal; what the event does not say has its default. */
  static double[] read(Fields event) throws Refusal {
    double[] vector = new double[values().length];
    for (Features feature : values()) {
      vector[feature.ordinal()] = event.number(feature.field, feature.range, feature.absent);
    }
    return vector;
  }

  double of(double[] vector) {
    return vector[ordinal()];
  }
}
