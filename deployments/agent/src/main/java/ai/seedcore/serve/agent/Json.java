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
 * Results as Jackson writes them, in types that MessagePack has. Loaded when a result first holds
 * something else than JSON's own types: until then a replica does without Jackson's classes.
 */
final class Json {

  private static final JsonMapper JACKSON =
      JsonMapper.builder()
          .enable(SerializationFeature.FAIL_ON_EMPTY_BEANS)
          .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
          .disable(JsonNodeFeature.STRIP_TRAILING_BIGDECIMAL_ZEROES)
          .build();

  /** The key of a reply of the agent's own, see java_support.py. */
  static final String REPLY = "\0seedcore";

  private static final BigInteger LEAST = BigInteger.valueOf(Long.MIN_VALUE);
  private static final BigInteger MOST = BigInteger.TWO.pow(64).subtract(BigInteger.ONE);

  private Json() {}

  /**
   * The result in MessagePack's types. One that these cannot hold exactly, such as a decimal of 30
   * digits, and a text that is not a result's own (an instant, say), travel as their JSON text.
   *
   * @throws NotJson if a part of it has no JSON form; the message names it
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

  /** Plain values as a reply whose body is their JSON text. */
  static Map<String, Object> text(@Nullable Object plain) {
    return text(JACKSON.writeValueAsString(plain));
  }

  /** A reply that the completed proxy passes on as it is. */
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
    if (field.length() > 200) { // It contains itself: the beginning says where.
      field.setLength(200);
      field.append("...");
    }
    return field.isEmpty() ? "" : "'s field " + field;
  }

  private static String reason(JacksonException e) {
    for (Throwable cause = e; cause != null; cause = cause.getCause()) {
      if (cause instanceof InvalidDefinitionException invalid && invalid.getType() != null) {
        return "there is no JSON form for a " + invalid.getType().getRawClass().getName();
      }
      if (cause instanceof StreamConstraintsException) {
        return "it is nested more than 500 deep, or contains itself";
      }
    }
    return e.getOriginalMessage() != null && e.getOriginalMessage().contains("Null key")
        ? "one of its keys is null"
        : "reading it fails: " + Requests.message(root(e));
  }

  private static Throwable root(Throwable thrown) {
    return thrown.getCause() == null ? thrown : root(thrown.getCause());
  }

  /** From Jackson's tree to plain values. */
  private static final class Conversion {
    private final boolean rejectNonFinite;
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
        exact &= value.compareTo(LEAST) >= 0 && value.compareTo(MOST) <= 0;
        return value;
      }
      if (isNonFinite(node)) {
        if (rejectNonFinite) {
          throw new NotJson(
              "the result%s is %s, which JSON cannot express"
                  .formatted(field.isEmpty() ? "" : "'s field " + field, node.asString()));
        }
        return null;
      }
      // A float's own decimal form: as a double, 0.1f would be 0.10000000149011612.
      BigDecimal value = node.isFloat() ? new BigDecimal(node.asString()) : node.decimalValue();
      double nearest = value.doubleValue();
      exact &= !Double.isInfinite(nearest) && BigDecimal.valueOf(nearest).compareTo(value) == 0;
      return value;
    }

    /** The JSON text, without what JSON cannot express. */
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
