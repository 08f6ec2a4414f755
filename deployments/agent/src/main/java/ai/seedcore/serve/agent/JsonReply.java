package ai.seedcore.serve.agent;

import java.io.IOException;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.util.Collection;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.msgpack.core.MessagePacker;

/**
 * A deployment's result to a Python caller, such as the HTTP proxy, in JSON's own types. Ray's
 * serializer writes maps and lists in a Java form, which the proxy, being Python, cannot read. This
 * one is written as MessagePack's own maps and arrays, and the proxy answers {@code
 * application/json}. What is not of JSON's types becomes what Jackson makes of it, see {@link
 * Json}.
 *
 * <p>Public, as patched classes of Ray's call it.
 */
public final class JsonReply {

  private static final int DEPTH = 400;

  private final Object value;

  private JsonReply(Object value) {
    this.value = value;
  }

  /**
   * The result as it is to travel: texts and bytes as they are, all else as JSON.
   *
   * @param rejectNonFinite whether NaN and infinities are refused; else they become null
   * @throws NotJson if a part of it has no JSON form
   */
  static @Nullable Object of(@Nullable Object result, boolean rejectNonFinite) throws NotJson {
    if (result == null || result instanceof String || result instanceof byte[]) {
      return result;
    }
    if (result instanceof ByteBuffer buffer) {
      byte[] bytes = new byte[buffer.remaining()];
      buffer.duplicate().get(bytes);
      return bytes;
    }
    if (!isPlain(result, 0)) {
      return new JsonReply(Json.plain(result, rejectNonFinite));
    }
    return result instanceof Map || result instanceof Collection ? new JsonReply(result) : result;
  }

  /** Writes the object, if it is a {@code JsonReply}; says whether it was. */
  public static boolean pack(@Nullable Object object, MessagePacker packer) throws IOException {
    if (!(object instanceof JsonReply reply)) {
      return false;
    }
    write(reply.value, packer);
    return true;
  }

  /** Whether MessagePack has the same types, so that nothing need be converted. */
  private static boolean isPlain(@Nullable Object value, int depth) {
    if (depth > DEPTH) {
      return false; // It may contain itself, which Jackson finds out.
    }
    if (value instanceof Map<?, ?> map) {
      for (Map.Entry<?, ?> entry : map.entrySet()) {
        if (!(entry.getKey() instanceof String) || !isPlain(entry.getValue(), depth + 1)) {
          return false;
        }
      }
      return true;
    }
    if (value instanceof Collection<?> collection) {
      for (Object element : collection) {
        if (!isPlain(element, depth + 1)) {
          return false;
        }
      }
      return true;
    }
    if (value instanceof Double number) {
      return Double.isFinite(number);
    }
    return value == null
        || value instanceof String
        || value instanceof Boolean
        || value instanceof Integer
        || value instanceof Long
        || value instanceof Short
        || value instanceof Byte;
  }

  private static void write(@Nullable Object value, MessagePacker packer) throws IOException {
    if (value instanceof Map<?, ?> map) {
      packer.packMapHeader(map.size());
      for (Map.Entry<?, ?> entry : map.entrySet()) {
        write(entry.getKey(), packer);
        write(entry.getValue(), packer);
      }
    } else if (value instanceof Collection<?> collection) {
      packer.packArrayHeader(collection.size());
      for (Object element : collection) {
        write(element, packer);
      }
    } else if (value == null) {
      packer.packNil();
    } else if (value instanceof String text) {
      packer.packString(text);
    } else if (value instanceof Boolean flag) {
      packer.packBoolean(flag);
    } else if (value instanceof BigInteger big) {
      packer.packBigInteger(big);
    } else if (value instanceof Double || value instanceof Float || value instanceof BigDecimal) {
      packer.packDouble(((Number) value).doubleValue());
    } else {
      packer.packLong(((Number) value).longValue());
    }
  }
}
