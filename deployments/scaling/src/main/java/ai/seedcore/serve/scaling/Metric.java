package ai.seedcore.serve.scaling;

import ai.seedcore.serve.contract.Range;
import java.util.Arrays;
import java.util.Set;
import java.util.stream.Collectors;

/** What a request measures, and the policy that turns a value into a scale. */
enum Metric {
  CPU("cpu_avg", "cpu_scale", Range.FRACTION, new Policy(0.70, 0.30, 2, 0.5, 0.5, 2)),
  MEMORY("memory_avg", "memory_scale", Range.FRACTION, new Policy(0.75, 0.40, 1.5, 0.3, 0.5, 2)),
  RESPONSE(
      "response_time",
      "response_scale",
      Range.NOT_NEGATIVE,
      new Policy(1.5, 0.5, 0.3, 0.2, 0.8, 1.5));

  static final Set<String> NAMES =
      Arrays.stream(values()).map(metric -> metric.field).collect(Collectors.toUnmodifiableSet());

  final String field;
  final String scaleField;
  final Range range;
  final Policy policy;

  Metric(String field, String scaleField, Range range, Policy policy) {
    this.field = field;
    this.scaleField = scaleField;
    this.range = range;
    this.policy = policy;
  }
}
