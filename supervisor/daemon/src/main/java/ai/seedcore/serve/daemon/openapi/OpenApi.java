package ai.seedcore.serve.daemon.openapi;

import ai.seedcore.serve.anomaly.AnomalyDetector;
import ai.seedcore.serve.base.Foreign;
import ai.seedcore.serve.contract.Api;
import ai.seedcore.serve.daemon.config.DeclaredApplication;
import ai.seedcore.serve.daemon.config.DeclaredJava;
import ai.seedcore.serve.daemon.config.Probe;
import ai.seedcore.serve.daemon.config.Schemas;
import ai.seedcore.serve.salience.SalienceScorer;
import ai.seedcore.serve.scaling.ScalingPredictor;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * Writes the OpenAPI document of the declared deployments: the built-in ones, whose requests are
 * described by what parses them, with the declared limits, and those with a declared schema.
 *
 * @param version the version of the product
 * @param inBody whether a deployment's refusals have status 200, for clients that read only bodies
 * @param tokenField the header field in which clients have to send a token; null if they need none
 * @see <a href="https://spec.openapis.org/oas/v3.1.0">OpenAPI 3.1</a>
 */
public record OpenApi(String version, boolean inBody, @Nullable String tokenField) {

  private static final Map<String, Function<String, Api>> BUILT_IN =
      Map.of(
          // The classes are loaded with the first document.
          "ai.seedcore.serve.salience.SalienceScorer", options -> SalienceScorer.api(options),
          "ai.seedcore.serve.anomaly.AnomalyDetector", options -> AnomalyDetector.api(options),
          "ai.seedcore.serve.scaling.ScalingPredictor", options -> ScalingPredictor.api(options));

  private static final String JSON = "application/json";
  private static final String COMPONENTS = "#/components/schemas/";
  private static final String RESPONSES = "#/components/responses/";
  private static final String ERROR = "Error";
  private static final String POST = "POST";

  /** What the front door itself may answer, besides a deployment's own errors. */
  private static final Map<String, String> DOOR =
      Map.of(
          "400", "The request is not valid.",
          "413", "The body is larger than the front door accepts.",
          "415", "`unknown_coding`: the body's `Content-Encoding` is unknown.",
          "429", "`too_many`: this client, or this route, has used its share.",
          "500", "`internal`, `invalid_result`: the deployment failed.",
          "502", "`lost`: the connection to the replica broke.",
          "503", "`not_served`, `overloaded`, `not_ready`: retry later.",
          "504", "`timeout`: the deployment took too long.");

  private static final List<String> RETRIED = List.of("429", "503");

  /**
   * Returns the methods of a deployment whose requests are described; empty if they are not, so
   * that it may have any.
   */
  public static Set<String> methods(DeclaredJava deployment) {
    if (deployment.schema() != null) {
      return Set.of(POST);
    }
    boolean builtIn = deployment.jars().isEmpty() && BUILT_IN.containsKey(deployment.className());
    return builtIn ? Set.of("GET", POST) : Set.of();
  }

  /** Returns the document. */
  public String document(List<DeclaredApplication> declared) {
    ObjectNode document = object();
    document.put("openapi", "3.1.0");
    ObjectNode info = document.putObject("info");
    info.put("title", "SeedCore Serve");
    info.put("version", version);
    info.put("summary", "The deployments behind this front door.");
    document.putArray("servers").addObject().put("url", "/");
    ObjectNode paths = document.putObject("paths");
    ObjectNode components = document.putObject("components");
    ObjectNode schemas = components.putObject("schemas");
    schemas.set(ERROR, error());
    ObjectNode responses = components.putObject("responses");
    doorErrors().forEach((status, meaning) -> responses.set(status, error(status, meaning)));
    ArrayNode tags = document.putArray("tags");
    for (DeclaredApplication each : declared) {
      if (each instanceof DeclaredJava java && each.route() != null && !methods(java).isEmpty()) {
        ObjectNode tag = tags.addObject().put("name", java.name());
        try {
          paths.set(java.route(), path(java, schemas));
        } catch (IllegalArgumentException e) { // It cannot serve, either.
          tag.put("description", Foreign.message(String.valueOf(e.getMessage())));
        }
      }
    }
    if (tokenField != null) {
      components.putObject("securitySchemes").set("token", security(tokenField));
      document.putArray("security").addObject().putArray("token");
    }
    return document.toString();
  }

  private static ObjectNode security(String field) {
    ObjectNode scheme = object();
    if (field.equalsIgnoreCase("Authorization")) {
      return scheme.put("type", "http").put("scheme", "bearer");
    }
    return scheme.put("type", "apiKey").put("in", "header").put("name", field);
  }

