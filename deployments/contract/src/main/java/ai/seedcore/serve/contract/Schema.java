package ai.seedcore.serve.contract;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * A JSON Schema of a value, as OpenAPI 3.1 has it.
 *
 * @param keywords the keywords and their values: strings, numbers, booleans, lists and maps
 * @see <a href="https://json-schema.org/draft/2020-12">JSON Schema 2020-12</a>
 */
public record Schema(Map<String, Object> keywords) {

  /** A number from 0 to 1. */
  public static final Schema FRACTION = number(Range.FRACTION);

  /** Any number. */
  public static final Schema NUMBER = of("number");

  /** A number of things. */
  public static final Schema COUNT = of("integer").with("minimum", 0);

  /** A string. */
  public static final Schema TEXT = of("string");

  /** Returns the schema of a type, such as {@code string}. */
  public static Schema of(String type) {
    return new Schema(Map.of()).with("type", type);
  }

  /** Returns the schema of the numbers in a range. */
  public static Schema number(Range range) {
    Schema schema = of("number");
    schema = range.low() == -Double.MAX_VALUE ? schema : schema.with("minimum", range.low());
    return range.high() == Double.MAX_VALUE ? schema : schema.with("maximum", range.high());
  }

  /** Returns the schema of one of several strings. */
  public static Schema words(List<String> words) {
    return TEXT.with("enum", words);
  }

  /** Returns the schema of a list. */
  public static Schema list(Schema entry) {
    return of("array").with("items", entry.keywords);
  }

  /** Returns the schema of a list with a number of entries. */
  public static Schema list(int min, int max, Schema entry) {
    return list(entry).with("minItems", min).with("maxItems", max);
  }

  /** Returns the schema of what is valid by one of several schemas. */
  public static Schema anyOf(Schema... schemas) {
    return new Schema(Map.of()).with("anyOf", keywords(List.of(schemas)));
  }

  /** Returns the schema of an object, to which fields can be added. */
  public static Schema object() {
    return of("object").with("properties", Map.of()).with("required", List.of());
  }

  /** Returns this schema of an object, which has no other fields. */
  public Schema closed() {
    return with("additionalProperties", false);
  }

  /** Returns the schema of an object whose fields have any names. */
  public static Schema mapOf(Schema value) {
    return of("object").with("additionalProperties", value.keywords);
  }

  static List<Map<String, Object>> keywords(List<Schema> schemas) {
    return schemas.stream().map(Schema::keywords).toList();
  }

  /** Returns this schema of an object, with one more field, which every such object has. */
  public Schema with(String name, Schema field) {
    List<Object> required = new ArrayList<>((List<?>) keyword("required"));
    required.add(name);
    return withOptional(name, field).with("required", required);
  }

  /** Returns this schema of an object, with one more field, which an object may lack. */
  public Schema withOptional(String name, Schema field) {
    Map<String, Object> properties = properties();
    properties.put(name, field.keywords);
    return with("properties", properties);
  }

  /** Returns the fields of an object, by name. */
  Map<String, Object> properties() {
    Map<String, Object> properties = new LinkedHashMap<>();
    ((Map<?, ?>) keyword("properties"))
        .forEach((key, value) -> properties.put((String) key, value));
    return properties;
  }

  private Object keyword(String name) {
    return Objects.requireNonNull(keywords.get(name));
  }

  /** Returns this schema with a description. */
  public Schema described(String description) {
    return with("description", description);
  }

  /** Returns this schema of values of one type, which also allows null. */
  public Schema orNull() {
    return with("type", List.of(keyword("type"), "null"));
  }

  /** Returns this schema with one more keyword. */
  public Schema with(String keyword, Object value) {
    Map<String, Object> all = new LinkedHashMap<>(keywords);
    all.put(keyword, value);
    return new Schema(all);
  }
}
