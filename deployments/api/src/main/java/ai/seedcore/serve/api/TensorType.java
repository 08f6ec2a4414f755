package ai.seedcore.serve.api;

import java.util.List;
import java.util.stream.IntStream;

/**
 * What a {@link TensorModel} says of one of its inputs or outputs.
 *
 * @param name the name
 * @param datatype the type of the elements
 * @param shape the size of each dimension; -1 stands for any size
 * @param required whether each request has this input, or each response has this output
 */
public record TensorType(String name, Datatype datatype, List<Integer> shape, boolean required) {

  /** Returns a tensor that each request or response has. */
  public static TensorType of(String name, Datatype datatype, int... shape) {
    return new TensorType(name, datatype, IntStream.of(shape).boxed().toList(), true);
  }

  /** Returns a tensor that a request or response may lack. */
  public static TensorType optional(String name, Datatype datatype, int... shape) {
    return new TensorType(name, datatype, IntStream.of(shape).boxed().toList(), false);
  }

  /** Returns whether a shape is one of this type. */
  public boolean admits(List<Integer> other) {
    return other.size() == shape.size()
        && IntStream.range(0, shape.size())
            .allMatch(i -> shape.get(i) < 0 || shape.get(i).equals(other.get(i)));
  }
}
