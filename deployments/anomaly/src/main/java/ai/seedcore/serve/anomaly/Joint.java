package ai.seedcore.serve.anomaly;

import org.ejml.data.DMatrixRMaj;
import org.ejml.dense.row.CommonOps_DDRM;
import org.jspecify.annotations.Nullable;

/**
 * Estimates how rare the forecast error of each metric is, given the errors of the other metrics at
 * the same time. It detects a metric that does not follow correlated metrics.
 *
 * <p>The error of metric {@code j} given the others is {@code (P r)_j / P_jj}, where {@code P} is
 * the inverse of the covariance matrix of the errors {@code r} (Whittaker, "Graphical Models in
 * Applied Multivariate Statistics", 1990, section 5.7).
 */
final class Joint {

  private static final int WINDOW = 512;

  /** The number of points between two estimates of the covariance. */
  private static final int FIT_INTERVAL = 64;

  /**
   * The ridge penalty, as a share of each variance. The conditional deviation of a metric is thus
   * at least a tenth of its own deviation.
   */
  private static final double RIDGE = 0.01;

  /** The minimum variance and scale, which prevents division by 0 and overflow. */
  private static final double EPSILON = 1e-200;

  private final double[][] window;
  private final TwoSidedTail[] tails;
  private @Nullable DMatrixRMaj precision;
  private int seen;

  Joint(int metrics) {
    window = new double[WINDOW][metrics];
    tails = new TwoSidedTail[metrics];
    for (int i = 0; i < metrics; i++) {
      tails[i] = new TwoSidedTail();
    }
  }

  /**
   * Scores the next point.
   *
   * @param distances the forecast error of each metric
   * @param learned the same errors, limited for use in the covariance
   * @return one rarity per metric, in decades; negative if the value is too low
   */
  double[] next(double[] distances, double[] learned) {
    double[] rarities = new double[distances.length];
    for (int i = 0; precision != null && i < rarities.length; i++) {
      double sum = 0;
      for (int j = 0; j < rarities.length; j++) {
        sum += precision.get(i, j) * distances[j];
      }
      double distance = sum / precision.get(i, i);
      rarities[i] = tails[i].rarity(distance, EPSILON);
      tails[i].add(tails[i].bounded(distance, Tail.MAX_LEARNED_RARITY, EPSILON));
    }
    window[seen++ % WINDOW] = learned;
    if (seen % FIT_INTERVAL == 0) {
      precision = precision();
    }
    return rarities;
  }

  /** Returns the inverse of the covariance matrix of the window; null if it has none. */
  private @Nullable DMatrixRMaj precision() {
    int n = tails.length;
    int rows = Math.min(seen, WINDOW);
    DMatrixRMaj covariance = new DMatrixRMaj(n, n);
    for (int row = 0; row < rows; row++) {
      for (int i = 0; i < n; i++) {
        for (int j = 0; j < n; j++) {
          covariance.add(i, j, window[row][i] * window[row][j] / rows);
        }
      }
    }
    for (int i = 0; i < n; i++) {
      covariance.add(i, i, RIDGE * covariance.get(i, i) + EPSILON);
    }
    DMatrixRMaj inverse = new DMatrixRMaj(n, n);
    return CommonOps_DDRM.invertSPD(covariance, inverse) ? inverse : null;
  }
}
