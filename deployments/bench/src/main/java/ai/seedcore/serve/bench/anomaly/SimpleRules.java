package ai.seedcore.serve.bench.anomaly;

import java.util.Arrays;

/** What people write in an afternoon; each metric for itself, the strangest one counts. */
enum SimpleRules implements Rule {
  /** Deviations from the mean of the last points. */
  ROLLING_Z {
    @Override
    double deviations(double[] past, double value) {
      double mean = Arrays.stream(past).average().orElse(0);
      double squares = Arrays.stream(past).map(p -> (p - mean) * (p - mean)).sum();
      return ratio(Math.abs(value - mean), Math.sqrt(squares / past.length));
    }

    @Override
    double limit() {
      return 3;
    }
  },

  /** Median absolute deviations from the median of the last points. */
  MEDIAN_MAD {
    @Override
    double deviations(double[] past, double value) {
      double median = median(past.clone());
      double[] distances = Arrays.stream(past).map(p -> Math.abs(p - median)).toArray();
      return ratio(Math.abs(value - median), 1.4826 * median(distances));
    }

    @Override
    double limit() {
      return 3.5;
    }
  };

  private static final int WINDOW = 100;
  private static final int WARM_UP = 20;

  abstract double deviations(double[] past, double value);

  abstract double limit();

  @Override
  public Verdicts judge(LabelledSeries series) {
    double[][] values = series.values();
    double[] scores = new double[values.length];
    boolean[] alarms = new boolean[values.length];
    for (int metric = 0; metric < values[0].length; metric++) {
      for (int i = WARM_UP; i < values.length; i++) {
        double[] past = new double[Math.min(i, WINDOW)];
        for (int j = 0; j < past.length; j++) {
          past[j] = values[i - past.length + j][metric];
        }
        scores[i] = Math.max(scores[i], deviations(past, values[i][metric]));
        alarms[i] = scores[i] > limit();
      }
    }
    return new Verdicts(scores, alarms);
  }

  private static double ratio(double distance, double spread) {
    return distance == 0 ? 0 : Math.min(1e6, distance / Math.max(spread, 1e-9));
  }

  private static double median(double[] values) {
    Arrays.sort(values);
    int middle = values.length / 2;
    return values.length % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
  }
}
