package ai.seedcore.serve.bench.anomaly;

import ai.seedcore.serve.bench.series.LabelledSeries;
import com.amazon.randomcutforest.config.ForestMode;
import com.amazon.randomcutforest.config.TransformMethod;
import com.amazon.randomcutforest.parkservices.AnomalyDescriptor;
import com.amazon.randomcutforest.parkservices.ThresholdedRandomCutForest;

/** The thresholded forest of the random cut forest library, configured as in its examples. */
final class LibraryRule implements Rule {

  private static final int SHINGLE = 8;
  private static final int TREES = 50;
  private static final int SAMPLE = 256;
  private static final long SEED = 7;

  @Override
  public Verdicts judge(LabelledSeries series) {
    int metrics = series.values()[0].length;
    ThresholdedRandomCutForest forest =
        ThresholdedRandomCutForest.builder()
            .dimensions(SHINGLE * metrics)
            .shingleSize(SHINGLE)
            .numberOfTrees(TREES)
            .sampleSize(SAMPLE)
            .randomSeed(SEED)
            .forestMode(ForestMode.STANDARD)
            .transformMethod(TransformMethod.NORMALIZE)
            .autoAdjust(true)
            .build();
    double[] scores = new double[series.size()];
    boolean[] alarms = new boolean[series.size()];
    for (int i = 0; i < scores.length; i++) {
      AnomalyDescriptor descriptor = forest.process(series.values()[i], (long) series.times()[i]);
      scores[i] = descriptor.getRCFScore();
      alarms[i] = descriptor.getAnomalyGrade() > 0;
    }
    return new Verdicts(scores, alarms);
  }
}
