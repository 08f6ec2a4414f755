package ai.seedcore.serve.docker;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.MappingIterator;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;
import tools.jackson.dataformat.yaml.YAMLMapper;

/** The manifests in docker/kubernetes, as kubectl would send them. */
final class Manifests {

  static final Path FOLDER = Shell.ROOT.resolve("docker/kubernetes");
  static final YAMLMapper YAML = new YAMLMapper();

  private Manifests() {}

  /** Returns all objects of one of our folders. */
  static List<ObjectNode> of(String folder) {
    return in(FOLDER.resolve(folder));
  }

  /** Returns all objects of a Kustomize folder. */
  static List<ObjectNode> in(Path folder) {
    return read(build(folder));
  }

  /** Returns what Kustomize makes of a folder. */
  static String build(Path folder) {
    return Shell.run(tool("kustomize"), "build", folder.toString()).orFail();
  }

  static List<ObjectNode> read(String text) {
    List<ObjectNode> all = new ArrayList<>();
    try (MappingIterator<ObjectNode> documents =
        YAML.readerFor(ObjectNode.class).readValues(text)) {
      documents.forEachRemaining(all::add);
    }
    return all;
  }

  static ObjectNode only(List<ObjectNode> all, String kind) {
    List<ObjectNode> found =
        all.stream().filter(each -> each.path("kind").asString().equals(kind)).toList();
    if (found.size() != 1) {
      throw new AssertionError("%d of kind %s".formatted(found.size(), kind));
    }
    return found.get(0);
  }

  /** Returns all pod templates in an object. */
  static List<ObjectNode> templates(JsonNode in) {
    List<ObjectNode> found = new ArrayList<>();
    for (JsonNode template : in.findValues("template")) {
      if (template.path("spec").path("containers") instanceof ArrayNode) {
        found.add((ObjectNode) template);
      }
    }
    return found;
  }

  static String tool(String name) {
    Path tool = Shell.ROOT.resolve(".seedcore/tools").resolve(name);
    assumeTrue(
        Files.exists(tool),
        "skipped: %s is not installed; './seedcore test' installs it".formatted(name));
    return tool.toString();
  }
}
