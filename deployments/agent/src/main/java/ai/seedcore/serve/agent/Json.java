package ai.seedcore.serve.agent;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.exc.StreamConstraintsException;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.cfg.JsonNodeFeature;
import tools.jackson.databind.exc.InvalidDefinitionException;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.NumericNode;

/**
 * Converts results with Jackson to types that MessagePack supports. The JVM loads this class, and
 * with it Jackson, only when a result first contains a value that is not a JSON type.
 */
final class Json {

  private static final JsonMapper JACKSON =
      JsonMapper.builder()
          .enable(SerializationFeature.FAIL_ON_EMPTY_BEANS)
          .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
          .disable(JsonNodeFeature.STRIP_TRAILING_BIGDECIMAL_ZEROES)
          .build();

  /** The reserved key of a complete HTTP reply from the agent; see java_support.py. */
  static final String REPLY = "\0seedcore";

  /** The range of integers that MessagePack supports: int64 and uint64. */
  private static final BigInteger MIN_INTEGER = BigInteger.valueOf(Long.MIN_VALUE);

  private static final BigInteger MAX_INTEGER = BigInteger.TWO.pow(64).subtract(BigInteger.ONE);

  /** The maximum length of a field path in a message, in characters. */
  private static final int MAX_PATH = 200;

  private Json() {}

  /**
   * Converts a result to MessagePack types. If these cannot represent it exactly (a decimal with 30
   * digits), or if it becomes a JSON string (an {@code Instant}), returns its JSON text as a
   * complete reply instead.
   *
   * @param rejectNonFinite whether NaN and infinities are errors; otherwise they become null
   * @throws NotJson if a part of the result has no JSON representation; the message names the part
   */
  static Object plain(Object result, boolean rejectNonFinite) throws NotJson {
    JsonNode tree;
    try {
      tree = JACKSON.valueToTree(result);
    } catch (JacksonException e) {
      throw new NotJson(
          "the result%s cannot be written as JSON: %s".formatted(field(e.getPath()), reason(e)));
    } catch (StackOverflowError e) {
      throw new NotJson("the result cannot be written as JSON: it contains itself");
    }
    Conversion conversion = new Conversion(rejectNonFinite);
    Object plain = conversion.convert(tree, "");
    boolean reserved = plain instanceof Map<?, ?> map && map.containsKey(REPLY);
    return conversion.exact && plain != null && !(plain instanceof String) && !reserved
        ? plain
        : text(conversion.json(tree));
  }

  /** Returns a complete reply whose body is the JSON text of plain values. */
  static Map<String, Object> text(@Nullable Object plain) {
    return text(JACKSON.writeValueAsString(plain));
  }

  /** Returns a reply that the patched proxy forwards unchanged. */
  private static Map<String, Object> text(String json) {
    return Map.of(REPLY, Map.of("status", 200, "type", "application/json", "body", json));
  }

  private static String field(List<JacksonException.Reference> path) {
    StringBuilder field = new StringBuilder();
    for (JacksonException.Reference step : path) {
      if (step.getPropertyName() == null) {
        field.append('[').append(step.getIndex()).append(']');
      } else {
        field.append(field.isEmpty() ? "" : ".").append(step.getPropertyName());
      }
    }
    if (field.length() > MAX_PATH) { // A cycle: the start of the path locates it.
      field.setLength(MAX_PATH);
      field.append("...");
    }
    return field.isEmpty() ? "" : "'s field " + field;
  }

  private static String reason(JacksonException e) {
    for (Throwable cause = e; cause != null; cause = cause.getCause()) {
      if (cause instanceof InvalidDefinitionException invalid && invalid.getType() != null) {
        return "no JSON representation for class " + invalid.getType().getRawClass().getName();
      }
      if (cause instanceof StreamConstraintsException) {
        return "it is nested more than 500 levels deep, or contains itself";
      }
    }
    return e.getOriginalMessage() != null && e.getOriginalMessage().contains("Null key")
        ? "a map key is null"
        : "reading it failed: " + Requests.message(root(e));
  }

  private static Throwable root(Throwable thrown) {
    return thrown.getCause() == null ? thrown : root(thrown.getCause());
  }

  /** Converts a Jackson tree to plain values. */
  private static final class Conversion {
    private final boolean rejectNonFinite;

    /** Whether MessagePack represents all numbers so far exactly. */
    private boolean exact = true;

    Conversion(boolean rejectNonFinite) {
      this.rejectNonFinite = rejectNonFinite;
    }

    @Nullable Object convert(JsonNode node, String field) throws NotJson {
      switch (node.getNodeType()) {
        case OBJECT -> {
          Map<String, Object> map = new LinkedHashMap<>();
          for (Map.Entry<String, JsonNode> entry : node.properties()) {
            String name = entry.getKey();
            map.put(name, convert(entry.getValue(), field.isEmpty() ? name : field + "." + name));
          }
          return map;
        }
        case ARRAY -> {
          List<Object> list = new ArrayList<>(node.size());
          for (Iterator<JsonNode> each = node.iterator(); each.hasNext(); ) {
            list.add(convert(each.next(), "%s[%d]".formatted(field, list.size())));
          }
          return list;
        }
        case BOOLEAN -> {
          return node.booleanValue();
        }
        case NUMBER -> {
          return number(node, field);
        }
        case NULL, MISSING -> {
          return null;
        }
        default -> {
          return node.asString();
        }
      }
    }

    private @Nullable Object number(JsonNode node, String field) throws NotJson {
      if (node.isIntegralNumber()) {
        BigInteger value = node.bigIntegerValue();
        exact &= value.compareTo(MIN_INTEGER) >= 0 && value.compareTo(MAX_INTEGER) <= 0;
        return value;
      }
      if (isNonFinite(node)) {
        if (rejectNonFinite) {
          throw new NotJson(
              "the result%s is %s, which JSON cannot represent"
                  .formatted(field.isEmpty() ? "" : "'s field " + field, node.asString()));
        }
        return null;
      }
      // Uses the float's shortest decimal form: 0.1f as a double is 0.10000000149011612.
      BigDecimal value = node.isFloat() ? new BigDecimal(node.asString()) : node.decimalValue();
      double nearest = value.doubleValue();
      exact &= !Double.isInfinite(nearest) && BigDecimal.valueOf(nearest).compareTo(value) == 0;
      return value;
    }

    /** Returns the JSON text, with null for NaN and infinities. */
    String json(JsonNode tree) {
      return JACKSON.writeValueAsString(finite(tree));
    }

    private static boolean isNonFinite(JsonNode node) {
      return node instanceof NumericNode number && number.isNaN();
    }

    private static JsonNode finite(JsonNode node) {
      if (isNonFinite(node)) {
        return JACKSON.nullNode();
      }
      if (node.isObject()) {
        var copy = JACKSON.createObjectNode();
        node.properties().forEach(entry -> copy.set(entry.getKey(), finite(entry.getValue())));
        return copy;
      }
      if (node.isArray()) {
        var copy = JACKSON.createArrayNode();
        node.forEach(element -> copy.add(finite(element)));
        return copy;
      }
      return node;
    }
  }
}
