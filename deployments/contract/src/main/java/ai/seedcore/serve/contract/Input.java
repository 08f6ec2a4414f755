package ai.seedcore.serve.contract;

import ai.seedcore.serve.contract.Refusal.Code;
import java.util.Arrays;
import java.util.Collection;
import java.util.TreeSet;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.core.TokenStreamContext;
import tools.jackson.core.exc.StreamConstraintsException;
import tools.jackson.core.json.JsonFactory;

/**
 * A strict streaming reader of one JSON document. It does not convert types: a number in quotes, a
 * boolean for a number and {@code null} are errors. An error message names the path of the value.
 *
 * <p>The reader builds no tree, so a malicious document cannot exhaust memory. It rejects a list at
 * the first entry beyond the limit.
 */
public final class Input {

  /** The maximum nesting depth of lists and objects. */
  static final int MAX_DEPTH = 32;

  /**
   * The maximum length of a number, in characters. It is far more than a double needs and short
   * enough to parse fast.
   */
  static final int MAX_NUMBER = 1_000;

  /** The maximum lengths of quoted parts in an error message, in characters. */
  private static final int MAX_QUOTED_REASON = 200;

  private static final int MAX_QUOTED_NAME = 60;
  private static final int MAX_QUOTED_VALUE = 40;

  private static final String ELLIPSIS = "...";

  private static final JsonFactory JSON =
      JsonFactory.builder()
          .streamReadConstraints(
              StreamReadConstraints.builder()
                  .maxNestingDepth(MAX_DEPTH)
                  // The limits of the document apply instead; they give clearer messages.
                  .maxNumberLength(Integer.MAX_VALUE)
                  .maxNameLength(Integer.MAX_VALUE)
                  .maxStringLength(Integer.MAX_VALUE)
                  .build())
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          // A table of names that all requests share would let one client's names affect another's
          // requests: they fill it, and Jackson's issues report races when it grows.
          .disable(JsonFactory.Feature.CANONICALIZE_PROPERTY_NAMES)
          .build();

  /** Reads the value of one field. */
  @FunctionalInterface
  public interface Field {
    /** Reads the complete value of the named field, or throws {@link #unknown}. */
    void read(String name) throws Refusal;
  }

  /** Reads one entry of a list. */
  @FunctionalInterface
  public interface Entry {
    /** Reads the complete entry at an index. */
    void read(int index) throws Refusal;
  }

  /** Parses a document. */
  @FunctionalInterface
  public interface Reader<T> {
    /** Reads the complete value of the document. */
    T read(Input input) throws Refusal;
  }

  private final JsonParser parser;

  private Input(JsonParser parser) {
    this.parser = parser;
  }

  /**
   * Parses a document.
   *
   * @throws Refusal with {@link Code#INVALID_JSON} if the document is not valid JSON, even if the
   *     reader has rejected a field before the syntax error; otherwise the reader's refusal
   */
  public static <T> T read(String document, Reader<T> reader) throws Refusal {
    try (JsonParser parser = JSON.createParser(ObjectReadContext.empty(), document)) {
      parser.nextToken();
      try {
        T value = reader.read(new Input(parser));
        if (parser.nextToken() != null) {
          throw new Refusal(
              Code.INVALID_JSON,
              "body: found text after the end of the object, expected one JSON object");
        }
        return value;
      } catch (Refusal refusal) {
        if (refusal.code() == Code.INVALID_FIELD) {
          readToTheEnd(parser);
        }
        throw refusal;
      }
    } catch (JacksonException e) {
      throw new Refusal(Code.INVALID_JSON, "body: " + reason(e));
    }
  }

  /** Reads the rest of the document, because a syntax error takes precedence over a bad field. */
  private static void readToTheEnd(JsonParser parser) throws Refusal {
    boolean within = !parser.streamReadContext().inRoot();
    while (parser.nextToken() != null) {
      if (!within) {
        throw new Refusal(
            Code.INVALID_JSON,
            "body: found text after the end of the first value, expected one JSON object");
      }
      within = !parser.streamReadContext().inRoot();
    }
  }

  private static String reason(JacksonException e) {
    String place =
        e.getLocation() == null || e.getLocation().getLineNr() < 1
            ? ""
            : " at line %d, column %d"
                .formatted(e.getLocation().getLineNr(), e.getLocation().getColumnNr());
    String message =
        e instanceof StreamConstraintsException
            ? "more than %d levels".formatted(MAX_DEPTH)
            : e.getOriginalMessage().replaceAll("\\s+", " ");
    return "found "
        + cut(message, MAX_QUOTED_REASON)
        + place
        + ", expected one JSON object without duplicate keys, at most %d levels deep"
            .formatted(MAX_DEPTH);
  }

  /** Reads an object, field by field, in the order of the document. */
  public void object(Field field) throws Refusal {
    if (parser.currentToken() != JsonToken.START_OBJECT) {
      throw refuse("an object");
    }
    while (parser.nextToken() != JsonToken.END_OBJECT) {
      String name = parser.currentName();
      parser.nextToken();
      field.read(name);
    }
  }

  /**
   * Reads a non-empty list, entry by entry.
   *
   * @param max the maximum number of entries
   * @return the number of entries
   */
  public int list(int max, Entry entry) throws Refusal {
    return list(1, max, entry);
  }

