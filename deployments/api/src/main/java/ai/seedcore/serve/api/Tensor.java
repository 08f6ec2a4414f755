package ai.seedcore.serve.api;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;

/**
 * A tensor of the Open Inference Protocol: a name, a type, a shape, and the elements in row-major
 * order. The arrays are not copied.
 */
public final class Tensor {

  private final String name;
  private final Datatype datatype;
  private final List<Integer> shape;

  /** The elements: double[] of floating-point types, long[] of integers and booleans, byte[][]. */
  private final Object elements;

  private Tensor(String name, Datatype datatype, List<Integer> shape, Object elements, int length) {
    long expected = shape.contains(0) ? 0 : 1;
    for (int size : shape) {
      expected = Math.min(expected * size, 1L << 31); // More than any array has.
    }
    if (expected != length) {
      throw new IllegalArgumentException(
          "tensor %s: found %d elements, expected %d for the shape %s"
              .formatted(name, length, expected, shape));
    }
    this.name = name;
    this.datatype = datatype;
    this.shape = List.copyOf(shape);
    this.elements = elements;
  }

  /** Returns a tensor of {@link Datatype#FP64} with one dimension. */
  public static Tensor of(String name, double... elements) {
    return of(name, Datatype.FP64, List.of(elements.length), elements);
  }

  /** Returns a tensor of {@link Datatype#INT64} with one dimension. */
  public static Tensor of(String name, long... elements) {
    return of(name, Datatype.INT64, List.of(elements.length), elements);
  }

  /** Returns a tensor of {@link Datatype#BYTES} with one dimension: texts in UTF-8. */
  public static Tensor of(String name, String... elements) {
    byte[][] bytes =
        Arrays.stream(elements)
            .map(text -> text.getBytes(StandardCharsets.UTF_8))
            .toArray(byte[][]::new);
    return of(name, List.of(elements.length), bytes);
  }

  /**
   * Returns a tensor of a floating-point type.
   *
   * @throws IllegalArgumentException if the number of elements is not that of the shape
   */
  public static Tensor of(String name, Datatype datatype, List<Integer> shape, double[] elements) {
    require(datatype.isFloat(), datatype, "FP32 or FP64");
    return new Tensor(name, datatype, shape, elements, elements.length);
  }

  /**
   * Returns a tensor of an integer type, or of {@link Datatype#BOOL} with 0 for false.
   *
   * @param elements those of UINT64 as {@link Long#parseUnsignedLong} returns them
   * @throws IllegalArgumentException if the number of elements is not that of the shape
   */
  public static Tensor of(String name, Datatype datatype, List<Integer> shape, long[] elements) {
    require(datatype.isInteger() || datatype == Datatype.BOOL, datatype, "BOOL or an integer type");
    return new Tensor(name, datatype, shape, elements, elements.length);
  }

  /**
   * Returns a tensor of {@link Datatype#BYTES}.
   *
   * @throws IllegalArgumentException if the number of elements is not that of the shape
   */
  public static Tensor of(String name, List<Integer> shape, byte[][] elements) {
    return new Tensor(name, Datatype.BYTES, shape, elements, elements.length);
  }

  private static void require(boolean holds, Datatype found, String expected) {
    if (!holds) {
      throw new IllegalArgumentException(
          "datatype: found %s, expected %s".formatted(found, expected));
    }
  }

  /** Returns the name. */
  public String name() {
    return name;
  }

  /** Returns the type of the elements. */
  public Datatype datatype() {
    return datatype;
  }

  /** Returns the size of each dimension. */
  public List<Integer> shape() {
    return shape;
  }

  /** Returns the number of elements. */
  public int length() {
    return elements instanceof double[] numbers
        ? numbers.length
        : elements instanceof long[] integers ? integers.length : ((byte[][]) elements).length;
  }

  /**
   * Returns the elements of a floating-point or integer type.
   *
   * @throws IllegalStateException if the type is another one
   */
  public double[] doubles() {
    if (elements instanceof long[] integers && datatype != Datatype.BOOL) {
      return Arrays.stream(integers).asDoubleStream().toArray();
    } else if (elements instanceof double[] numbers) {
      return numbers;
    }
    throw new IllegalStateException("tensor %s is of %s, not of numbers".formatted(name, datatype));
  }

  /**
   * Returns the elements of an integer type, or of {@link Datatype#BOOL} with 0 for false.
   *
   * @throws IllegalStateException if the type is another one
   */
  public long[] longs() {
    if (elements instanceof long[] integers) {
      return integers;
    }
    throw new IllegalStateException(
        "tensor %s is of %s, not of integers".formatted(name, datatype));
  }

  /**
   * Returns the elements of {@link Datatype#BYTES}.
   *
   * @throws IllegalStateException if the type is another one
   */
  public byte[][] bytes() {
    if (elements instanceof byte[][] bytes) {
      return bytes;
    }
    throw new IllegalStateException("tensor %s is of %s, not of BYTES".formatted(name, datatype));
  }

  /** Returns the elements of {@link Datatype#BYTES} as texts in UTF-8. */
  public List<String> texts() {
    return Arrays.stream(bytes()).map(text -> new String(text, StandardCharsets.UTF_8)).toList();
  }

  @Override
  public String toString() {
    return "%s: %s %s".formatted(name, datatype, shape);
  }
}
