package ai.seedcore.serve.bench.anomaly;

import ai.seedcore.serve.series.Robust;
import java.util.Arrays;

/** Common simple rules. They score each metric separately and use the highest score. */
enum SimpleRules implements Rule {
  /** Standard deviations from the mean of the last points. */
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
      double median = Robust.median(past);
      double[] distances = Arrays.stream(past).map(p -> Math.abs(p - median)).toArray();
      return ratio(Math.abs(value - median), Robust.deviation(distances));
    }

    @Override
    double limit() {
      return 3.5;
    }
  };

  private static final int WINDOW = 100;
  private static final int WARM_UP = 20;

  private static final double MAX_RATIO = 1e6;
  private static final double MIN_SPREAD = 1e-9;

  /** Returns the distance of a value from the center of the past values, in deviations. */
  abstract double deviations(double[] past, double value);

  /** Returns the number of deviations above which a point is reported. */
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
    return distance == 0 ? 0 : Math.min(MAX_RATIO, distance / Math.max(spread, MIN_SPREAD));
  }
}
