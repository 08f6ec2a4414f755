package ai.seedcore.serve.contract;

import ai.seedcore.serve.contract.Refusal.Code;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import tools.jackson.databind.JsonNode;

/**
 * A strict view of a JSON object: every name is known, every value has the right type and range. A
 * number as text, a boolean as a number, {@code null} for a value are refused, with the path.
 */
public final class Fields {

  private final JsonNode object;
  private final String path;

  private Fields(JsonNode object, String path) {
    this.object = object;
    this.path = path;
  }

  /**
   * The fields of an object whose names are not known beforehand.
   *
   * @param path where the object stands in the request; empty for the request itself
   */
  public static Fields open(JsonNode node, String path) throws Refusal {
    if (!node.isObject()) {
      throw Refusal.field(path.isEmpty() ? "body" : path, found(node), "an object");
    }
    return new Fields(node, path);
  }

  /** The fields of an object that may have no other names than those. */
  public static Fields of(JsonNode node, String path, Set<String> known) throws Refusal {
    Fields fields = open(node, path);
    for (String name : node.propertyNames()) {
      if (!known.contains(name)) {
        throw Refusal.field(
            fields.at(name),
            "an unknown field",
            "one of " + String.join(", ", known.stream().sorted().toList()));
      }
    }
    return fields;
  }

  /** Whether the field is there. */
  public boolean has(String name) {
    return object.has(name);
  }

  /** The names, in the order of the request. */
  public List<String> names() {
    return new ArrayList<>(object.propertyNames());
  }

  /** A number that must be there. */
  public double number(String name, Range range) throws Refusal {
    return number(required(name, range.words()), at(name), range);
  }

  /** A number, or what stands for it. */
  public double number(String name, Range range, double absent) throws Refusal {
    return has(name) ? number(name, range) : absent;
  }

  /** A whole number, or what stands for it. */
  public int integer(String name, int low, int high, int absent) throws Refusal {
    JsonNode node = object.get(name);
    if (node == null) {
      return absent;
    }
    if (node.isIntegralNumber() && node.canConvertToInt()) {
      int value = node.intValue();
      if (value >= low && value <= high) {
        return value;
      }
    }
    throw Refusal.field(
        at(name),
        found(node),
        high == Integer.MAX_VALUE
            ? "a whole number, %d or more".formatted(low)
            : "a whole number from %d to %d".formatted(low, high));
  }

  /** True or false, or what stands for it. */
  public boolean flag(String name, boolean absent) throws Refusal {
    JsonNode node = object.get(name);
    if (node == null) {
      return absent;
    }
    if (!node.isBoolean()) {
      throw Refusal.field(at(name), found(node), "true or false");
    }
    return node.booleanValue();
  }

  /** A text that must be there, of one character at the least. */
  public String text(String name, int most) throws Refusal {
    JsonNode node = required(name, "a text");
    if (!node.isString() || node.stringValue().isEmpty()) {
      throw Refusal.field(at(name), found(node), "a text of 1 to %d characters".formatted(most));
    }
    String text = node.stringValue();
    if (text.length() > most) {
      throw new Refusal(
          Code.TOO_LARGE,
          "%s: found %d characters, expected %d at most".formatted(at(name), text.length(), most));
    }
    return text;
  }

  /** A list that must be there, of one entry at the least. */
  public JsonNode list(String name, int most) throws Refusal {
    JsonNode node = required(name, "a list");
    if (!node.isArray() || node.isEmpty()) {
      throw Refusal.field(at(name), found(node), "a list of 1 to %d entries".formatted(most));
    }
    if (node.size() > most) {
      throw new Refusal(
          Code.TOO_LARGE,
          "%s: found %d entries, expected %d at most".formatted(at(name), node.size(), most));
    }
    return node;
  }

  /** An object within this one, which must be there. */
  public Fields object(String name, Set<String> known) throws Refusal {
    return of(required(name, "an object"), at(name), known);
  }

  /** The value as it stands. */
  public JsonNode value(String name) throws Refusal {
    return required(name, "a value");
  }

  /** Where a field of this object stands in the request. */
  public String at(String name) {
    return path.isEmpty() ? name : path + "." + name;
  }

  private JsonNode required(String name, String expected) throws Refusal {
    JsonNode node = object.get(name);
    if (node == null) {
      throw Refusal.field(at(name), "nothing", expected);
    }
    return node;
  }

  /** The number that a node holds. */
  public static double number(JsonNode node, String path, Range range) throws Refusal {
    if (node.isNumber()) {
      double value = node.doubleValue();
      if (range.holds(value)) {
        return value;
      }
    }
    throw Refusal.field(path, found(node), range.words());
  }

  /** What a node is, in words short enough for a message. */
  public static String found(JsonNode node) {
    return switch (node.getNodeType()) {
      case STRING -> "the text " + cut(node.toString());
      case NUMBER -> cut(node.toString());
      case BOOLEAN, NULL -> node.toString();
      case ARRAY -> node.isEmpty() ? "an empty list" : "a list";
      case OBJECT -> "an object";
      default -> "something that JSON does not have";
    };
  }

  private static String cut(String text) {
    return text.length() <= 40 ? text : text.substring(0, 37) + "...";
  }
}
