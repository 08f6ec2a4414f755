package ai.seedcore.serve.contract;

import java.util.ArrayList;
import java.util.List;

/**
 * A kind of value in a request: how it is read and checked, and its JSON Schema, which say the
 * same.
 *
 * @param reader reads the complete value
 * @param schema the schema
 * @param <V> the value
 */
public record Value<V>(Input.Reader<? extends V> reader, Schema schema) {

  /** Returns a number in a range. */
  public static Value<Double> number(Range range) {
    return new Value<>(input -> input.number(range), Schema.number(range));
  }

  /** Returns an integer from {@code low} on. */
  public static Value<Integer> integer(int low) {
    return new Value<>(
        input -> input.integer(low, Integer.MAX_VALUE),
        Schema.of("integer").with("minimum", low).with("maximum", Integer.MAX_VALUE));
  }

  /** Returns a boolean. */
  public static Value<Boolean> flag() {
    return new Value<>(Input::flag, Schema.of("boolean"));
  }

  /** Returns a string of 1 to {@code max} characters. */
  public static Value<String> text(int max) {
    return new Value<>(
        input -> input.text(max), Schema.TEXT.with("minLength", 1).with("maxLength", max));
  }

  /** Returns one of several words. */
  public static Value<String> word(List<String> words) {
    return new Value<>(
        input -> {
          String word = input.isText() ? input.text(Integer.MAX_VALUE) : "";
          if (!words.contains(word)) {
            throw input.refuse("\"" + String.join("\" or \"", words) + "\"");
          }
          return word;
        },
        Schema.words(words));
  }

  /** Returns a list of {@code min} to {@code max} entries. */
  public static <E> Value<List<E>> list(int min, int max, Value<E> entry) {
    return new Value<>(
        input -> {
          List<E> entries = new ArrayList<>();
          input.list(min, max, index -> entries.add(entry.reader.read(input)));
          return entries;
        },
        Schema.list(min, max, entry.schema));
  }

  /** Returns this value with a description. */
  public Value<V> described(String description) {
    return new Value<>(reader, schema.described(description));
  }
}
