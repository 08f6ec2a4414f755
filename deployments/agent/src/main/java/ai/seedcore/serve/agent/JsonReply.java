package ai.seedcore.serve.agent;

import ai.seedcore.serve.api.Response;
import com.google.gson.stream.JsonWriter;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
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
 * A deployment's result for a Python caller, such as the HTTP proxy. Ray's serializer writes maps
 * and lists in a Java-specific format, which Python cannot read. A {@code JsonReply} is written as
 * MessagePack maps and arrays, and the proxy responds with {@code application/json}. Jackson
 * converts values that are not JSON types; see {@link Json}.
 *
 * <p>Public because patched Ray classes call it.
 */
public final class JsonReply {

  /** The depth from which on Jackson converts the result, which detects cycles. */
  private static final int MAX_DEPTH = 400;

  /** Marks a value that is not of a JSON type. */
  private static final Object NOT_PLAIN = new Object();

  private final Object value;

  private JsonReply(Object value) {
    this.value = value;
  }

  /**
   * Converts a result for a Python caller. Strings and bytes stay as they are; everything else
   * becomes JSON.
   *
   * @param rejectNonFinite whether NaN and infinities are errors; otherwise they become null
   * @throws NotJson if a part of the result has no JSON representation
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
      return new JsonReply(Json.text(copy)); // Must not pass as a reply from the agent.
    }
    return copy instanceof Map || copy instanceof Collection ? new JsonReply(copy) : copy;
  }

  /**
   * Returns a complete reply, with the status and the header fields of a response.
   *
   * @param body the response's body, which {@link #of} has converted
   */
  static JsonReply complete(Response response, @Nullable Object body) {
    List<List<String>> headers = new ArrayList<>();
    response
        .headers()
        .forEach((name, values) -> values.forEach(value -> headers.add(List.of(name, value))));
    Map<String, Object> reply = new LinkedHashMap<>();
    reply.put("status", response.status());
    reply.put("type", type(body));
    reply.put("headers", headers);
    reply.put("body", body == null ? "" : body instanceof byte[] ? body : text(body));
    return new JsonReply(Map.of(Json.REPLY, reply));
  }

  /** Returns the content type of what {@link #of} returned, unless the deployment names one. */
  public static String type(@Nullable Object body) {
    if (body instanceof String) {
      return "text/plain; charset=utf-8";
    }
    return body == null || body instanceof byte[] ? "text/plain" : "application/json";
  }

  private static String text(Object body) {
    return body instanceof String text ? text : json(body);
  }

  /** Returns the JSON text of what {@link #of} returned, if that is neither text nor bytes. */
  public static String json(Object result) {
    Object value = result instanceof JsonReply reply ? reply.value : result;
    if (value instanceof Map<?, ?> map && map.get(Json.REPLY) instanceof Map<?, ?> complete) {
      return String.valueOf(complete.get("body"));
    }
    StringWriter text = new StringWriter();
    try (JsonWriter writer = new JsonWriter(text)) {
      writer.setHtmlSafe(false);
      write(value, writer);
    } catch (IOException e) {
      throw new UncheckedIOException(e); // A text can be appended to.
    }
    return text.toString();
  }

  private static void write(@Nullable Object value, JsonWriter writer) throws IOException {
    if (value instanceof Map<?, ?> map) {
      writer.beginObject();
      for (Map.Entry<?, ?> entry : map.entrySet()) {
        writer.name(String.valueOf(entry.getKey()));
        write(entry.getValue(), writer);
      }
      writer.endObject();
    } else if (value instanceof Collection<?> collection) {
      writer.beginArray();
      for (Object element : collection) {
        write(element, writer);
      }
      writer.endArray();
    } else if (value instanceof String text) {
      writer.value(text);
    } else if (value instanceof Boolean flag) {
      writer.value(flag.booleanValue());
    } else if (value instanceof Number number) {
      writer.jsonValue(decimal(number));
    } else {
      writer.nullValue();
    }
  }

  /** Returns a number as Python writes it: without an exponent for times and other usual values. */
  private static String decimal(Number number) {
    String text = number.toString();
    double size = Math.abs(number.doubleValue());
    if (text.indexOf('E') < 0 || size < 1e-4 || size >= 1e16) {
      return text;
    }
    String plain = new BigDecimal(text).stripTrailingZeros().toPlainString();
    return plain.indexOf('.') < 0 ? plain + ".0" : plain;
  }

  /** Writes the object if it is a {@code JsonReply}. Returns whether it is one. */
  public static boolean pack(@Nullable Object object, MessagePacker packer) throws IOException {
    if (!(object instanceof JsonReply reply)) {
      return false;
    }
    write(reply.value, packer);
    return true;
  }

  /**
   * Copies a value that consists of JSON types, because the deployment may modify it while it is
   * written. Returns {@link #NOT_PLAIN} for any other value.
   */
  private static @Nullable Object copy(@Nullable Object value, int depth) {
    if (depth > MAX_DEPTH) {
      return NOT_PLAIN; // Possibly a cycle; Jackson detects it.
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
    } else if (value instanceof byte[] bytes) {
      packer.packBinaryHeader(bytes.length);
      packer.writePayload(bytes);
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
