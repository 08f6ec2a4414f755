package ai.seedcore.serve.daemon.config;

import static ai.seedcore.serve.daemon.config.DeclaredJava.require;

import ai.seedcore.serve.base.Foreign;
import com.networknt.schema.Error;
import com.networknt.schema.SchemaLocation;
import com.networknt.schema.SchemaRegistry;
import com.networknt.schema.SpecificationVersion;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * What a deployment's requests and responses look like, for the front door's OpenAPI document.
 *
 * @param request the JSON Schema of a request's body
 * @param response the JSON Schema of the body of a response with status 200; null if it can be
 *     anything
 */
public record Schemas(JsonNode request, @Nullable JsonNode response) {

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
          Foreign.message(first.getMessage()),
          "a JSON Schema of draft 2020-12");
    }
    for (JsonNode reference : schema.findValues("$ref")) {
      require(
          reference.asString("").startsWith("#"),
          field,
          "a reference to " + Foreign.message(reference.asString("")),
          "references within the schema only, such as #/$defs/item");
    }
  }
}
