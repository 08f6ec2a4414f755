package ai.seedcore.serve.bench.anomaly;

import ai.seedcore.serve.series.Robust;
import java.util.Arrays;

/**
 * Common simple rules: the distance of a value from the last ones, in units of their spread. They
 * score each metric separately and use the highest score.
 */
final class SimpleRules {

  private static final int WINDOW = 200;
  private static final int WARM_UP = 20;
  private static final int SECONDS_PER_DAY = 86_400;

  private static final double MAX_RATIO = 1e6;

  /** Returns the distance of a value from the center of the past values, in deviations. */
  private interface Deviations {
    double of(double[] past, double value);
  }

  private SimpleRules() {}

  /** Standard deviations from the mean of the last 200 points. */
  static Rule rollingZ(double limit) {
    return series -> judge(series.values(), limit, SimpleRules::z);
  }

  /** Median absolute deviations from the median of the last 200 points. */
  static Rule medianMad(double limit) {
    return series ->
        judge(
            series.values(),
            limit,
            (past, value) -> {
              double median = Robust.median(past);
              double[] distances = Arrays.stream(past).map(p -> Math.abs(p - median)).toArray();
              return ratio(Math.abs(value - median), Robust.deviation(distances));
            });
  }

  /** The difference from the same time yesterday, in standard deviations of that difference. */
  static Rule seasonalNaive(double limit) {
    return series -> {
      int period = (int) Math.max(1, Math.round(SECONDS_PER_DAY / series.step()));
      double[][] values = series.values();
      double[][] differences = new double[values.length][];
      for (int i = 0; i < values.length; i++) {
        double[] before = i < period ? values[i] : values[i - period];
        double[] row = values[i].clone();
        Arrays.setAll(row, metric -> row[metric] - before[metric]);
        differences[i] = row;
      }
      return judge(differences, limit, SimpleRules::z);
    };
  }

  private static double z(double[] past, double value) {
    double mean = Arrays.stream(past).average().orElse(0);
    double squares = Arrays.stream(past).map(p -> (p - mean) * (p - mean)).sum();
    return ratio(Math.abs(value - mean), Math.sqrt(squares / past.length));
  }

  private static Rule.Verdicts judge(double[][] values, double limit, Deviations deviations) {
    double[] scores = new double[values.length];
    boolean[] alarms = new boolean[values.length];
    for (int metric = 0; metric < values[0].length; metric++) {
      for (int i = WARM_UP; i < values.length; i++) {
        double[] past = new double[Math.min(i, WINDOW)];
        for (int j = 0; j < past.length; j++) {
          past[j] = values[i - past.length + j][metric];
        }
        scores[i] = Math.max(scores[i], deviations.of(past, values[i][metric]));
        alarms[i] = scores[i] > limit;
      }
    }
    return new Rule.Verdicts(scores, alarms);
  }

  /** Returns a ratio; 0 if there is no spread, as the rules' usual code does. */
  private static double ratio(double distance, double spread) {
    return spread == 0 ? 0 : Math.min(MAX_RATIO, distance / spread);
  }
}
