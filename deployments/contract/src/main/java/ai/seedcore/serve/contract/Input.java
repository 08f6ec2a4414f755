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
 * A strict view of one JSON document, read once from its beginning to its end: a number as text, a
 * boolean as a number, {@code null} for a value are refused, with the path.
 *
 * <p>Nothing is kept of what was read, so that a hostile document costs no memory, and a list that
 * is too long is refused at the first entry too many.
 */
public final class Input {

  /** Deepest nesting of a document's lists and objects. */
  static final int MAX_DEPTH = 32;

  /** Longest number, in characters: far beyond what a double holds, far below what costs time. */
  static final int MAX_NUMBER = 1_000;

  private static final JsonFactory JSON =
      JsonFactory.builder()
          .streamReadConstraints(
              StreamReadConstraints.builder()
                  .maxNestingDepth(MAX_DEPTH)
                  // The limit on the document limits these too, and has a better word for it.
                  .maxNumberLength(Integer.MAX_VALUE)
                  .maxNameLength(Integer.MAX_VALUE)
                  .maxStringLength(Integer.MAX_VALUE)
                  .build())
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .build();

  /** Reads the value of one field. */
  @FunctionalInterface
  public interface Field {
    /** Reads the value of the field of that name, whole, or throws {@link #unknown}. */
    void read(String name) throws Refusal;
  }

  /** Reads one entry of a list. */
  @FunctionalInterface
  public interface Entry {
    /** Reads the entry at an index, whole. */
    void read(int index) throws Refusal;
  }

  /** Reads a document into what a model needs of it. */
  @FunctionalInterface
  public interface Reader<T> {
    /** Reads the document's one value, whole. */
    T read(Input input) throws Refusal;
  }

  private final JsonParser parser;

  private Input(JsonParser parser) {
    this.parser = parser;
  }

  /**
   * Reads a document.
   *
   * @throws Refusal if it is not JSON, whatever else is wrong with it; else if the reader refuses
   *     it
   */
  public static <T> T read(String document, Reader<T> reader) throws Refusal {
    try (JsonParser parser = JSON.createParser(ObjectReadContext.empty(), document)) {
      parser.nextToken();
      try {
        T value = reader.read(new Input(parser));
        if (parser.nextToken() != null) {
          throw new Refusal(
              Code.INVALID_JSON,
              "body: found more text after the end of the object, expected one JSON object");
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

  /** A fault of the JSON itself, further on, is told before the fault of a field. */
  private static void readToTheEnd(JsonParser parser) throws Refusal {
    boolean within = !parser.streamReadContext().inRoot();
    while (parser.nextToken() != null) {
      if (!within) {
        throw new Refusal(
            Code.INVALID_JSON,
            "body: found more text after the end of the first value, expected one JSON object");
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
        + cut(message, 200)
        + place
        + ", expected one JSON object, without duplicate keys, at most %d levels deep"
            .formatted(MAX_DEPTH);
  }

  /** An object: each of its fields in turn, in the order of the document. */
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
   * A list of one entry at the least: each in turn.
   *
   * @return how many there are
   */
  public int list(int most, Entry entry) throws Refusal {
    if (parser.currentToken() != JsonToken.START_ARRAY) {
      throw refuse("a list of 1 to %d entries".formatted(most));
    }
    int index = 0;
    while (parser.nextToken() != JsonToken.END_ARRAY) {
      if (index == most) {
        throw new Refusal(
            Code.TOO_LARGE,
            "%s: found more than %d entries, expected %2$d at most"
                .formatted(path(context().getParent()), most));
      }
      entry.read(index++);
    }
    if (index == 0) {
      throw Refusal.field(path(), "an empty list", "a list of 1 to %d entries".formatted(most));
    }
    return index;
  }

  /** Whether the value is an object. */
  public boolean isObject() {
    return parser.currentToken() == JsonToken.START_OBJECT;
  }

  /** Whether the value is a text. */
  public boolean isText() {
    return parser.currentToken() == JsonToken.VALUE_STRING;
  }

  /** A number. */
  public double number(Range range) throws Refusal {
    if (parser.currentToken().isNumeric() && parser.getStringLength() <= MAX_NUMBER) {
      double value = parser.getDoubleValue();
      if (range.holds(value)) {
        return value;
      }
    }
    throw refuse(range.words());
  }

  /** A whole number, in the range, both ends included. */
  public int integer(int low, int high) throws Refusal {
    if (parser.currentToken() == JsonToken.VALUE_NUMBER_INT
        && parser.getStringLength() <= MAX_NUMBER
        && parser.getNumberType() == JsonParser.NumberType.INT) {
      int value = parser.getIntValue();
      if (value >= low && value <= high) {
        return value;
      }
    }
    throw refuse(
        high == Integer.MAX_VALUE
            ? "a whole number, %d or more".formatted(low)
            : "a whole number from %d to %d".formatted(low, high));
  }

  /** True or false. */
  public boolean flag() throws Refusal {
    return switch (parser.currentToken()) {
      case VALUE_TRUE -> true;
      case VALUE_FALSE -> false;
      default -> throw refuse("true or false");
    };
  }

  /** A text of one character at the least. */
  public String text(int most) throws Refusal {
    if (!isText() || parser.getStringLength() == 0) {
      throw refuse("a text of 1 to %d characters".formatted(most));
    }
    if (parser.getStringLength() > most) {
      throw new Refusal(
          Code.TOO_LARGE,
          "%s: found %d characters, expected %d at most"
              .formatted(path(), parser.getStringLength(), most));
    }
    return parser.getString();
  }

  /** Says that the value is not what was expected. */
  public Refusal refuse(String expected) {
    return Refusal.field(path(), found(), expected);
  }

  /** Says that an object has no field of the name of this value. */
  public Refusal unknown(Collection<String> known) {
    return Refusal.field(
        path(), "an unknown field", "one of " + String.join(", ", new TreeSet<>(known)));
  }

  /** Says that an object has no field of the name of this value. */
  public Refusal unknown(String... known) {
    return unknown(Arrays.asList(known));
  }

  /** Says what is wrong with the value, or with the object that was just read. */
  public Refusal wrong(String found, String expected) {
    return Refusal.field(path(), found, expected);
  }

  /** Says that the object that was just read lacks a field. */
  public Refusal missing(String name, String expected) {
    String object = path(parser.streamReadContext());
    return Refusal.field(object.isEmpty() ? name : object + "." + name, "nothing", expected);
  }

  private String path() {
    String path = path(context());
    return path.isEmpty() ? "body" : path;
  }

  /** What the current value stands in. */
  private TokenStreamContext context() {
    TokenStreamContext context = parser.streamReadContext();
    // At its first token a structure is its own context already.
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
    String name = cut(String.valueOf(context.currentName()), 60);
    return parent.isEmpty() ? name : parent + "." + name;
  }

  /** What the value is, in words short enough for a message. */
  private String found() {
    JsonToken token = parser.currentToken();
    return switch (token) {
      case VALUE_STRING -> "the text \"" + cut(parser.getString(), 40) + "\"";
      case VALUE_NUMBER_INT, VALUE_NUMBER_FLOAT ->
          parser.getStringLength() > MAX_NUMBER
              ? "a number of %d digits".formatted(parser.getStringLength())
              : cut(parser.getString(), 40);
      case VALUE_TRUE, VALUE_FALSE, VALUE_NULL -> parser.getString();
      case START_ARRAY -> "a list";
      case START_OBJECT -> "an object";
      default -> "nothing";
    };
  }

  private static String cut(String text, int most) {
    return text.length() <= most ? text : text.substring(0, most - 3) + "...";
  }
}
