package ai.seedcore.serve.anomaly;

import com.amazon.randomcutforest.RandomCutForest;

/**
 * A random cut forest (Guha et al., "Robust Random Cut Forest Based Anomaly Detection on Streams",
 * ICML 2016) over the last points of all metrics at once: it sees what no metric shows by itself,
 * as metrics that no longer move together, or many small surprises in a row.
 */
final class Forest {

  /** Points that are looked at together. */
  private static final int SHINGLE = 4;

  private static final int TREES = 30;
  private static final int SAMPLE = 256;
  private static final long SEED = 20_240_229;

  /** Points after which its scores are taken for what is usual. */
  private static final int WARM_UP = 40;

  /** Scores differ by so much without meaning. */
  private static final double LEAST = 0.02;

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
            .timeDecay(1.0 / (10.0 * SAMPLE))
            .parallelExecutionEnabled(false)
            .randomSeed(SEED)
            .build();
  }

  /**
   * Judges the next point, then remembers it.
   *
   * @param rarities how rare each metric is, in decades and with its side
   * @return the decades by which the forest's score is rare
   */
  double next(double[] rarities) {
    float[] point = new float[rarities.length];
    for (int i = 0; i < point.length; i++) {
      point[i] = (float) rarities[i];
    }
    double rarity = 0;
    if (seen++ >= WARM_UP) {
      double score = forest.getAnomalyScore(forest.transformToShingledPoint(point));
      rarity = scores.rarity(score, LEAST);
      scores.add(Math.min(score, scores.value(Tail.LEARNED, LEAST)));
    }
    forest.update(point);
    return rarity;
  }
}
