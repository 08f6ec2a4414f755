package ai.seedcore.serve.agent.inference;

import ai.seedcore.serve.api.Datatype;
import ai.seedcore.serve.api.Inference;
import ai.seedcore.serve.api.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;

/**
 * The elements of a tensor in binary: little-endian, in row-major order, and each of BYTES after
 * its length in four bytes.
 */
final class BinaryData {

  private BinaryData() {}

  /**
   * Reads the elements.
   *
   * @throws Inference.Refused if they are not as many as the shape says
   */
  static Tensor read(ByteBuffer part, String name, Datatype datatype, List<Integer> shape) {
    ByteBuffer bytes = part.order(ByteOrder.LITTLE_ENDIAN);
    long expected = TensorData.elements(shape);
    if (datatype == Datatype.BYTES) {
      return texts(bytes, name, shape, expected);
    }
    if (bytes.remaining() != expected * datatype.size()) {
      throw new Inference.Refused(
          400,
          "inputs.%s: found %d bytes, expected %d elements of %d bytes for the shape %s"
              .formatted(name, bytes.remaining(), expected, datatype.size(), shape));
    }
    int length = (int) expected;
    if (datatype.isFloat()) {
      double[] numbers = new double[length];
      for (int i = 0; i < length; i++) {
        numbers[i] = datatype == Datatype.FP32 ? bytes.getFloat() : bytes.getDouble();
      }
      return Tensor.of(name, datatype, shape, numbers);
    }
    long[] integers = new long[length];
    for (int i = 0; i < length; i++) {
      integers[i] = integer(bytes, datatype);
    }
    return Tensor.of(name, datatype, shape, integers);
  }

  private static long integer(ByteBuffer bytes, Datatype datatype) {
    return switch (datatype) {
      case BOOL -> bytes.get() == 0 ? 0 : 1;
      case UINT8 -> Byte.toUnsignedLong(bytes.get());
      case INT8 -> bytes.get();
      case UINT16 -> Short.toUnsignedLong(bytes.getShort());
      case INT16 -> bytes.getShort();
      case UINT32 -> Integer.toUnsignedLong(bytes.getInt());
      case INT32 -> bytes.getInt();
      default -> bytes.getLong();
    };
  }

  private static Tensor texts(ByteBuffer bytes, String name, List<Integer> shape, long expected) {
    List<byte[]> texts = new ArrayList<>();
    boolean whole = true;
    while (whole && bytes.hasRemaining()) {
      int length = bytes.remaining() < Integer.BYTES ? -1 : bytes.getInt();
      whole = length >= 0 && length <= bytes.remaining();
      if (whole) {
        byte[] text = new byte[length];
        bytes.get(text);
        texts.add(text);
      }
    }
    if (!whole || texts.size() != expected) {
      throw new Inference.Refused(
          400,
          "inputs.%s: found %d elements%s, expected %d, each after its length in four bytes"
              .formatted(name, texts.size(), whole ? "" : " and an incomplete one", expected));
    }
    return Tensor.of(name, shape, texts.toArray(byte[][]::new));
  }

  /** Returns the elements of a tensor. */
  static byte[] write(Tensor tensor) {
    Datatype datatype = tensor.datatype();
    if (datatype == Datatype.BYTES) {
      return write(tensor.bytes());
    }
    byte[] whole = new byte[Math.multiplyExact(tensor.length(), datatype.size())];
    ByteBuffer bytes = ByteBuffer.wrap(whole).order(ByteOrder.LITTLE_ENDIAN);
    if (datatype.isFloat()) {
      for (double number : tensor.doubles()) {
        if (datatype == Datatype.FP32) {
          bytes.putFloat((float) number);
        } else {
          bytes.putDouble(number);
        }
      }
      return whole;
    }
    for (long integer : tensor.longs()) {
      switch (datatype.size()) {
        case 1 -> bytes.put((byte) integer);
        case 2 -> bytes.putShort((short) integer);
        case 4 -> bytes.putInt((int) integer);
        default -> bytes.putLong(integer);
      }
    }
    return whole;
  }

  private static byte[] write(byte[][] texts) {
    int size = 0;
    for (byte[] text : texts) {
      size = Math.addExact(size, Integer.BYTES + text.length);
    }
    byte[] whole = new byte[size];
    ByteBuffer bytes = ByteBuffer.wrap(whole).order(ByteOrder.LITTLE_ENDIAN);
    for (byte[] text : texts) {
      bytes.putInt(text.length).put(text);
    }
    return whole;
  }
}
