package ai.seedcore.serve.bench.anomaly;

import ai.seedcore.serve.bench.series.LabelledSeries;
import java.util.Arrays;
import org.apache.commons.math3.complex.Complex;
import org.apache.commons.math3.transform.DftNormalization;
import org.apache.commons.math3.transform.FastFourierTransformer;
import org.apache.commons.math3.transform.TransformType;

/**
 * The spectral residual of Ren et al., "Time-Series Anomaly Detection Service at Microsoft", KDD
 * 2019, with the parameters of the paper (except for the window, which is a power of two). The
 * first metric of a series is scored, point by point, from the points before it.
 */
final class SpectralResidual implements Rule {

  private static final int WINDOW = 1_024;
  private static final int MIN_WINDOW = 32;

  /** The number of frequencies that the log amplitude is averaged over. */
  private static final int AMPLITUDES = 3;

  /** The number of values of the saliency map that its mean is taken of. */
  private static final int SALIENCIES = 21;

  /** The number of estimated points after the last one, and those that their slope is taken of. */
  private static final int ESTIMATED = 5;

  private static final int SLOPES = 5;

  private static final double LIMIT = 3;
  private static final double EPSILON = 1e-8;

  private final FastFourierTransformer fourier =
      new FastFourierTransformer(DftNormalization.STANDARD);

  @Override
  public Verdicts judge(LabelledSeries series) {
    double[] values = series.complete();
    double[] scores = new double[values.length];
    boolean[] alarms = new boolean[values.length];
    for (int i = MIN_WINDOW; i < values.length; i++) {
      int size = Math.min(WINDOW, Integer.highestOneBit(i + 1 + ESTIMATED));
      int real = size - ESTIMATED;
      double[] window = new double[size];
      System.arraycopy(values, i + 1 - real, window, 0, real);
      Arrays.fill(window, real, size, estimated(window, real));
      scores[i] = score(saliency(window), real - 1);
      alarms[i] = scores[i] > LIMIT;
    }
    return new Verdicts(scores, alarms);
  }

  /** Returns the value that follows the slopes of the lines from earlier points to the last one. */
  private static double estimated(double[] window, int real) {
    double last = window[real - 1];
    double slope = 0;
    for (int back = 1; back <= SLOPES; back++) {
      slope += (last - window[real - 1 - back]) / back / SLOPES;
    }
    return window[real - SLOPES] + slope * SLOPES;
  }

  private double[] saliency(double[] window) {
    Complex[] spectrum = fourier.transform(window, TransformType.FORWARD);
    double[] log = Arrays.stream(spectrum).mapToDouble(c -> Math.log(c.abs() + EPSILON)).toArray();
    Complex[] residual = new Complex[log.length];
    double sum = 0;
    for (int i = 0; i < log.length; i++) {
      sum += log[i] - (i >= AMPLITUDES ? log[i - AMPLITUDES] : 0);
      double amplitude = Math.exp(log[i] - sum / Math.min(AMPLITUDES, i + 1));
      residual[i] = spectrum[i].multiply(amplitude / (spectrum[i].abs() + EPSILON));
    }
    return Arrays.stream(fourier.transform(residual, TransformType.INVERSE))
        .mapToDouble(Complex::abs)
        .toArray();
  }

  private static double score(double[] saliency, int index) {
    double mean =
        Arrays.stream(saliency, Math.max(0, index - SALIENCIES), index).average().orElse(0);
    return (saliency[index] - mean) / (mean + EPSILON);
  }
}
