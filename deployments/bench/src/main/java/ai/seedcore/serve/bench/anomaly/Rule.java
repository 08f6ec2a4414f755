package ai.seedcore.serve.bench.anomaly;

/** A detector that is measured. */
interface Rule {

  /**
   * What it says of a series, point by point in order.
   *
   * @param scores one a point, higher is stranger
   * @param alarms one a point
   */
  @SuppressWarnings("ArrayRecordComponent") // Never compared.
  record Verdicts(double[] scores, boolean[] alarms) {}

  /** Judges a series. */
  Verdicts judge(LabelledSeries series);
}
