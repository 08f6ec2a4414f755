package ai.seedcore.serve.daemon.cluster;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Writes the rows that were measured into docs/faults.md, below what people wrote there. */
final class FaultPage {

  private static final String MARK = "<!-- From here on written by './seedcore faults'. -->\n";

  private static final Map<String, String> GROUPS = new LinkedHashMap<>();

  static {
    GROUPS.put("HeadFaultsIT", "The head");
    GROUPS.put("RedisFaultsIT", "A head whose GCS keeps its state in Redis");
    GROUPS.put("ServeFaultsIT", "Serve");
    GROUPS.put("DeclaredFaultsIT", "Declared deployments");
    GROUPS.put("DriverFaultsIT", "The driver");
    GROUPS.put("DaemonFaultsIT", "The daemon, its machine and its files");
    GROUPS.put("OwnNodeFaultsIT", "The daemon's own head");
    GROUPS.put("ProxiedFaultsIT", "Latency and the clock");
    GROUPS.put("LeadershipIT", "Two daemons");
    GROUPS.put("NetworkFaultsIT", "The network, with the daemon's own node on another host");
    GROUPS.put("LoadIT", "Under load");
    GROUPS.put("DoorFaultsIT", "Through the front door, 100 requests a second");
    GROUPS.put("UpgradeFaultsIT", "New versions, 100 requests a second through the front door");
  }

  private FaultPage() {}

  /** Writes the page anew, from the files of all rows. */
  static void write(Path page, Path rows) throws IOException {
    List<JsonNode> all = new ArrayList<>();
    try (Stream<Path> files = Files.list(rows)) {
      for (Path file : files.filter(f -> f.toString().endsWith(".json")).toList()) {
        all.add(JsonMapper.shared().readTree(Files.readString(file)));
      }
    }
    StringBuilder text = new StringBuilder();
    String old = Files.exists(page) ? Files.readString(page) : "# Faults\n\n";
    int mark = old.indexOf(MARK);
    text.append(mark < 0 ? old : old.substring(0, mark)).append(MARK);
    GROUPS.forEach((group, title) -> append(text, title, known(old, title), all, group));
    Files.writeString(page, text);
  }

  /** The rows of a section as the page has them, by their faults: those not made again stay. */
  private static Map<String, String> known(String page, String title) {
    Map<String, String> lines = new LinkedHashMap<>();
    int section = page.indexOf("\n## " + title + "\n");
    if (section >= 0) {
      int end = page.indexOf("\n## ", section + 1);
      page.substring(section, end < 0 ? page.length() : end)
          .lines()
          .filter(line -> line.startsWith("| ") && !line.startsWith("| fault |"))
          .forEach(line -> lines.put(line.split(" \\| ", 2)[0].substring(2), line + "\n"));
    }
    return lines;
  }

  private static void append(
      StringBuilder text,
      String title,
      Map<String, String> lines,
      List<JsonNode> all,
      String group) {
    List<JsonNode> rows =
        all.stream()
            .filter(row -> row.path("class").asString("").equals(group))
            .sorted(Comparator.comparing(row -> row.path("order").asInt(0)))
            .toList();
    rows.forEach(row -> lines.put(row.path("fault").asString(), line(row)));
    if (lines.isEmpty()) {
      return;
    }
    text.append("\n## ").append(title).append("\n\n");
    text.append("| fault | expected | noticed | serving again | failed | deploys | exits |\n");
    text.append("|---|---|---|---|---|---|---|\n");
    lines.values().forEach(text::append);
  }

  private static String line(JsonNode row) {
    String note = row.path("note").asString("");
    return "| %s | %s | %s | %s | %s | %s | %d |%n"
        .formatted(
            row.path("fault").asString(),
            row.path("expected").asString()
                + (note.isEmpty() ? "" : " *(" + note.replace("|", "/") + ")*"),
            seconds(row.path("noticed_s")),
            seconds(row.path("serving_s")),
            row.has("failed") ? "%s of %s".formatted(row.path("failed"), row.path("sent")) : "",
            row.path("deploys").asString("0"),
            row.path("exits").asInt());
  }

  private static String seconds(JsonNode value) {
    return value.isNumber() ? String.format(Locale.ROOT, "%.1f s", value.asDouble()) : "";
  }
}
