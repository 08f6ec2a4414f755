package ai.seedcore.serve.bench.anomaly;

import ai.seedcore.serve.bench.series.LabelledSeries;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.function.IntToDoubleFunction;

/** Prints how many points of series without anomalies score above what they should. */
final class CalibrationTable {

  /** The number of values of a series. */
  private static final int POINTS = 100_000;

  private static final double STEP_S = 60;

  /** The first points, in which the detector learns. */
  private static final int LEARNING = 500;

  /** The rarities in decades, and with them the scores {@code d / (d + 3)}. */
  private static final double[] DECADES = {1, 2, 3, 3.5, 4};

  private CalibrationTable() {}

  static void print() {
    System.out.println(
        "| noise | above score 0.25: 1 in 10 | 0.40: 1 in 100 | 0.50: 1 in 1,000"
            + " | 0.54: 1 in 3,162 | 0.57: 1 in 10,000 | reported per 1,000 |");
    System.out.println("|---|---|---|---|---|---|---|");
    noises().forEach(CalibrationTable::print);
  }

  private static void print(String name, double[][] rows) {
    double[] times = new double[rows.length];
    Arrays.setAll(times, i -> i * STEP_S);
    Rule.Verdicts verdicts =
        new DetectorRule().judge(new LabelledSeries(name, name, times, rows, List.of()));
    StringBuilder row = new StringBuilder("| " + name);
    for (double decades : DECADES) {
      double score = decades / (decades + 3);
      int above = 0;
      for (int i = LEARNING; i < rows.length; i++) {
        above += verdicts.scores()[i] > score ? 1 : 0;
      }
      double share = (double) above / (rows.length - LEARNING);
      row.append(String.format(Locale.ROOT, " | x %.2f", share * Math.pow(10, decades)));
    }
    int reported = 0;
    for (int i = LEARNING; i < rows.length; i++) {
      reported += verdicts.alarms()[i] ? 1 : 0;
    }
    System.out.printf(
        Locale.ROOT, "%s | %.3f |%n", row, 1_000.0 * reported / (rows.length - LEARNING));
  }

  private static Map<String, double[][]> noises() {
    Random random = new Random(11);
    Map<String, double[][]> noises = new LinkedHashMap<>();
    noises.put("normal", series(i -> 10 + random.nextGaussian()));
    noises.put("uniform", series(i -> random.nextDouble()));
    noises.put("Laplace", series(i -> exponential(random) * (random.nextBoolean() ? 1 : -1)));
    noises.put("Student t, 4 degrees", series(i -> student(random, 4)));
    noises.put("lognormal", series(i -> Math.exp(0.7 * random.nextGaussian())));
    noises.put("exponential", series(i -> exponential(random)));
    noises.put(
        "gamma, shape 3",
        series(i -> exponential(random) + exponential(random) + exponential(random)));
    double[] last = {0};
    noises.put("autocorrelated, 0.9", series(i -> last[0] = 0.9 * last[0] + random.nextGaussian()));
    noises.put(
        "normal, season of 96",
        series(i -> 10 * Math.sin(2 * Math.PI * i / 96) + random.nextGaussian()));
    noises.put("normal, trend", series(i -> 0.001 * i + random.nextGaussian()));
    noises.put(
        "lognormal, season of 48",
        series(i -> Math.exp(Math.sin(2 * Math.PI * i / 48) + 0.3 * random.nextGaussian())));
    noises.put("normal, 5 metrics", series(5, i -> random.nextGaussian()));
    double[] common = {0};
    noises.put(
        "normal, 5 correlated metrics",
        series(
            5,
            i -> {
              common[0] = i % 5 == 0 ? random.nextGaussian() : common[0];
              return common[0] + 0.5 * random.nextGaussian();
            }));
    return noises;
  }

  private static double[][] series(IntToDoubleFunction value) {
    return series(1, value);
  }

  /** Returns rows of several metrics, whose values are made one after the other. */
  private static double[][] series(int metrics, IntToDoubleFunction value) {
    double[][] rows = new double[POINTS / metrics][metrics];
    for (int i = 0; i < POINTS; i++) {
      rows[i / metrics][i % metrics] = value.applyAsDouble(i);
    }
    return rows;
  }

  private static double exponential(Random random) {
    return -Math.log(1 - random.nextDouble());
  }

  private static double student(Random random, int degrees) {
    double squares = 0;
    for (int i = 0; i < degrees; i++) {
      double normal = random.nextGaussian();
      squares += normal * normal;
    }
    return random.nextGaussian() / Math.sqrt(squares / degrees);
  }
}
