package ai.seedcore.serve.docker;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The Grafana dashboards. */
final class Dashboards {

  static final Path MONITORING = Shell.ROOT.resolve("docker/monitoring");

  private Dashboards() {}

  static List<JsonNode> all() {
    try (Stream<Path> files = Files.list(MONITORING.resolve("grafana/dashboards"))) {
      return files.sorted().map(JsonMapper.shared()::readTree).toList();
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  /** A variable of a dashboard, which stands for all values. */
  private static final Pattern VARIABLE = Pattern.compile("\\$(app|instance)\\b");

  /** Returns the PromQL queries of all dashboards. */
  static List<String> queries() {
    return all().stream()
        .flatMap(dashboard -> dashboard.findValuesAsString("expr").stream())
        .map(query -> VARIABLE.matcher(query).replaceAll(".*"))
        .distinct()
        .toList();
  }
}
