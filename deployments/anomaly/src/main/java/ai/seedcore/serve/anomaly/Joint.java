package ai.seedcore.serve.anomaly;

import ai.seedcore.serve.anomaly.MetricDetector.Finding;
import java.util.Arrays;
import org.ejml.data.DMatrixRMaj;
import org.ejml.dense.row.CommonOps_DDRM;
import org.jspecify.annotations.Nullable;

/**
 * Judges each metric given the others at the same time. It detects a metric that no longer follows
 * correlated metrics.
 *
 * <p>The deviation of metric {@code j} given the others is {@code (P r)_j / P_jj}, where {@code P}
 * is the inverse of the covariance matrix of the deviations {@code r} (Whittaker, "Graphical Models
 * in Applied Multivariate Statistics", 1990, section 5.7).
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

  /** The minimum variance, which prevents division by 0. */
  private static final double EPSILON = 1e-200;

  private final double[][] window;
  private final MetricDetector[] detectors;
  private @Nullable DMatrixRMaj precision;
  private int seen;

  Joint(int metrics, double factor) {
    window = new double[WINDOW][metrics];
    detectors = new MetricDetector[metrics];
    Arrays.setAll(detectors, i -> new MetricDetector(false, factor));
  }

  /**
   * Judges the next point.
   *
   * @param deviations the deviation of each metric from its center
   * @param learned the same deviations, limited for use in the covariance
   * @param tests the number of values that are judged at the same point
   * @return one finding per metric; empty before the first estimate of the covariance
   */
  Finding[] next(double[] deviations, double[] learned, int tests) {
    Finding[] findings = precision == null ? new Finding[0] : judge(precision, deviations, tests);
    window[seen++ % WINDOW] = learned;
    if (seen % FIT_INTERVAL == 0) {
      precision = precision();
    }
    return findings;
  }

  private Finding[] judge(DMatrixRMaj precision, double[] deviations, int tests) {
    Finding[] findings = new Finding[deviations.length];
    for (int i = 0; i < findings.length; i++) {
      double sum = 0;
      for (int j = 0; j < deviations.length; j++) {
        sum += precision.get(i, j) * deviations[j];
      }
      double conditional = sum / precision.get(i, i);
      findings[i] = detectors[i].next(Double.isFinite(conditional) ? conditional : 0, tests);
    }
    return findings;
  }

  /** Returns the inverse of the covariance matrix of the window; null if it has none. */
  private @Nullable DMatrixRMaj precision() {
    int n = detectors.length;
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
      covariance.set(i, i, covariance.get(i, i) * (1 + RIDGE) + EPSILON);
    }
    DMatrixRMaj inverse = new DMatrixRMaj(n, n);
    return CommonOps_DDRM.invertSPD(covariance, inverse) ? inverse : null;
  }
}
