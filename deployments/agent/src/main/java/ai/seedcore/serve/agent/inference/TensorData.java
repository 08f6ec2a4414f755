package ai.seedcore.serve.agent.inference;

import ai.seedcore.serve.api.Datatype;
import ai.seedcore.serve.api.Inference;
import ai.seedcore.serve.api.Tensor;
import com.google.gson.stream.JsonReader;
import com.google.gson.stream.JsonToken;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** The elements of a tensor in JSON: one list, or lists in lists as the shape says. */
final class TensorData {

  /** The most dimensions that a tensor may have. */
  static final int MAX_RANK = 16;

  private final JsonReader reader;
  private final Datatype datatype;
  private final String where;

  /** The size of each level of lists. */
  private final List<Integer> sizes = new ArrayList<>();

  private double[] numbers = new double[16];
  private long[] integers = new long[16];
  private final List<byte[]> texts = new ArrayList<>();
  private int length;

  private TensorData(JsonReader reader, Datatype datatype, String where) {
    this.reader = reader;
    this.datatype = datatype;
    this.where = where;
  }

  /**
   * Reads the elements.
   *
   * @param where the path of the list, for messages
   */
  static TensorData read(JsonReader reader, Datatype datatype, String where) throws IOException {
    TensorData data = new TensorData(reader, datatype, where);
    data.level(0);
    return data;
  }

  private void level(int depth) throws IOException {
    if (reader.peek() != JsonToken.BEGIN_ARRAY || depth == MAX_RANK) {
      throw refused("a list, at most %d levels deep".formatted(MAX_RANK));
    }
    reader.beginArray();
    boolean first = depth == sizes.size();
    if (first) {
      sizes.add(-1); // Not known before its end.
    }
    int size = 0;
    while (reader.hasNext()) {
      boolean list = reader.peek() == JsonToken.BEGIN_ARRAY;
      boolean nested = depth + 1 < sizes.size();
      if (list != nested && !(list && first && size == 0)) {
        throw refused("either lists or elements at the same level");
      } else if (list) {
        level(depth + 1);
      } else {
        element();
      }
      size++;
    }
    reader.endArray();
    if (sizes.get(depth) >= 0 && sizes.get(depth) != size) {
      throw refused("lists of the same length at the same level");
    }
    sizes.set(depth, size);
  }

  private void element() throws IOException {
    if (datatype == Datatype.BYTES) {
      require(JsonToken.STRING);
      texts.add(reader.nextString().getBytes(StandardCharsets.UTF_8));
    } else if (datatype.isFloat()) {
      require(JsonToken.NUMBER);
      numbers = length < numbers.length ? numbers : Arrays.copyOf(numbers, 2 * length);
      numbers[length] = number();
    } else {
      integers = length < integers.length ? integers : Arrays.copyOf(integers, 2 * length);
      integers[length] = integer();
    }
    length++;
  }

  private double number() throws IOException {
    double value = reader.nextDouble();
    if (datatype == Datatype.FP32 && Double.isInfinite((float) value)) {
      throw refused("a number of FP32");
    }
    return datatype == Datatype.FP32 ? (float) value : value;
  }

  private long integer() throws IOException {
    if (datatype == Datatype.BOOL) {
      require(JsonToken.BOOLEAN);
      return reader.nextBoolean() ? 1 : 0;
    }
    require(JsonToken.NUMBER);
    try {
      String text = reader.nextString();
      if (datatype == Datatype.UINT64) {
        return Long.parseUnsignedLong(text);
      }
      long value = Long.parseLong(text);
      int bits = Byte.SIZE * datatype.size();
      long low = datatype.isUnsigned() ? 0 : -1L << (bits - 1);
      long high = datatype.isUnsigned() ? (1L << bits) - 1 : -(low + 1);
      if (value >= low && value <= high) {
        return value;
      }
    } catch (NumberFormatException e) {
      // Refused below.
    }
    throw refused("an integer of " + datatype);
  }

  private void require(JsonToken token) throws IOException {
    if (reader.peek() != token) {
      throw refused("elements of " + datatype);
    }
  }

  private Inference.Refused refused(String expected) {
    return new Inference.Refused(
        400,
        "%s: found something else at element %d, expected %s".formatted(where, length, expected));
  }

  /**
   * Returns the tensor.
   *
   * @throws Inference.Refused if the elements are not as many as the shape says, or in other lists
   */
  Tensor tensor(String name, Datatype type, List<Integer> shape) {
    long expected = elements(shape);
    boolean flat = sizes.size() == 1 && length == expected;
    if (!flat && !(length == expected && sizes.equals(shape))) {
      throw new Inference.Refused(
          400,
          "inputs.%s.data: found %d elements in lists of %s, expected %d in one list, or in lists of %s"
              .formatted(name, length, sizes, expected, shape));
    }
    if (type == Datatype.BYTES) {
      return Tensor.of(name, shape, texts.toArray(byte[][]::new));
    }
    return type.isFloat()
        ? Tensor.of(name, type, shape, Arrays.copyOf(numbers, length))
        : Tensor.of(name, type, shape, Arrays.copyOf(integers, length));
  }

  /** Returns how many elements a shape has; 2^31 if there are more, which no body contains. */
  static long elements(List<Integer> shape) {
    long elements = 1;
    for (int size : shape) {
      elements = Math.min(elements * size, 1L << 31); // Cannot overflow: a size is less than that.
    }
    return elements;
  }
}
