package ai.seedcore.serve.bench.anomaly;

import ai.seedcore.serve.bench.anomaly.Generator.Kind;
import ai.seedcore.serve.bench.series.LabelledSeries;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.IntStream;

/**
 * Prints the accuracy of AnomalyDetector and of other detectors: on the labelled series of a folder
 * ({@link FolderTable}), or on generated ones.
 */
public final class AnomalyTable {

  private static final int POINTS = 2_000;
  private static final int FIRST_SEED = 101;
  private static final int SEEDS = 8;
  private static final double[] NOISES = {0.5, 1, 2};

  /** One series in this many has no anomalies. */
  private static final int QUIET_INTERVAL = 4;

  private record Trial(double noise, LabelledSeries series) {}

  private AnomalyTable() {}

  /**
   * Prints the tables.
   *
   * @param arguments optionally a folder of labelled series, and a folder for plots
   */
  public static void main(String[] arguments) throws IOException {
    if (arguments.length > 0) {
      FolderTable.print(
          Path.of(arguments[0]), arguments.length > 1 ? Path.of(arguments[1]) : null, rules());
      return;
    }
    List<Trial> trials = trials();
    int points = trials.stream().mapToInt(trial -> trial.series().size()).sum();
    long quiet = trials.stream().filter(trial -> trial.series().events().isEmpty()).count();
    System.out.printf(
        Locale.ROOT,
        "%d series of %d points (%d of them without any anomaly), seeds %d to %d%n%n",
        trials.size(),
        points / trials.size(),
        quiet,
        FIRST_SEED,
        FIRST_SEED + SEEDS - 1);
    Map<String, Rule> rules = rules();

    header("rule", "noise");
    List<Rule.Verdicts> verdicts = List.of();
    for (Map.Entry<String, Rule> rule : rules.entrySet()) {
      verdicts =
          trials.parallelStream().map(trial -> rule.getValue().judge(trial.series())).toList();
      print(trials, verdicts, trial -> rule.getKey() + " | " + trial.noise());
      print(trials, verdicts, trial -> rule.getKey() + " | all");
    }
    System.out.println();
    header("AnomalyDetector on", "noise");
    print(trials, verdicts, trial -> trial.series().kind().toLowerCase(Locale.ROOT) + " | all");
    System.out.println();
    CalibrationTable.print();
  }

  private static Map<String, Rule> rules() {
    Map<String, Rule> rules = new LinkedHashMap<>();
    rules.put("rolling z-score, above 4", SimpleRules.rollingZ(4));
    rules.put("rolling z-score, above 6", SimpleRules.rollingZ(6));
    rules.put("median and MAD, above 8", SimpleRules.medianMad(8));
    rules.put("seasonal naive, above 6", SimpleRules.seasonalNaive(6));
    rules.put("spectral residual", new SpectralResidual());
    rules.put("thresholded random cut forest", new LibraryRule());
    rules.put(DetectorRule.NAME, new DetectorRule());
    return rules;
  }

  private static List<Trial> trials() {
    List<Trial> trials = new ArrayList<>();
    for (double noise : NOISES) {
      for (Kind kind : Kind.values()) {
        for (int i = 0; i < SEEDS; i++) {
          // Normal series show the false alarms.
          boolean quiet = i % QUIET_INTERVAL == QUIET_INTERVAL - 1;
          trials.add(
              new Trial(noise, new Generator(FIRST_SEED + i, noise, POINTS, quiet).make(kind)));
        }
      }
    }
    return trials;
  }

  private static void header(String first, String second) {
    System.out.printf(
        "| %s | %s | precision | recall | F1 | false alarms per 1,000 | average precision |%n",
        first, second);
    System.out.println("|---|---|---|---|---|---|---|");
  }

  /** Prints one row per group of trials. */
  private static void print(
      List<Trial> trials, List<Rule.Verdicts> verdicts, Function<Trial, String> group) {
    Map<String, Tally> tallies = new LinkedHashMap<>();
    IntStream.range(0, trials.size())
        .forEach(
            i ->
                tallies
                    .computeIfAbsent(group.apply(trials.get(i)), name -> new Tally())
                    .add(trials.get(i).series(), verdicts.get(i)));
    tallies.forEach(
        (name, tally) ->
            System.out.printf(
                Locale.ROOT,
                "| %s | %.2f | %.2f | %.2f | %.2f | %.2f |%n",
                name,
                tally.precision(),
                tally.recall(),
                tally.f1(),
                tally.falseAlarms(),
                tally.averagePrecision()));
  }
}