  /**
   * Reads a list, entry by entry.
   *
   * @param min the minimum number of entries, 0 or 1
   * @param max the maximum number of entries
   * @return the number of entries
   */
  public int list(int min, int max, Entry entry) throws Refusal {
    String expected = "a list of %d to %d entries".formatted(min, max);
    if (parser.currentToken() != JsonToken.START_ARRAY) {
      throw refuse(expected);
    }
    int index = 0;
    while (parser.nextToken() != JsonToken.END_ARRAY) {
      if (index == max) {
        throw new Refusal(
            Code.TOO_LARGE,
            "%s: found more than %2$d entries, expected at most %2$d"
                .formatted(path(context().getParent()), max));
      }
      entry.read(index++);
    }
    if (index < min) {
      throw Refusal.field(path(), "an empty list", expected);
    }
    return index;
  }

  /** Returns whether the value is an object. */
  public boolean isObject() {
    return parser.currentToken() == JsonToken.START_OBJECT;
  }

  /** Returns whether the value is a string. */
  public boolean isText() {
    return parser.currentToken() == JsonToken.VALUE_STRING;
  }

  /** Returns whether the value is {@code null}. */
  public boolean isNull() {
    return parser.currentToken() == JsonToken.VALUE_NULL;
  }

  /** Skips the complete value. */
  public void skip() {
    parser.skipChildren();
  }

  /** Reads a number in a range. */
  public double number(Range range) throws Refusal {
    if (parser.currentToken().isNumeric() && parser.getStringLength() <= MAX_NUMBER) {
      double value = parser.getDoubleValue();
      if (range.holds(value)) {
        return value;
      }
    }
    throw refuse(range.words());
  }

  /**
   * Reads an integer from {@code low} to {@code high}, both inclusive. As in JSON Schema, 2.0 is
   * one.
   */
  public int integer(int low, int high) throws Refusal {
    if (parser.currentToken().isNumeric() && parser.getStringLength() <= MAX_NUMBER) {
      double value = parser.getDoubleValue(); // Exact for all integers of 32 bits.
      if (value == Math.rint(value) && value >= low && value <= high) {
        return (int) value;
      }
    }
    throw refuse(
        high == Integer.MAX_VALUE
            ? "an integer, %d or more".formatted(low)
            : "an integer from %d to %d".formatted(low, high));
  }

  /** Reads a boolean. */
  public boolean flag() throws Refusal {
    return switch (parser.currentToken()) {
      case VALUE_TRUE -> true;
      case VALUE_FALSE -> false;
      default -> throw refuse("true or false");
    };
  }

  /**
   * Reads a non-empty string.
   *
   * @param max the maximum length, in characters
   */
  public String text(int max) throws Refusal {
    if (!isText() || parser.getStringLength() == 0) {
      throw refuse("a string of 1 to %d characters".formatted(max));
    }
    String text = parser.getString();
    // As in JSON Schema, a character is a code point.
    int characters = text.length() <= max ? 0 : text.codePointCount(0, text.length());
    if (characters > max) {
      throw new Refusal(
          Code.TOO_LARGE,
          "%s: found %d characters, expected at most %d".formatted(path(), characters, max));
    }
    return text;
  }

  /** Returns a refusal of the current value. The message quotes the value. */
  public Refusal refuse(String expected) {
    return Refusal.field(path(), found(), expected);
  }

  /** Returns a refusal of the current field because its name is unknown. */
  public Refusal unknown(Collection<String> known) {
    return Refusal.field(
        path(), "an unknown field", "one of " + String.join(", ", new TreeSet<>(known)));
  }

  /** Returns a refusal of the current field because its name is unknown. */
  public Refusal unknown(String... known) {
    return unknown(Arrays.asList(known));
  }

  /** Returns a refusal of the current value, or of the object that was just read. */
  public Refusal wrong(String found, String expected) {
    return Refusal.field(path(), found, expected);
  }

  /** Returns a refusal of the object that was just read because a field is missing. */
  public Refusal missing(String name, String expected) {
    String object = path(parser.streamReadContext());
    return Refusal.field(object.isEmpty() ? name : object + "." + name, "nothing", expected);
  }

  /** Returns the path of the value, such as {@code data[0].cpu}. */
  public String path() {
    String path = path(context());
    return path.isEmpty() ? "body" : path;
  }

  /** Returns the context that contains the current value. */
  private TokenStreamContext context() {
    TokenStreamContext context = parser.streamReadContext();
    // At the first token of an object or list, the parser has already entered its context.
    return parser.currentToken().isStructStart() ? context.getParent() : context;
  }

  private static String path(TokenStreamContext context) {
    if (context == null || context.inRoot()) {
      return "";
    }
    String parent = path(context.getParent());
    if (context.inArray()) {
      return parent + "[" + context.getCurrentIndex() + "]";
    }
    String name = cut(String.valueOf(context.currentName()), MAX_QUOTED_NAME);
    return parent.isEmpty() ? name : parent + "." + name;
  }

  /** Describes the current value for an error message. */
  private String found() {
    JsonToken token = parser.currentToken();
    return switch (token) {
      case VALUE_STRING -> "the string \"" + cut(parser.getString(), MAX_QUOTED_VALUE) + "\"";
      case VALUE_NUMBER_INT, VALUE_NUMBER_FLOAT ->
          parser.getStringLength() > MAX_NUMBER
              ? "a number of %d digits".formatted(parser.getStringLength())
              : cut(parser.getString(), MAX_QUOTED_VALUE);
      case VALUE_TRUE, VALUE_FALSE, VALUE_NULL -> parser.getString();
      case START_ARRAY -> "a list";
      case START_OBJECT -> "an object";
      default -> "nothing";
    };
  }

  private static String cut(String text, int max) {
    return text.length() <= max ? text : text.substring(0, max - ELLIPSIS.length()) + ELLIPSIS;
  }
}
