package ai.seedcore.serve.daemon.config;

import static ai.seedcore.serve.daemon.config.DeclaredJava.require;

import ai.seedcore.serve.base.Foreign;
import com.networknt.schema.Error;
import com.networknt.schema.SchemaLocation;
import com.networknt.schema.SchemaRegistry;
import com.networknt.schema.SpecificationVersion;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * What a deployment's requests and responses look like, for the front door's OpenAPI document.
 *
 * @param request the JSON Schema of a request's body
 * @param response the JSON Schema of the body of a response with status 200; null if none is
 *     declared
 */
public record Schemas(JsonNode request, @Nullable JsonNode response) {

  /** Keywords that would have another meaning within a larger document. */
  private static final Set<String> REFERENCES =
      Set.of("$id", "$anchor", "$dynamicAnchor", "$dynamicRef", "$schema");

  private static final String META_SCHEMA = "https://json-schema.org/draft/2020-12/schema";

  /** Validates the schemas. */
  public Schemas {
    require(request != null, "request", "nothing", "a JSON Schema");
    check("request", request);
    if (response != null) {
      check("response", response);
    }
  }

  private static void check(String field, JsonNode schema) {
    List<Error> errors =
        SchemaRegistry.withDefaultDialect(SpecificationVersion.DRAFT_2020_12)
            .getSchema(SchemaLocation.of(META_SCHEMA))
            .validate(schema);
    if (!errors.isEmpty()) {
      Error first = errors.get(0);
      require(
          false,
          field + String.valueOf(first.getInstanceLocation()).replace('/', '.'),
          "what is no JSON Schema: " + Foreign.message(first.getMessage()),
          "one of draft 2020-12");
    }
    checkReferences(field, schema, schema);
  }

  /** What refers to a schema must still do so when the schema is a part of a larger document. */
  private static void checkReferences(String field, JsonNode schema, JsonNode whole) {
    for (Map.Entry<String, JsonNode> each : schema.properties()) {
      JsonNode value = each.getValue();
      if (REFERENCES.contains(each.getKey()) && value.isString()) {
        require(false, field, each.getKey(), "no " + String.join(", ", new TreeSet<>(REFERENCES)));
      } else if (each.getKey().equals("$ref") && value.isString()) {
        String to = value.asString();
        require(
            to.equals("#") || (to.startsWith("#/") && !whole.at(to.substring(1)).isMissingNode()),
            field,
            "a reference to " + Foreign.message(to),
            "a part of this schema, such as #/$defs/item");
      }
    }
    schema.values().forEach(value -> checkReferences(field, value, whole));
  }
}
