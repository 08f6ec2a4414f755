package ai.seedcore.serve.docker;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

/** Tests the alert rules, and that the metrics in rules and dashboards exist. */
class MonitoringTest {

  private static final Path RULES = Dashboards.MONITORING.resolve("alerts.yml");

  @Test
  void promtoolAcceptsConfigurationAndRuleTests() throws IOException {
    String promtool = promtool();
    Shell.run(
            promtool,
            "check",
            "config",
            "--syntax-only",
            Dashboards.MONITORING.resolve("prometheus.yml").toString())
        .orFail();
    assertThat(Shell.run(promtool, "check", "rules", RULES.toString()).orFail())
        .contains(find("- (alert|record): ", RULES).size() + " rules found");
    for (String tests : List.of("alerts_test.yml", "objectives_test.yml")) {
      Shell.run(promtool, "test", "rules", Dashboards.MONITORING.resolve(tests).toString())
          .orFail();
    }
  }

  private static String promtool() {
    Path tool = Shell.ROOT.resolve(".seedcore/tools/promtool");
    assumeTrue(
        Files.exists(tool), "skipped: promtool is not installed; './seedcore test' installs it");
    return tool.toString();
  }

  @Test
  void everyUsedMetricIsDocumented() throws IOException {
    Set<String> listed = new HashSet<>();
    for (String name :
        find("`((?:seedcore|jvm|process)_\\w+)`", Shell.ROOT.resolve("docs/metrics.md"))) {
      listed.addAll(List.of(name, name + "_bucket", name + "_sum", name + "_count"));
    }
    List<String> asked = new ArrayList<>();
    Pattern name = Pattern.compile("\\b(?:seedcore|jvm|process)_\\w+");
    for (String query : Dashboards.queries()) {
      asked.addAll(name.matcher(query).results().map(MatchResult::group).toList());
    }
    asked.addAll(find("(?m)^\\s+expr:.*?(seedcore_\\w+)", RULES));
    assertThat(asked).isNotEmpty();
    assertThat(listed).containsAll(asked);
  }

  @Test
  void everyAlertHasRunbook() throws IOException {
    String operations = Files.readString(Shell.ROOT.resolve("docs/operations.md"));
    List<String> anchors = find("runbook_url: docs/operations.md#(\\S+)", RULES);
    assertThat(anchors).isNotEmpty().hasSameSizeAs(find("- (alert): ", RULES));
    for (String anchor : anchors) {
      String heading = anchor.replace("alert-", "").replace('-', ' ');
      assertThat(operations).containsIgnoringCase("### Alert: " + heading);
    }
  }

  @Test
  void dashboardsAreValid() {
    List<JsonNode> dashboards = Dashboards.all();
    assertThat(dashboards).hasSize(2);
    for (JsonNode dashboard : dashboards) {
      assertThat(dashboard.path("uid").asString()).matches("[a-z-]{1,40}");
      assertThat(dashboard.path("title").asString()).startsWith("SeedCore: ");
      assertThat(dashboard.path("schemaVersion").asInt()).isGreaterThanOrEqualTo(36);
      Set<Integer> ids = new HashSet<>();
      for (JsonNode panel : dashboard.path("panels")) {
        assertThat(ids.add(panel.path("id").asInt())).as("one id, one panel").isTrue();
        assertThat(panel.path("type").asString()).isIn("stat", "timeseries", "state-timeline");
        assertThat(panel.path("title").asString()).isNotBlank();
        JsonNode place = panel.path("gridPos");
        assertThat(place.path("x").asInt() + place.path("w").asInt()).isBetween(1, 24);
        assertThat(panel.path("targets").size()).isPositive();
        for (JsonNode target : panel.path("targets")) {
          assertThat(target.path("datasource").path("uid").asString())
              .isEqualTo("seedcore-prometheus");
          assertThat(target.path("expr").asString()).isNotBlank();
        }
      }
    }
  }

  private static List<String> find(String pattern, Path file) throws IOException {
    return Pattern.compile(pattern)
        .matcher(Files.readString(file))
        .results()
        .map(found -> found.group(1))
        .toList();
  }
}
