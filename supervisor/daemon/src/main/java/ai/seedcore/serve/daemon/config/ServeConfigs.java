package ai.seedcore.serve.daemon.config;

import ai.seedcore.serve.base.ConfigException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;
import tools.jackson.databind.node.StringNode;

/**
 * Reads Ray's Serve config files, and what a {@code runtime_env} names on this machine. What is
 * declared then depends on no file of the machine any more, except for folders that are uploaded.
 */
final class ServeConfigs {

  private static final Logger LOG = LoggerFactory.getLogger(ServeConfigs.class);

  private static final String SERVE_CONFIG = "serve_config";

  /** Fields of an application that a declaration has, too. */
  private static final Set<String> SAME =
      Set.of("name", "import_path", "runtime_env", "args", "deployments");

  /** Fields of a Serve config that concern Serve as a whole, which the daemon starts. */
  private static final Set<String> OF_SERVE = Set.of("http_options", "proxy_location");

  private final Function<Path, ObjectNode> reader;

  /**
   * Creates a reader.
   *
   * @param reader reads a YAML file
   */
  ServeConfigs(Function<Path, ObjectNode> reader) {
    this.reader = reader;
  }

  /**
   * Replaces each Serve config file in a list of declarations by its applications, and reads the
   * files that a {@code runtime_env} names.
   *
   * @param folder the folder that relative paths start from
   * @throws ConfigException if a file cannot be read, or is not a Serve config
   */
  void expand(ArrayNode deployments, Path folder) {
    ArrayNode expanded = deployments.arrayNode();
    for (JsonNode declared : deployments) {
      if (declared.has(SERVE_CONFIG)) {
        if (declared.size() > 1 || !declared.get(SERVE_CONFIG).isString()) {
          throw new ConfigException(
              "deployments.serve_config: found %s, expected a path, and no other field beside it"
                  .formatted(declared));
        }
        applications(path(SERVE_CONFIG, declared.get(SERVE_CONFIG), folder), expanded);
      } else {
        if (declared instanceof ObjectNode python && declared.has("runtime_env")) {
          localize(python, folder);
        }
        expanded.add(declared);
      }
    }
    deployments.removeAll();
    deployments.addAll(expanded);
  }

  private void applications(Path file, ArrayNode expanded) {
    ObjectNode config = reader.apply(file);
    if (!(config.path("applications") instanceof ArrayNode applications)
        || applications.isEmpty()) {
      throw new ConfigException(
          "%s: applications: found %s, expected a list, as in a Serve config file"
              .formatted(
                  file, config.has("applications") ? config.get("applications") : "nothing"));
    }
    Set<String> ignored = new TreeSet<>();
    for (Map.Entry<String, JsonNode> field : config.properties()) {
      switch (field.getKey()) {
        case "applications", "logging_config" -> {}
        default -> {
          if (!OF_SERVE.contains(field.getKey())) {
            throw new ConfigException(
                "%s: %s: found a value, expected only applications, logging_config, %s"
                    .formatted(file, field.getKey(), String.join(", ", new TreeSet<>(OF_SERVE))));
          }
          ignored.add(field.getKey());
        }
      }
    }
    if (!ignored.isEmpty()) {
      LOG.warn(
          "{}: {} ignored: the daemon starts Serve, with serve_host and serve_port of its own",
          file,
          String.join(" and ", ignored));
    }
    for (JsonNode application : applications) {
      if (!(application instanceof ObjectNode fields)) {
        throw new ConfigException(
            "%s: applications: found %s, expected fields and values".formatted(file, application));
      }
      if (config.has("logging_config") && !fields.has("logging_config")) {
        fields.set("logging_config", config.get("logging_config"));
      }
      expanded.add(declaration(fields, file));
    }
  }

  private ObjectNode declaration(ObjectNode application, Path file) {
    ObjectNode declared = application.objectNode();
    // The defaults of Serve's own schema.
    declared.put("name", "default");
    declared.put("route", "/");
    ObjectNode options = application.objectNode();
    for (Map.Entry<String, JsonNode> field : application.properties()) {
      if (field.getKey().equals("route_prefix")) {
        declared.set("route", field.getValue());
      } else if (SAME.contains(field.getKey())) {
        declared.set(field.getKey(), field.getValue());
      } else {
        options.set(field.getKey(), field.getValue());
      }
    }
    if (!declared.has("import_path")) {
      throw new ConfigException(
          "%s: import_path: found nothing for the application %s, expected a module and a name in it"
              .formatted(file, declared.get("name")));
    }
    declared.set("options", options);
    declared.putArray("defined_by").add(file.toString());
    localize(declared, parent(file));
    return declared;
  }

  /** Resolves local folders, and reads the lists of packages that a runtime_env names. */
  private void localize(ObjectNode declared, Path folder) {
    if (!(declared.path("runtime_env") instanceof ObjectNode runtimeEnv)) {
      return;
    }
    if (runtimeEnv.path("working_dir").isString()) {
      runtimeEnv.set("working_dir", resolved("working_dir", runtimeEnv.get("working_dir"), folder));
    }
    if (runtimeEnv.path("py_modules") instanceof ArrayNode modules) {
      for (int i = 0; i < modules.size(); i++) {
        if (modules.get(i).isString()) {
          modules.set(i, resolved("py_modules", modules.get(i), folder));
        }
      }
    }
    for (String installer : List.of("pip", "uv")) {
      if (runtimeEnv.path(installer).isString()) {
        Path file = path(installer, runtimeEnv.get(installer), folder);
        ArrayNode packages = runtimeEnv.arrayNode();
        lines(installer, file).forEach(packages::add);
        runtimeEnv.set(installer, packages);
        declared.withArray("defined_by").add(file.toString());
      }
    }
    String conda = runtimeEnv.path("conda").asString("");
    if (conda.endsWith(".yaml") || conda.endsWith(".yml")) {
      Path file = path("conda", runtimeEnv.get("conda"), folder);
      runtimeEnv.set("conda", reader.apply(file));
      declared.withArray("defined_by").add(file.toString());
    }
  }

  private static List<String> lines(String installer, Path file) {
    try {
      return Files.readAllLines(file).stream()
          .map(line -> line.replaceFirst("(^|\\s)#.*", "").strip())
          .filter(line -> !line.isEmpty())
          .toList();
    } catch (IOException e) {
      throw new ConfigException(
          "runtime_env.%s: found %s, which cannot be read (%s), expected a list or a file of packages"
              .formatted(installer, file, e));
    }
  }

  private static JsonNode resolved(String field, JsonNode value, Path folder) {
    String text = value.stringValue();
    return text.isBlank() || !DeclaredPython.isPath(text)
        ? value
        : StringNode.valueOf(path(field, value, folder).normalize().toString());
  }

  private static Path path(String field, JsonNode value, Path folder) {
    try {
      return folder.resolve(value.stringValue());
    } catch (InvalidPathException e) {
      throw new ConfigException("%s: found %s, expected a path".formatted(field, value));
    }
  }

  private static Path parent(Path file) {
    Path parent = file.toAbsolutePath().getParent();
    return parent == null ? file.toAbsolutePath() : parent;
  }
}
