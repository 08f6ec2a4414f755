package ai.seedcore.serve.contract;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.BiConsumer;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The fields of a JSON object, in any order: how they are read and which of them belong together,
 * and the JSON Schema that says so.
 *
 * @param <T> what the fields are read into
 */
public final class Fields<T> {

  /** Reads the value of a field. */
  @FunctionalInterface
  public interface Setter<T> {
    /** Reads the complete value into the object. */
    void read(T object, Input input) throws Refusal;
  }

  private record Field<T>(Setter<T> setter, Schema schema, boolean nullable) {}

  /** One of several kinds of objects: with at least one of some fields, and perhaps with others. */
  private record Kind(String words, List<String> anyOf, List<String> others) {
    boolean has(String name) {
      return anyOf.contains(name) || others.contains(name);
    }
  }

  private record Variant(String list, String name, Schema schema) {}

  private final Supplier<T> creator;
  private final Map<String, Field<T>> fields = new LinkedHashMap<>();
  private final Map<String, String> required = new LinkedHashMap<>();
  private final List<Kind> kinds = new ArrayList<>();
  private @Nullable Function<Input, Refusal> noKind;
  private @Nullable Variant variant;

  /**
   * Creates an object without fields.
   *
   * @param creator creates what the fields are read into
   */
  public Fields(Supplier<T> creator) {
    this.creator = creator;
  }

  /** Adds a field that is read into the object itself. */
  public Fields<T> add(String name, Schema schema, Setter<T> setter) {
    fields.put(name, new Field<>(setter, schema, false));
    return this;
  }

  /** Adds a field. */
  public <V> Fields<T> add(String name, Value<V> value, BiConsumer<T, V> setter) {
    return add(
        name, value.schema(), (object, input) -> setter.accept(object, value.reader().read(input)));
  }

  /** Adds a field that may be null, as if it were absent. */
  public <V> Fields<T> addNullable(String name, Value<V> value, BiConsumer<T, V> setter) {
    add(name, value, setter);
    fields.computeIfPresent(name, (n, field) -> new Field<>(field.setter, field.schema, true));
    return this;
  }

  /**
   * Requires a field.
   *
   * @param expected what is expected of it, for the refusal if it is missing
   */
  public Fields<T> require(String name, String expected) {
    required.put(field(name), expected);
    return this;
  }

  /**
   * Adds a kind of objects. Fields that no kind names belong to all.
   *
   * @param words names the kind, for refusals
   * @param anyOf the fields of which at least one makes an object of this kind
   * @param others the other fields of this kind only
   */
  public Fields<T> kind(String words, List<String> anyOf, String... others) {
    Kind kind = new Kind(words, anyOf, List.of(others));
    kind.anyOf.forEach(this::field);
    kind.others.forEach(this::field);
    kinds.add(kind);
    return this;
  }

  /** Returns the name of a field, which exists. */
  private String field(String name) {
    if (!fields.containsKey(name)) {
      throw new IllegalArgumentException("no field " + name);
    }
    return name;
  }

  /**
   * Describes the value of a field in another way in objects in which a list has entries.
   *
   * @param list the name of the list
   */
  Fields<T> variant(String list, String name, Schema schema) {
    variant = new Variant(field(list), field(name), schema);
    return this;
  }

  /** Sets how an object of no kind is refused. */
  public Fields<T> otherwise(Function<Input, Refusal> refusal) {
    noKind = refusal;
    return this;
  }

  /** Reads an object. */
  public T read(Input input) throws Refusal {
    T object = creator.get();
    Set<String> given = new LinkedHashSet<>();
    input.object(
        name -> {
          Field<T> field = fields.get(name);
          if (field == null) {
            throw input.unknown(fields.keySet());
          }
          if (!field.nullable || !input.isNull()) {
            given.add(name);
            field.setter.read(object, input);
          }
        });
    for (Map.Entry<String, String> each : required.entrySet()) {
      if (!given.contains(each.getKey())) {
        throw input.missing(each.getKey(), each.getValue());
      }
    }
    if (!kinds.isEmpty()) {
      requireKind(input, given);
    }
    return object;
  }

