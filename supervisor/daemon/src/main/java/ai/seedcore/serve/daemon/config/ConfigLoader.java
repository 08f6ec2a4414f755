package ai.seedcore.serve.daemon.config;

import ai.seedcore.serve.base.ConfigException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.jar.JarFile;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.core.exc.InputCoercionException;
import tools.jackson.core.exc.StreamConstraintsException;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.PropertyNamingStrategies;
import tools.jackson.databind.cfg.EnumFeature;
import tools.jackson.databind.exc.UnrecognizedPropertyException;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;
import tools.jackson.databind.node.StringNode;
import tools.jackson.dataformat.yaml.YAMLMapper;

/**
 * Merges the layers of the configuration. Precedence: flag or environment variable, file, built-in
 * default. All layers use the same keys: {@code serve_port} in the file is {@code --serve-port} and
 * {@code SEEDCORE_SERVE_PORT}.
 */
public final class ConfigLoader {

  private static final String BUILT_IN = "built-in.yaml";

  /** Where {@code front_door} says that there is none, although there would be by default. */
  private static final String OFF = "off";

  private static final String LOCAL_DOOR = "127.0.0.1:8000";
  private static final int LOCAL_SERVE_PORT = 8001;

  private static final YAMLMapper YAML =
      YAMLMapper.builder()
          .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
          .enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .disable(DeserializationFeature.ACCEPT_FLOAT_AS_INT)
          .disable(EnumFeature.READ_ENUMS_USING_TO_STRING)
          .build();

  /**
   * The maximum size of a file, in bytes. A parsed file takes many times its size, and the heap is
   * small.
   */
  private static final long MAX_FILE_BYTES = 1 << 20;

  private static final String TOO_COMPLEX =
      "found more than 500 levels of nesting, or an overlong number or string; expected less";

  private static final Pattern VALUE = Pattern.compile("\\(([^()]{1,60})\\)");

  private ConfigLoader() {}

  /**
   * Loads the settings.
   *
   * @param file the user's file; null if there is none
   * @param given the values of flags and environment variables as text, by key
   * @param sources the name of the flag or variable of each of those keys, for messages
   * @throws ConfigException if anything is invalid
   */
  public static Settings load(
      @Nullable Path file, Map<String, String> given, Map<String, String> sources) {
    ObjectNode tree = builtIn();
    ObjectNode overrides = file == null ? YAML.createObjectNode() : readFile(file);
    if (file != null) {
      resolvePaths(overrides, file.toAbsolutePath().getParent());
    }
    given.forEach(overrides::put);
    for (String key : List.of("node_options", "front_door_trusted_proxies", "cors_origins")) {
      // Flags and variables contain the list as one text, separated by spaces or commas.
      if (overrides.path(key).isString()) {
        ArrayNode values = YAML.createArrayNode();
        for (String value : overrides.path(key).stringValue().strip().split("[\\s,]+", -1)) {
          values.add(value);
        }
        overrides.set(key, values);
      }
    }
    if (!overrides.path("builtin").asBoolean(true)) {
      tree.putArray("deployments");
    }
    overlay(tree, overrides);
    openDoor(tree, overrides);
    Settings settings = bind(tree, file, sources);
    checkFiles(settings);
    java(settings).forEach(deployment -> deployment.environment(System.getenv()));
    checkSizes(settings);
    checkClasses(settings);
    return settings;
  }

  /**
   * Sets the front door of a local head, unless the user has: it listens where Serve's proxy would,
   * which goes to the next port.
   */
  private static void openDoor(ObjectNode tree, ObjectNode overrides) {
    if (tree.path("front_door").asString("").equals(OFF)) {
      tree.remove("front_door");
    } else if (tree.path("local").asBoolean(false) && !tree.has("front_door")) {
      tree.put("front_door", LOCAL_DOOR);
      if (!overrides.has("serve_port")) {
        tree.put("serve_port", LOCAL_SERVE_PORT);
      }
    }
  }