  private ObjectNode path(DeclaredJava deployment, ObjectNode schemas) {
    String name = deployment.name();
    Schemas declared = deployment.schema();
    if (declared != null) {
      ObjectNode post = operation(deployment, "post", "Sends a request to " + name + ".");
      addBody(post, component(schemas, name + ".request", declared.request()));
      addExamples(post, deployment.upgrade().examples());
      JsonNode response = declared.response();
      addResponses(
          post,
          response == null ? object() : component(schemas, name + ".response", response),
          Map.of());
      return object().set("post", post);
    }
    JsonNode api = api(deployment);
    Map<String, String> errors = new LinkedHashMap<>();
    api.path("errors").properties().forEach(e -> errors.put(e.getKey(), e.getValue().asString()));
    ObjectNode description = component(schemas, name + ".description", api.path("description"));
    ObjectNode post = operation(deployment, "post", api.path("summary").asString());
    post.put("description", "Without a body, describes the deployment, as GET does.");
    addBody(post, component(schemas, name + ".request", api.path("request")));
    post.withObject("/requestBody").put("required", false);
    addExamples(post, List.of(api.path("example")));
    JsonNode reply = component(schemas, name + ".response", api.path("reply"));
    addResponses(post, anyOf(reply, description), errors);
    ObjectNode get = operation(deployment, "get", "Describes " + name + ": its model and limits.");
    addResponses(get, description, Map.of());
    return object().set("get", get).set("post", post);
  }

  private static JsonNode api(DeclaredJava deployment) {
    String options =
        deployment.initArgs().isEmpty() ? "{}" : Probe.text(deployment.initArgs().get(0));
    Function<String, Api> reader = BUILT_IN.get(deployment.className());
    if (reader == null) {
      throw new IllegalStateException(deployment.className());
    }
    return JsonMapper.shared().valueToTree(reader.apply(options).toMap());
  }

  private static ObjectNode operation(DeclaredJava deployment, String method, String summary) {
    ObjectNode operation = object();
    operation.put("operationId", method + "_" + deployment.name());
    operation.putArray("tags").add(deployment.name());
    return operation.put("summary", summary);
  }

  private static void addBody(ObjectNode operation, JsonNode schema) {
    ObjectNode body = operation.putObject("requestBody").put("required", true);
    body.putObject("content").putObject(JSON).set("schema", schema);
  }

  private static void addExamples(ObjectNode operation, List<JsonNode> examples) {
    if (!examples.isEmpty()) {
      ObjectNode content = (ObjectNode) operation.at("/requestBody/content").path(JSON);
      ObjectNode all = content.putObject("examples");
      for (int i = 0; i < examples.size(); i++) {
        all.putObject("example" + (i + 1)).set("value", examples.get(i));
      }
    }
  }

  /**
   * Adds the responses of an operation.
   *
   * @param errors the deployment's own errors, by status
   */
  private void addResponses(ObjectNode operation, JsonNode success, Map<String, String> errors) {
    ObjectNode responses = operation.putObject("responses");
    JsonNode schema = inBody && !errors.isEmpty() ? anyOf(success, reference(ERROR)) : success;
    ObjectNode answer = responses.putObject("200").put("description", "Success.");
    answer.putObject("content").putObject(JSON).set("schema", schema);
    doorErrors()
        .keySet()
        .forEach(status -> responses.putObject(status).put("$ref", RESPONSES + status));
    errors.forEach((status, meaning) -> responses.set(status, error(status, meaning)));
    // The class of a deployment with a declared schema chooses its statuses.
    ObjectNode other = responses.putObject("default");
    if (errors.isEmpty()) {
      other.put("description", "Any other response.");
    } else {
      other.setAll(error("", "Any other error."));
    }
  }

  private Map<String, String> doorErrors() {
    Map<String, String> errors = new TreeMap<>(DOOR);
    if (tokenField != null) {
      errors.put("401", "`unauthorized`: the token is missing or wrong.");
    }
    return errors;
  }

  private static ObjectNode error(String status, String meaning) {
    ObjectNode response = object().put("description", meaning);
    if (RETRIED.contains(status)) {
      response
          .putObject("headers")
          .putObject("Retry-After")
          .put("description", "Seconds to wait.")
          .putObject("schema")
          .put("type", "integer");
    }
    response.putObject("content").putObject(JSON).set("schema", reference(ERROR));
    return response;
  }

  private static ObjectNode anyOf(JsonNode one, JsonNode other) {
    ObjectNode schema = object();
    schema.putArray("anyOf").add(one).add(other);
    return schema;
  }

  private static ObjectNode error() {
    ObjectNode error = object().put("type", "object");
    ObjectNode properties = error.putObject("properties");
    properties.putObject("status").put("const", "error");
    properties.putObject("code").put("type", "string").put("description", "The kind of error.");
    properties
        .putObject("error")
        .put("type", "string")
        .put("description", "What was found where, and what was expected.");
    properties.putObject("timestamp").put("type", "number").put("description", "Unix time.");
    error.putArray("required").add("status").add("code").add("error");
    return error;
  }

  /** Adds a schema to the components. Returns a reference to it. */
  private static ObjectNode component(ObjectNode schemas, String name, JsonNode schema) {
    JsonNode copy = schema.deepCopy();
    rebase(copy, COMPONENTS + name);
    schemas.set(name, copy);
    return reference(name);
  }

  /** References within a schema are relative to the document now. */
  private static void rebase(JsonNode schema, String base) {
    if (schema instanceof ObjectNode node && node.path("$ref").asString("").startsWith("#")) {
      node.put("$ref", base + node.path("$ref").asString().substring(1));
    }
    schema.values().forEach(each -> rebase(each, base));
  }

  private static ObjectNode reference(String component) {
    return object().put("$ref", COMPONENTS + component);
  }

  private static ObjectNode object() {
    return JsonMapper.shared().createObjectNode();
  }
}
