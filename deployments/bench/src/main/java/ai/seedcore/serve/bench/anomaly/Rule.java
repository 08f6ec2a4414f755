package ai.seedcore.serve.bench.anomaly;

import ai.seedcore.serve.bench.series.LabelledSeries;

/** A detector to measure. */
interface Rule {

  /**
   * The results for a series.
   *
   * @param scores one score per point; higher is more anomalous
   * @param alarms for each point, whether it is reported
   */
  @SuppressWarnings("ArrayRecordComponent") // Never compared.
  record Verdicts(double[] scores, boolean[] alarms) {}

  /** Scores a series. */
  Verdicts judge(LabelledSeries series);
}