  private static ObjectNode builtIn() {
    try (InputStream stream = ConfigLoader.class.getResourceAsStream(BUILT_IN)) {
      return (ObjectNode) YAML.readTree(stream);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static ObjectNode readFile(Path file) {
    JsonNode node;
    try {
      if (Files.size(file) > MAX_FILE_BYTES) {
        throw new ConfigException(
            "%s: found %d KiB, expected at most %d"
                .formatted(file, Files.size(file) >> 10, MAX_FILE_BYTES >> 10));
      }
      node = YAML.readTree(Files.readString(file));
    } catch (IOException e) {
      throw new ConfigException("%s: cannot be read: %s".formatted(file, e));
    } catch (JacksonException e) {
      throw new ConfigException("%s: %s".formatted(file, at(e)));
    }
    if (node.isMissingNode() || node.isNull()) {
      return YAML.createObjectNode(); // An empty file sets nothing.
    }
    if (!(node instanceof ObjectNode object)) {
      throw new ConfigException(
          "%s: found %s, expected a mapping of keys to values".formatted(file, kind(node)));
    }
    return object;
  }

  private static String at(JacksonException e) {
    String place =
        e.getLocation() == null
            ? ""
            : "line %d, column %d: "
                .formatted(e.getLocation().getLineNr(), e.getLocation().getColumnNr());
    return place
        + (e instanceof StreamConstraintsException
            ? TOO_COMPLEX
            : e.getOriginalMessage().lines().findFirst().orElse("invalid YAML"));
  }

  /** Resolves jars and files relative to the folder of the configuration file. */
  private static void resolvePaths(ObjectNode file, @Nullable Path folder) {
    if (folder == null) {
      return;
    }
    if (file.path("deployments") instanceof ArrayNode deployments) {
      new ServeConfigs(ConfigLoader::readFile).expand(deployments, folder);
    }
    for (JsonNode deployment : file.path("deployments")) {
      for (String key : List.of("jars", "files")) {
        if (deployment.path(key) instanceof ArrayNode paths) {
          for (int i = 0; i < paths.size(); i++) {
            if (paths.get(i).isString()) {
              paths.set(i, resolve(folder, paths.get(i)));
            }
          }
        }
      }
      for (JsonNode value : deployment.path("env")) {
        if (value instanceof ObjectNode source && source.path("from_file").isString()) {
          source.set("from_file", resolve(folder, source.get("from_file")));
        }
      }
    }
  }

  private static JsonNode resolve(Path folder, JsonNode path) {
    return StringNode.valueOf(folder.resolve(path.stringValue()).normalize().toString());
  }

  private static void overlay(ObjectNode base, ObjectNode over) {
    for (Map.Entry<String, JsonNode> entry : over.properties()) {
      if (entry.getKey().equals("deployments") && entry.getValue() instanceof ArrayNode added) {
        ArrayNode known = (ArrayNode) base.get("deployments");
        for (JsonNode deployment : added) {
          overlayDeployment(known, deployment);
        }
      } else {
        base.set(entry.getKey(), entry.getValue());
      }
    }
  }

  /**
   * Changes the built-in deployment of the same name if there is one, or the application of the
   * same name from a Serve config file. Otherwise adds a deployment.
   */
  private static void overlayDeployment(ArrayNode known, JsonNode deployment) {
    if (deployment instanceof ObjectNode change && change.path("name").isString()) {
      for (JsonNode candidate : known) {
        boolean changes = isBuiltIn(candidate) || isFromServeConfig(candidate, change);
        if (candidate.path("name").equals(change.get("name")) && changes) {
          ((ObjectNode) candidate).setAll(change);
          return;
        }
      }
    }
    known.add(deployment);
  }

  private static boolean isFromServeConfig(JsonNode candidate, JsonNode change) {
    return candidate.has("import_path") && !change.has("import_path") && !change.has("class");
  }

  private static boolean isBuiltIn(JsonNode deployment) {
    for (JsonNode candidate : builtIn().path("deployments")) {
      if (candidate.path("name").equals(deployment.path("name"))
          && candidate.path("class").equals(deployment.path("class"))) {
        return true;
      }
    }
    return false;
  }

  private static Settings bind(ObjectNode tree, @Nullable Path file, Map<String, String> sources) {
    try {
      return YAML.treeToValue(tree, Settings.class);
    } catch (StackOverflowError e) {
      throw new ConfigException(
          "%s: found too many levels of nesting, expected fewer"
              .formatted(file == null ? "configuration" : file.toString()));
    } catch (JacksonException e) {
      String field = path(e);
      String message = reason(e);
      // The message of a check across fields begins with the field's name.
      if (field.isEmpty()) {
        field = message.replaceAll("[:.].*", "");
      } else {
        message = field + (message.matches("[a-z_.]+: found.*") ? "." : ": ") + message;
      }
      String source = sources.get(field);
      String where = source != null ? source : file != null ? file.toString() : "configuration";
      throw new ConfigException(where + ": " + message);
    }
  }

  private static String path(JacksonException e) {
    StringBuilder path = new StringBuilder();
    for (JacksonException.Reference step : e.getPath()) {
      if (step.getPropertyName() == null) {
        path.append('[').append(step.getIndex()).append(']');
      } else {
        path.append(path.isEmpty() ? "" : ".").append(step.getPropertyName());
      }
    }
    return path.toString();
  }

  private static String reason(JacksonException e) {
    boolean secret = path(e).matches("deployments\\[\\d+]\\.env(\\..*)?");
    if (secret && !(e.getCause() instanceof IllegalArgumentException)) {
      return "found another form, expected names and their values"; // It may hold a secret.
    }
    if (e instanceof UnrecognizedPropertyException unknown) {
      Set<String> known = new TreeSet<>();
      if (unknown.getKnownPropertyIds() != null) {
        unknown.getKnownPropertyIds().forEach(name -> known.add(String.valueOf(name)));
      }
      return "found an unknown field, expected one of " + String.join(", ", known);
    }
    if (e instanceof StreamConstraintsException) {
      return TOO_COMPLEX;
    }
    if (e instanceof InputCoercionException || e.getOriginalMessage().startsWith("Cannot coerce")) {
      Matcher value = VALUE.matcher(e.getOriginalMessage());
      return "found %s, expected an integer that is not too large"
          .formatted(value.find() ? value.group(1) : "another value");
    }
    for (Throwable cause = e.getCause(); cause != null; cause = cause.getCause()) {
      if (cause instanceof IllegalArgumentException && cause.getMessage() != null) {
        return cause.getMessage();
      }
    }
    return e.getOriginalMessage()
        .lines()
        .findFirst()
        .orElse("invalid value")
        .replaceAll("`([a-z]+\\.)+([A-Za-z]+)(<.*>)?`", "$2");
  }

  private static String kind(JsonNode node) {
    return switch (node.getNodeType()) {
      case ARRAY -> "a list";
      case STRING -> "a string";
      default -> node.toString();
    };
  }

  /** Checks files early. Otherwise a replica would fail minutes later. */
  private static void checkFiles(Settings settings) {
    for (DeclaredApplication deployment : settings.deployments()) {
      if (deployment instanceof DeclaredPython python) {
        python.sources().forEach(source -> checkSource(python, source));
      } else if (deployment instanceof DeclaredJava java) {
        for (Path file : java.files()) {
          if (!Files.isRegularFile(file) || !Files.isReadable(file)) {
            throw new ConfigException(
                "deployment %s: files: found no readable file %s, expected one"
                    .formatted(java.name(), file));
          }
        }
      }
    }
  }

  private static void checkSource(DeclaredPython python, Path source) {
    boolean zip = source.toString().endsWith(".zip") && Files.isReadable(source);
    if (!Files.isDirectory(source) && !zip) {
      throw new ConfigException(
          "deployment %s: runtime_env: found %s, expected a folder, a zip file, or a URI such as"
                  .formatted(python.name(), source)
              + " https://example.com/app.zip");
    }
    try {
      long bytes = 0;
      for (Path file : zip ? List.of(source) : SourceFolder.files(source)) {
        bytes += Files.size(file);
      }
      if (bytes > MAX_PACKAGE_MIB << 20) {
        throw new ConfigException(
            "deployment %s: runtime_env: found %d MiB in %s, expected at most %d, the limit of a"
                    .formatted(python.name(), bytes >> 20, source, MAX_PACKAGE_MIB)
                + " package in Ray's GCS");
      }
    } catch (IOException e) {
      throw new ConfigException(
          "deployment %s: runtime_env: %s: cannot be read: %s"
              .formatted(python.name(), source, e.getMessage()));
    }
  }

  private static List<DeclaredJava> java(Settings settings) {
    return settings.deployments().stream()
        .filter(DeclaredJava.class::isInstance)
        .map(DeclaredJava.class::cast)
        .toList();
  }

  /**
   * The maximum size of a package in Ray's GCS. A package contains all jars and files of a
   * deployment.
   */
  private static final long MAX_PACKAGE_MIB = 500;

  /** The part of it that our own jars take, and ONNX Runtime if needed. */
  private static final long OWN_MIB = 8;

  private static final long ONNX_MIB = 32;

  private static void checkSizes(Settings settings) {
    for (DeclaredJava deployment : java(settings)) {
      long sum = 0;
      Path largest = null;
      long size = 0;
      for (Path file : deployment.sources()) {
        long bytes = file.toFile().length();
        sum += bytes;
        if (bytes > size) {
          largest = file;
          size = bytes;
        }
      }
      long most = MAX_PACKAGE_MIB - OWN_MIB - (deployment.bringsOnnx() ? ONNX_MIB : 0);
      if (sum > most << 20) {
        throw new ConfigException(
            ("deployment %s: files: found %d MiB in its jars and files (the largest is %s with %d),"
                    + " expected at most %d, the limit of a package in Ray's GCS; read a larger"
                    + " model from a disk or a bucket that all nodes reach")
                .formatted(deployment.name(), sum >> 20, largest, size >> 20, most));
      }
    }
  }

  /**
   * Checks that each class is in one of its jars. Otherwise a replica on the cluster would fail
   * minutes later.
   */
  private static void checkClasses(Settings settings) {
    for (DeclaredJava deployment : java(settings)) {
      if (deployment.jars().isEmpty()) {
        continue;
      }
      String entry = deployment.className().replace('.', '/') + ".class";
      boolean found = false;
      for (Path jar : deployment.jars()) {
        try (JarFile file = new JarFile(jar.toFile())) {
          found |= file.getEntry(entry) != null;
        } catch (IOException e) {
          throw new ConfigException(
              "deployment %s: jars: found %s, expected a readable jar (%s)"
                  .formatted(deployment.name(), jar, e.getMessage()));
        }
      }
      if (!found) {
        throw new ConfigException(
            "deployment %s: class: found %s, which is in none of its jars %s"
                .formatted(
                    deployment.name(), deployment.className(), List.copyOf(deployment.jars())));
      }
    }
  }
}