  /** Refuses an object that is of no kind, or has fields of two. */
  private void requireKind(Input input, Set<String> given) throws Refusal {
    Kind meant =
        kinds.stream()
            .filter(kind -> kind.anyOf.stream().anyMatch(given::contains))
            .findFirst()
            .orElse(null);
    boolean later = false;
    for (Kind kind : kinds) {
      later |= kind.equals(meant);
      String foreign =
          given.stream()
              .filter(name -> kind.has(name) && (meant == null || !meant.has(name)))
              .findFirst()
              .orElse(null);
      boolean last = kind.equals(kinds.get(kinds.size() - 1));
      if (foreign == null || (meant == null && (last || kind.anyOf.size() > 1))) {
        continue;
      } else if (!later && kind.anyOf.size() == 1) {
        String missing = kind.anyOf.get(0);
        throw Refusal.field(foreign, "it without " + missing, "it only together with " + missing);
      }
      String by =
          Objects.requireNonNull(meant).anyOf.stream()
              .filter(given::contains)
              .findFirst()
              .orElse("");
      throw Refusal.field(
          foreign,
          "it together with " + by,
          "either " + String.join(" or ", kinds.stream().map(Kind::words).toList()));
    }
    if (meant == null) {
      throw Objects.requireNonNull(noKind).apply(input);
    }
  }

  /** Returns the JSON Schema of the object. */
  public Schema schema() {
    if (kinds.isEmpty()) {
      return varied(schema(fields.keySet(), Set.of()));
    }
    List<Schema> all = new ArrayList<>();
    for (Kind kind : kinds) {
      Set<String> foreign = new LinkedHashSet<>();
      for (Kind another : kinds) {
        fields.keySet().stream()
            .filter(name -> another.has(name) && !kind.has(name))
            .forEach(foreign::add);
      }
      Set<String> names = new LinkedHashSet<>(fields.keySet());
      names.removeAll(foreign);
      Schema schema = schema(names, foreign).with("title", kind.words);
      all.add(
          varied(
              kind.anyOf.size() == 1
                  ? schema.with("required", kind.anyOf)
                  : schema.with(
                      "anyOf",
                      kind.anyOf.stream().map(name -> present(name).keywords()).toList())));
    }
    return new Schema(Map.of()).with("oneOf", Schema.keywords(all));
  }

  /**
   * Returns the schema of objects of one kind.
   *
   * @param foreign the fields of other kinds, which may be null if they may be null there
   */
  private Schema schema(Set<String> names, Set<String> foreign) {
    Schema schema = Schema.object().closed();
    for (String name : names) {
      Field<T> field = Objects.requireNonNull(fields.get(name));
      Schema value = field.nullable ? field.schema.orNull() : field.schema;
      schema =
          required.containsKey(name) ? schema.with(name, value) : schema.withOptional(name, value);
    }
    for (String name : foreign) {
      if (Objects.requireNonNull(fields.get(name)).nullable) {
        schema = schema.withOptional(name, Schema.of("null"));
      }
    }
    return schema;
  }

  /** Returns the schema of an object that has a field whose value is not null. */
  private Schema present(String name) {
    Schema schema = new Schema(Map.of()).with("required", List.of(name));
    Field<T> field = Objects.requireNonNull(fields.get(name));
    return field.nullable
        ? schema.with("properties", Map.of(name, field.schema.keywords()))
        : schema;
  }

  /** Returns a schema, or, if objects of it may vary, the schema of both variants. */
  private Schema varied(Schema schema) {
    Variant other = variant;
    if (other == null || !schema.properties().containsKey(other.list)) {
      return schema;
    }
    Schema list = Objects.requireNonNull(fields.get(other.list)).schema;
    return Schema.anyOf(
        schema.withOptional(other.list, list.with("maxItems", 0)),
        schema.with(other.list, list.with("minItems", 1)).withOptional(other.name, other.schema));
  }
}
