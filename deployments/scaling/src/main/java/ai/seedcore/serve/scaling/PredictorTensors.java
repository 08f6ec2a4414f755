package ai.seedcore.serve.scaling;

import ai.seedcore.serve.api.Datatype;
import ai.seedcore.serve.api.Inference;
import ai.seedcore.serve.api.Tensor;
import ai.seedcore.serve.api.TensorType;
import ai.seedcore.serve.contract.Points;
import ai.seedcore.serve.contract.Range;
import ai.seedcore.serve.contract.Refusal;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The tensors of an inference: one with the values of each metric, one value each or, together with
 * timestamps, a history. The other fields of a request are parameters.
 */
final class PredictorTensors {

  private static final String TIMESTAMPS = "timestamps";

  static final List<TensorType> INPUTS = inputs();

  static final List<TensorType> OUTPUTS =
      List.of(
          TensorType.of("action", Datatype.BYTES, 1),
          TensorType.of("confidence", Datatype.FP64, 1),
          TensorType.optional("overall_scale", Datatype.FP64, 1),
          TensorType.optional("cpu_scale", Datatype.FP64, 1),
          TensorType.optional("memory_scale", Datatype.FP64, 1),
          TensorType.optional("response_scale", Datatype.FP64, 1),
          TensorType.optional("recommended_replicas", Datatype.INT64, 1));

  private final Inference inference;

  PredictorTensors(Inference inference) {
    this.inference = inference;
  }

  private static List<TensorType> inputs() {
    List<TensorType> inputs = new ArrayList<>();
    for (String metric : Metric.names()) {
      inputs.add(TensorType.optional(metric, Datatype.FP64, -1));
    }
    inputs.add(TensorType.optional(TIMESTAMPS, Datatype.FP64, -1));
    return List.copyOf(inputs);
  }

  /** Returns the tensors of a reply. */
  static List<Tensor> of(Map<String, Object> reply) {
    List<Tensor> outputs = new ArrayList<>();
    for (TensorType type : OUTPUTS) {
      Object value = reply.get(type.name());
      if (value instanceof Double number) {
        outputs.add(Tensor.of(type.name(), number.doubleValue()));
      } else if (value instanceof Number integer) {
        outputs.add(Tensor.of(type.name(), integer.longValue()));
      } else if (value instanceof String text) {
        outputs.add(Tensor.of(type.name(), text));
      }
    }
    return outputs;
  }

  /** Returns an integer parameter. */
  int integer(String name, int low, int absent) throws Refusal {
    Object value = inference.parameters().getOrDefault(name, (long) absent);
    if (value instanceof Long integer
        && (integer == absent || (integer >= low && integer <= Integer.MAX_VALUE))) {
      return integer.intValue();
    }
    throw Refusal.field(
        "parameters." + name, value.toString(), "an integer, %d or more".formatted(low));
  }

  /** Returns a numeric parameter. */
  double number(String name, Range range, double absent) throws Refusal {
    Object value = inference.parameters().getOrDefault(name, absent);
    if (value instanceof Number number) {
      return range.require(number.doubleValue(), () -> "parameters." + name);
    }
    throw Refusal.field("parameters." + name, value.toString(), range.words());
  }

  /** Returns the current values. */
  Map<Metric, Double> values() throws Refusal {
    Map<Metric, Double> values = new EnumMap<>(Metric.class);
    for (Metric metric : given()) {
      double[] elements = inference.input(metric.field).doubles();
      if (elements.length != 1) {
        throw Refusal.field(
            metric.field, elements.length + " values", "one, or a history with " + TIMESTAMPS);
      }
      values.put(metric, metric.range.require(elements[0], () -> metric.field));
    }
    if (Metric.SCALED.stream().noneMatch(values::containsKey)) {
      throw Refusal.field("inputs", "no metric", "at least one of " + Metric.SCALED_FIELDS);
    }
    return values;
  }

  /**
   * Returns the history; null if there are no timestamps.
   *
   * @param max the maximum number of points
   */
  @Nullable Points history(int max) throws Refusal {
    Tensor times = inference.find(TIMESTAMPS).orElse(null);
    if (times == null) {
      return null;
    } else if (times.length() > max) {
      throw new Refusal(
          Refusal.Code.TOO_LARGE,
          "%s: found %d points, expected at most %d".formatted(TIMESTAMPS, times.length(), max));
    }
    List<Metric> metrics = given();
    double[] values = new double[times.length() * metrics.size()];
    for (int column = 0; column < metrics.size(); column++) {
      String name = metrics.get(column).field;
      double[] elements = inference.input(name).doubles();
      if (elements.length != times.length()) {
        throw Refusal.field(
            name,
            elements.length + " values",
            "%d, as many as timestamps".formatted(times.length()));
      }
      for (int i = 0; i < elements.length; i++) {
        values[i * metrics.size() + column] = elements[i];
      }
    }
    List<String> names = metrics.stream().map(metric -> metric.field).toList();
    return Points.of("history", names, values, times.doubles(), Metric.history(max));
  }

  private List<Metric> given() {
    return List.of(Metric.values()).stream()
        .filter(metric -> inference.find(metric.field).isPresent())
        .toList();
  }
}
