package ai.seedcore.serve.daemon.config;

import static ai.seedcore.serve.daemon.config.DeclaredJava.require;

import ai.seedcore.serve.door.Idempotence;
import com.fasterxml.jackson.annotation.JsonProperty;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ValueDeserializer;
import tools.jackson.databind.annotation.JsonDeserialize;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * One declared Python application, in the terms of Ray's Serve config files. Ray itself checks what
 * is in {@code args}, {@code deployments} and {@code options} when the application is submitted.
 *
 * @param name the name of the application
 * @param importPath where Python finds the bound application or its builder, {@code module:name}
 * @param route the route prefix; null if the application is not served over HTTP
 * @param runtimeEnv Ray's {@code runtime_env}. Here its {@code working_dir} and {@code py_modules}
 *     may also be folders, and the {@code working_dir} a zip file, of this machine
 * @param args the arguments of the builder; null for none
 * @param deployments Ray's options for single deployments, by their names
 * @param options the other fields of an application in a Serve config file
 * @param probe how to check that the route responds; null to rely on Serve's health checks
 * @param idempotent which requests the front door may send again although a replica may have
 *     executed them; by default those with a safe method
 * @param objectives what its clients may expect; by default nothing
 * @param definedBy the files that were read for this declaration; set by the loader
 */
@JsonDeserialize(using = ValueDeserializer.None.class)
public record DeclaredPython(
    @JsonProperty(required = true) String name,
    @JsonProperty(required = true) String importPath,
    @Nullable String route,
    ObjectNode runtimeEnv,
    @Nullable JsonNode args,
    List<JsonNode> deployments,
    ObjectNode options,
    @Nullable Probe probe,
    Idempotence idempotent,
    Objectives objectives,
    List<Path> definedBy)
    implements DeclaredApplication {

  private static final Pattern IMPORT_PATH =
      Pattern.compile("[\\w.]+:[\\w.]+|\\w+(\\.\\w+)+", Pattern.UNICODE_CHARACTER_CLASS);

  private static final String WORKING_DIR = "working_dir";
  private static final String PY_MODULES = "py_modules";

  /** Fills in defaults and validates what concerns the daemon. */
  @SuppressWarnings("NullAway") // Omitted values are null here and are replaced by their defaults.
  public DeclaredPython {
    require(name != null, "name", "nothing", "a name");
    DeclaredJava.checkName(name);
    require(
        importPath != null && IMPORT_PATH.matcher(importPath).matches(),
        "import_path",
        "'" + importPath + "'",
        "a module and a name in it, such as chat.app:application");
    runtimeEnv = runtimeEnv == null ? JsonMapper.shared().createObjectNode() : runtimeEnv;
    deployments = deployments == null ? List.of() : List.copyOf(deployments);
    options = options == null ? JsonMapper.shared().createObjectNode() : options;
    idempotent = idempotent == null ? Idempotence.SAFE : idempotent;
    objectives = objectives == null ? Objectives.NONE : objectives;
    definedBy = definedBy == null ? List.of() : List.copyOf(definedBy);
    if (route != null) {
      DeclaredJava.checkRoute(route);
    }
    require(probe == null || route != null, "probe", "a probe without a route", "a route for it");
    require(
        args == null || args.isObject(), "args", String.valueOf(args), "names with their values");
    for (String field : List.of(WORKING_DIR, PY_MODULES)) {
      require(
          !runtimeEnv.has(field) || !uris(runtimeEnv, field).isEmpty(),
          "runtime_env." + field,
          String.valueOf(runtimeEnv.get(field)),
          field.equals(WORKING_DIR)
              ? "a folder, a zip file or a URI"
              : "a list of folders or URIs");
    }
    require(
        areTexts(runtimeEnv.path("env_vars")),
        "runtime_env.env_vars",
        "a value that is not a text",
        "names with texts, such as PORT: \"8000\"");
    require(
        !runtimeEnv.has("excludes") || local(runtimeEnv).isEmpty(),
        "runtime_env.excludes",
        "a list beside a local folder",
        "a folder with what is needed: excludes is for Ray's own uploads");
  }

  @Override
  public List<Path> sources() {
    return local(runtimeEnv).stream().map(Path::of).toList();
  }

  @Override
  public Duration requestTimeout() {
    return Duration.ZERO; // Serve itself limits the requests to Python deployments.
  }

  @Override
  public String code() {
    return importPath;
  }

  /** Returns whether a value of {@code working_dir} or {@code py_modules} is a path. */
  public static boolean isPath(String value) {
    return !value.contains("://");
  }

  private static List<String> local(JsonNode runtimeEnv) {
    List<String> paths = new ArrayList<>(uris(runtimeEnv, WORKING_DIR));
    paths.addAll(uris(runtimeEnv, PY_MODULES));
    paths.removeIf(value -> !isPath(value));
    return paths;
  }

  private static boolean areTexts(JsonNode variables) {
    return variables.isMissingNode()
        || (variables.isObject() && variables.valueStream().allMatch(JsonNode::isString));
  }

  /** Returns the values of a field; an empty list if it has another form than Ray's. */
  private static List<String> uris(JsonNode runtimeEnv, String field) {
    JsonNode found = runtimeEnv.path(field);
    List<JsonNode> values = new ArrayList<>();
    if (field.equals(WORKING_DIR)) {
      values.add(found);
    } else if (found instanceof ArrayNode list) {
      list.forEach(values::add);
    }
    boolean texts =
        values.stream().allMatch(value -> value.isString() && !value.stringValue().isBlank());
    return texts ? values.stream().map(JsonNode::stringValue).toList() : List.of();
  }
}
