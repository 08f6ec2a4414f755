package ai.seedcore.serve.bench.anomaly;

import com.amazon.randomcutforest.config.ForestMode;
import com.amazon.randomcutforest.config.TransformMethod;
import com.amazon.randomcutforest.parkservices.AnomalyDescriptor;
import com.amazon.randomcutforest.parkservices.ThresholdedRandomCutForest;

/** The forest's own library with its own thresholds, as its examples use it. */
final class LibraryRule implements Rule {

  private static final int SHINGLE = 8;

  @Override
  public Verdicts judge(LabelledSeries series) {
    int metrics = series.values()[0].length;
    ThresholdedRandomCutForest forest =
        ThresholdedRandomCutForest.builder()
            .dimensions(SHINGLE * metrics)
            .shingleSize(SHINGLE)
            .numberOfTrees(50)
            .sampleSize(256)
            .randomSeed(7)
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
