package ai.seedcore.serve.anomaly;

import com.amazon.randomcutforest.RandomCutForest;

/**
 * A random cut forest (Guha et al., "Robust Random Cut Forest Based Anomaly Detection on Streams",
 * ICML 2016) over the last points of all metrics. It detects anomalies that no single metric shows,
 * such as a broken correlation or a sequence of small deviations.
 */
final class Forest {

  /** The number of consecutive points in one input of the forest. */
  private static final int SHINGLE = 4;

  private static final int TREES = 30;
  private static final int SAMPLE = 256;
  private static final long SEED = 20_240_229;

  /** The decay is the inverse of this many samples. */
  private static final double DECAY_SAMPLES = 10;

  /** The number of points after which the scores are representative. */
  private static final int WARM_UP = 40;

  /** The minimum scale of the scores' distribution; smaller differences are noise. */
  private static final double MIN_SCALE = 0.02;

  private final RandomCutForest forest;
  private final Tail scores = new Tail();
  private int seen;

  Forest(int metrics) {
    forest =
        RandomCutForest.builder()
            .dimensions(metrics * SHINGLE)
            .shingleSize(SHINGLE)
            .internalShinglingEnabled(true)
            .numberOfTrees(TREES)
            .sampleSize(SAMPLE)
            .outputAfter(WARM_UP / 2)
            .timeDecay(1.0 / (DECAY_SAMPLES * SAMPLE))
            .parallelExecutionEnabled(false)
            .randomSeed(SEED)
            .build();
  }

  /**
   * Scores the next point, then adds it to the forest.
   *
   * @param rarities the signed rarity of each metric, in decades
   * @return the rarity of the forest's score, in decades
   */
  double next(double[] rarities) {
    float[] point = new float[rarities.length];
    for (int i = 0; i < point.length; i++) {
      point[i] = (float) rarities[i];
    }
    double rarity = 0;
    if (seen++ >= WARM_UP) {
      double score = forest.getAnomalyScore(forest.transformToShingledPoint(point));
      rarity = scores.rarity(score, MIN_SCALE);
      scores.add(Math.min(score, scores.value(Tail.MAX_LEARNED_RARITY, MIN_SCALE)));
    }
    forest.update(point);
    return rarity;
  }
}
