package ai.seedcore.serve.bench.anomaly;

import ai.seedcore.serve.bench.anomaly.Rule.Verdicts;
import ai.seedcore.serve.bench.series.LabelledSeries;
import ai.seedcore.serve.bench.series.LabelledSeries.Event;
import ai.seedcore.serve.bench.series.SeriesFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Prints the accuracy of detectors on labelled series, by domain (the name of a file without its
 * number), and on each half of the series.
 *
 * <p>Labelled or reported points at most three points apart count as one event or alert. An event
 * is found if an alert touches it within two points. An alert is right if it touches an event.
 */
final class FolderTable {

  /** The distance within which an alert touches an event, in points. */
  private static final int SLACK = 2;

  private static final double PER_POINTS = 1_000;

  private static final class Tally {
    private int events;
    private int found;
    private int alerts;
    private int right;
    private int points;
    private int quietPoints;
    private int quietAlerts;

    void add(List<Event> labelled, List<Event> reported, int size) {
      events += labelled.size();
      found += (int) labelled.stream().filter(event -> touches(event, reported)).count();
      alerts += reported.size();
      right += (int) reported.stream().filter(alert -> touches(alert, labelled)).count();
      points += size;
      quietPoints += labelled.isEmpty() ? size : 0;
      quietAlerts += labelled.isEmpty() ? reported.size() : 0;
    }

    String row() {
      double recall = events == 0 ? 1 : (double) found / events;
      double precision = alerts == 0 ? 1 : (double) right / alerts;
      return String.format(
          Locale.ROOT,
          "%d | %.2f | %.2f | %.3f | %.2f | %s |",
          events,
          recall,
          precision,
          recall + precision == 0 ? 0 : 2 * recall * precision / (recall + precision),
          PER_POINTS * (alerts - right) / points,
          quietPoints == 0
              ? ""
              : String.format(Locale.ROOT, "%.2f", PER_POINTS * quietAlerts / quietPoints));
    }
  }

  private FolderTable() {}

  /**
   * Prints the table.
   *
   * @param plots the folder to write a plot of each series to; null for none
   */
  static void print(Path folder, @Nullable Path plots, Map<String, Rule> rules) throws IOException {
    List<LabelledSeries> all = SeriesFile.folder(folder);
    if (all.isEmpty()) {
      throw new IllegalArgumentException(folder + ": found no CSV file, expected labelled series");
    }
    if (plots != null) {
      Files.createDirectories(plots);
    }
    System.out.println(
        "| series | detector | events | found | alerts right | F1 | false alarms per 1,000 points"
            + " | without labelled events |");
    System.out.println("|---|---|---|---|---|---|---|---|");
    Map<String, Map<String, Tally>> groups = new TreeMap<>();
    for (Map.Entry<String, Rule> rule : rules.entrySet()) {
      List<boolean[]> alarms =
          all.parallelStream().map(series -> alarms(rule.getValue(), series)).toList();
      for (int i = 0; i < all.size(); i++) {
        LabelledSeries series = all.get(i);
        List<Event> reported = LabelledSeries.runs(alarms.get(i), SeriesFile.EVENT_GAP);
        for (String group : List.of(series.kind(), i % 2 == 0 ? "~half A" : "~half B", "~~all")) {
          groups
              .computeIfAbsent(group, name -> new TreeMap<>())
              .computeIfAbsent(rule.getKey(), name -> new Tally())
              .add(series.events(), reported, series.size());
        }
        if (plots != null && rule.getKey().equals(DetectorRule.NAME)) {
          Files.writeString(plots.resolve(series.name() + ".svg"), Plot.svg(series, reported));
        }
      }
    }
    groups.forEach(
        (group, tallies) ->
            rules
                .keySet()
                .forEach(
                    rule ->
                        System.out.println(
                            "| %s | %s | %s"
                                .formatted(
                                    group.replace("~", ""), rule, tallies.get(rule).row()))));
  }

  /** Returns the reported points. Only AnomalyDetector receives missing values. */
  private static boolean[] alarms(Rule rule, LabelledSeries series) {
    if (rule instanceof DetectorRule) {
      return rule.judge(series).alarms();
    }
    int[] present =
        IntStream.range(0, series.size())
            .filter(i -> !Double.isNaN(series.values()[i][0]))
            .toArray();
    List<double[]> values = new ArrayList<>();
    double[] times = new double[present.length];
    for (int i = 0; i < present.length; i++) {
      values.add(series.values()[present[i]]);
      times[i] = series.times()[present[i]];
    }
    Verdicts verdicts =
        rule.judge(
            new LabelledSeries(
                series.name(), series.kind(), times, values.toArray(double[][]::new), List.of()));
    boolean[] alarms = new boolean[series.size()];
    for (int i = 0; i < present.length; i++) {
      alarms[present[i]] = verdicts.alarms()[i];
    }
    return alarms;
  }

  private static boolean touches(Event event, List<Event> others) {
    return others.stream()
        .anyMatch(
            other ->
                event.first() - SLACK <= other.last() && other.first() <= event.last() + SLACK);
  }
}
