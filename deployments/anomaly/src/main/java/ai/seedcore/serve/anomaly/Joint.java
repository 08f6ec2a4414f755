package ai.seedcore.serve.anomaly;

/**
 * How rare the distance of each metric from its expectation is, given those of the other metrics at
 * the same time: metrics that move together by themselves are not strange, one that stays behind
 * is.
 *
 * <p>Given the others, the distance of a metric is {@code (P r)_j / P_jj}, where {@code P} is the
 * inverse of the covariance of the distances {@code r} (Whittaker, "Graphical Models in Applied
 * Multivariate Statistics", 1990, section 5.7).
 */
final class Joint {

  private static final int WINDOW = 512;

  /** Points between two estimates of the covariance. */
  private static final int FIT = 64;

  /** No metric is known from the others more closely than to a tenth of its own deviation. */
  private static final double RIDGE = 0.01;

  /** Keeps what is constant from a division by 0, and what is large from overflow. */
  private static final double NOTHING = 1e-200;

  private final double[][] window;
  private final TwoSidedTail[] tails;
  private double[][] precision = new double[0][];
  private int seen;

  Joint(int metrics) {
    window = new double[WINDOW][metrics];
    tails = new TwoSidedTail[metrics];
    for (int i = 0; i < metrics; i++) {
      tails[i] = new TwoSidedTail();
    }
  }

  /**
   * Judges the next point.
   *
   * @param distances of the metrics from their expectations
   * @param learned the same, as far as they may be learned from
   * @return one rarity a metric, in decades, negative where it is too low
   */
  double[] next(double[] distances, double[] learned) {
    double[] rarities = new double[distances.length];
    for (int i = 0; i < rarities.length && precision.length > 0; i++) {
      double sum = 0;
      for (int j = 0; j < rarities.length; j++) {
        sum += precision[i][j] * distances[j];
      }
      double distance = sum / precision[i][i];
      rarities[i] = tails[i].rarity(distance, NOTHING);
      tails[i].add(tails[i].bounded(distance, Tail.LEARNED, NOTHING));
    }
    window[seen++ % WINDOW] = learned;
    if (seen % FIT == 0) {
      precision = precision();
    }
    return rarities;
  }

  private double[][] precision() {
    int n = tails.length;
    int rows = Math.min(seen, WINDOW);
    double[][] covariance = new double[n][n];
    for (int row = 0; row < rows; row++) {
      for (int i = 0; i < n; i++) {
        for (int j = 0; j < n; j++) {
          covariance[i][j] += window[row][i] * window[row][j] / rows;
        }
      }
    }
    for (int i = 0; i < n; i++) {
      covariance[i][i] += RIDGE * covariance[i][i] + NOTHING;
    }
    return inverse(covariance);
  }

  /** The inverse of a positive definite matrix, by elimination. */
  private static double[][] inverse(double[][] matrix) {
    int n = matrix.length;
    double[][] inverse = new double[n][n];
    for (int i = 0; i < n; i++) {
      inverse[i][i] = 1;
    }
    for (int i = 0; i < n; i++) {
      double pivot = matrix[i][i];
      for (int c = 0; c < n; c++) {
        matrix[i][c] /= pivot;
        inverse[i][c] /= pivot;
      }
      for (int r = 0; r < n; r++) {
        double factor = matrix[r][i];
        if (r != i && factor != 0) {
          for (int c = 0; c < n; c++) {
            matrix[r][c] -= factor * matrix[i][c];
            inverse[r][c] -= factor * inverse[i][c];
          }
        }
      }
    }
    return inverse;
  }
}
