package ai.seedcore.serve.agent;

import java.io.IOException;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
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
  private static final Object NOT_PLAIN = new Object();

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
    Object copy = copy(result, 0);
    if (copy == NOT_PLAIN) {
      return new JsonReply(Json.plain(result, rejectNonFinite));
    }
    if (copy instanceof Map<?, ?> map && map.containsKey(Json.REPLY)) {
      return new JsonReply(Json.text(copy)); // Not to be taken for a reply of the agent's.
    }
    return copy instanceof Map || copy instanceof Collection ? new JsonReply(copy) : copy;
  }

  /** Writes the object, if it is a {@code JsonReply}; says whether it was. */
  public static boolean pack(@Nullable Object object, MessagePacker packer) throws IOException {
    if (!(object instanceof JsonReply reply)) {
      return false;
    }
    write(reply.value, packer);
    return true;
  }

  /**
   * A copy of what MessagePack has the same types for, as the class may go on changing it while it
   * is written; else {@link #NOT_PLAIN}.
   */
  private static @Nullable Object copy(@Nullable Object value, int depth) {
    if (depth > DEPTH) {
      return NOT_PLAIN; // It may contain itself, which Jackson finds out.
    }
    if (value instanceof Map<?, ?> map) {
      Map<String, Object> copy = new LinkedHashMap<>();
      for (Map.Entry<?, ?> entry : map.entrySet()) {
        Object inner = copy(entry.getValue(), depth + 1);
        if (!(entry.getKey() instanceof String key) || inner == NOT_PLAIN) {
          return NOT_PLAIN;
        }
        copy.put(key, inner);
      }
      return copy;
    }
    if (value instanceof Collection<?> collection) {
      List<Object> copy = new ArrayList<>(collection.size());
      for (Object element : collection) {
        Object inner = copy(element, depth + 1);
        if (inner == NOT_PLAIN) {
          return NOT_PLAIN;
        }
        copy.add(inner);
      }
      return copy;
    }
    boolean plain =
        value instanceof Double number
            ? Double.isFinite(number)
            : value == null
                || value instanceof String
                || value instanceof Boolean
                || value instanceof Integer
                || value instanceof Long
                || value instanceof Short
                || value instanceof Byte;
    return plain ? value : NOT_PLAIN;
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
