package ai.seedcore.serve.agent;

import java.io.IOException;
import java.math.BigInteger;
import java.util.Collection;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.msgpack.core.MessagePacker;

/**
 * A deployment's answer to a Python caller, such as the HTTP proxy, in JSON's own types. Ray's
 * serializer writes maps and lists in a Java form; the proxy, which is Python, cannot read it. This
 * one is written as MessagePack's own maps and arrays, and the proxy answers {@code
 * application/json}.
 *
 * <p>Public, as patched classes of Ray's call it.
 */
public final class JsonReply {

  private final Object value;

  private JsonReply(Object value) {
    this.value = value;
  }

  /**
   * The answer as it is to travel: a map or a list of JSON's types as a {@code JsonReply}, all else
   * as it is.
   *
   * @param requestId the request's id: Python's callers always set one; a Java handle outside of a
   *     request sets none, and reads Java's form
   */
  public static @Nullable Object of(@Nullable Object result, @Nullable String requestId) {
    if ((result instanceof Map || result instanceof Collection)
        && requestId != null
        && !requestId.isEmpty()
        && isJson(result)) {
      return new JsonReply(result);
    }
    return result;
  }

  /** Writes the object, if it is a {@code JsonReply}; says whether it was. */
  public static boolean pack(@Nullable Object object, MessagePacker packer) throws IOException {
    if (!(object instanceof JsonReply reply)) {
      return false;
    }
    write(reply.value, packer);
    return true;
  }

  private static boolean isJson(@Nullable Object value) {
    if (value instanceof Map<?, ?> map) {
      return map.keySet().stream().allMatch(String.class::isInstance)
          && map.values().stream().allMatch(JsonReply::isJson);
    }
    if (value instanceof Collection<?> collection) {
      return collection.stream().allMatch(JsonReply::isJson);
    }
    return value == null
        || value instanceof String
        || value instanceof Boolean
        || value instanceof Double
        || value instanceof Float
        || value instanceof Integer
        || value instanceof Long
        || value instanceof Short
        || value instanceof Byte
        || value instanceof BigInteger;
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
    } else if (value instanceof Double || value instanceof Float) {
      packer.packDouble(((Number) value).doubleValue());
    } else {
      packer.packLong(((Number) value).longValue());
    }
  }
}
