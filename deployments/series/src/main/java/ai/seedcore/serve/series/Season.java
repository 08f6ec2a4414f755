package ai.seedcore.serve.series;

import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * What repeats in a series: a period, and how far each of its phases lies from the level.
 *
 * <p>Candidates are the peaks of the autocorrelation; one is taken only if it would have forecast
 * the newer half of the history clearly better than no season at all, and the shortest of those
 * that do so equally well.
 *
 * @param period points; 0: nothing repeats
 * @param profile one entry a phase
 */
@SuppressWarnings("ArrayRecordComponent") // Never compared.
public record Season(int period, double[] profile) {

  /** Nothing repeats. */
  public static final Season NONE = new Season(0, new double[0]);

  private static final int SHORTEST_HISTORY = 48;
  private static final int SHORTEST_PERIOD = 4;
  private static final int MOST_CANDIDATES = 4;
  private static final int MOST_CYCLES = 8;

  /** Cycles that must have been seen. */
  private static final double CYCLES = 2.2;

  /** The correlation from which on a lag is a candidate. */
  private static final double CORRELATED = 0.15;

  /** The share of the error without a season that is left with one, at the most. */
  private static final double GAIN = 0.9;

  /** Errors no further apart than by this factor are the same. */
  private static final double ALIKE = 1.1;

  /** Points that the level is estimated from, when candidates are compared. */
  private static final int LEVEL = 8;

  /** Beyond so many deviations a point says no more than at them. */
  private static final double CLIP = 8;

  /** How far the phase of a point lies from the level. */
  public double at(long time) {
    return period == 0 ? 0 : profile[(int) (time % period)];
  }

  /**
   * The periods that a history may repeat itself in, by its autocorrelation alone, ascending;
   * whether they are any good is for the caller to find out.
   */
  public static int[] periods(double[] values) {
    return values.length < SHORTEST_HISTORY
        ? new int[0]
        : peaks(clipped(values), (int) (values.length / CYCLES)).sorted().toArray();
  }

  /**
   * Looks for a season.
   *
   * @param values the history
   * @param start the time of its first value
   * @param before the season up to now: it is kept if it does as well as the best
   */
  public static Season find(double[] values, long start, Season before) {
    if (values.length < SHORTEST_HISTORY) {
      return NONE;
    }
    double[] clipped = clipped(values);
    int longest = (int) (values.length / CYCLES);
    int[] candidates = candidates(clipped, longest);
    int best = 0;
    double least = GAIN * errorWithout(clipped);
    if (before.period() > 0 && before.period() <= longest) {
      double error = errorWith(clipped, before.period());
      if (error < least) {
        best = before.period();
        least = error / ALIKE;
      }
    }
    double[] errors = new double[candidates.length];
    for (int i = 0; i < candidates.length; i++) {
      errors[i] = errorWith(clipped, candidates[i]);
    }
    double lowest = Arrays.stream(errors).min().orElse(Double.MAX_VALUE);
    if (lowest < least) {
      // In ascending order: the first one that does as well is the shortest.
      int i = 0;
      while (errors[i] > Math.min(least, ALIKE * lowest)) {
        i++;
      }
      best = candidates[i];
    }
    return best == 0 ? NONE : new Season(best, profile(values, start, best));
  }

  /**
   * The values without their line, around 0, in deviations; single ones count no more than that.
   */
  private static double[] clipped(double[] values) {
    int n = values.length;
    double[] rest = new double[n];
    double mean = Arrays.stream(values).average().orElse(0);
    double middle = (n - 1) / 2.0;
    double slope = 0;
    double squares = 0;
    for (int i = 0; i < n; i++) {
      slope += (i - middle) * (values[i] - mean);
      squares += (i - middle) * (i - middle);
    }
    for (int i = 0; i < n; i++) {
      rest[i] = values[i] - mean - slope / squares * (i - middle);
    }
    double median = median(rest.clone());
    double[] distances = Arrays.stream(rest).map(value -> Math.abs(value - median)).toArray();
    double average = Arrays.stream(distances).average().orElse(0);
    double deviation = 1.4826 * median(distances);
    // Mostly at rest: the median would take every move for an extreme one.
    double unit = deviation < 0.1 * average ? average : deviation;
    if (unit == 0) {
      return new double[n];
    }
    for (int i = 0; i < n; i++) {
      rest[i] = Math.max(-CLIP, Math.min(CLIP, (rest[i] - median) / unit));
    }
    double center = Arrays.stream(rest).average().orElse(0);
    return Arrays.stream(rest).map(value -> value - center).toArray();
  }

  private static double median(double[] values) {
    Arrays.sort(values);
    return values[values.length / 2];
  }

  /** The highest peaks of the autocorrelation, and their neighbours, ascending. */
  private static int[] candidates(double[] values, int longest) {
    return peaks(values, longest)
        .flatMap(lag -> IntStream.rangeClosed(lag - 1, lag + 1))
        .filter(lag -> lag >= SHORTEST_PERIOD && lag <= longest)
        .distinct()
        .sorted()
        .toArray();
  }

  private static IntStream peaks(double[] values, int longest) {
    int n = values.length;
    double power = Arrays.stream(values).map(value -> value * value).sum();
    double[] correlation = new double[longest + 2];
    for (int lag = 1; power > 0 && lag < correlation.length; lag++) {
      double sum = 0;
      for (int i = lag; i < n; i++) {
        sum += values[i] * values[i - lag];
      }
      correlation[lag] = sum / power * n / (n - lag);
    }
    int first = 1; // Before it first falls below 0, the correlation is that of neighbours.
    while (first < longest && correlation[first] > 0) {
      first++;
    }
    int[] peaks = new int[MOST_CANDIDATES];
    for (int lag = Math.max(SHORTEST_PERIOD, first); lag <= longest; lag++) {
      if (correlation[lag] > CORRELATED
          && correlation[lag] >= correlation[lag - 1]
          && correlation[lag] >= correlation[lag + 1]) {
        int lowest = 0;
        for (int i = 1; i < peaks.length; i++) {
          lowest = correlation[peaks[i]] < correlation[peaks[lowest]] ? i : lowest;
        }
        if (correlation[lag] > correlation[peaks[lowest]]) {
          peaks[lowest] = lag;
        }
      }
    }
    return Arrays.stream(peaks).filter(lag -> lag > 0);
  }

  /** The mean squared error of the best of three forecasts that know no season. */
  private static double errorWithout(double[] values) {
    double last = 0;
    double level = 0;
    double line = 0;
    int from = from(values, 0);
    for (int i = from; i < values.length; i++) {
      last += square(values[i] - values[i - 1]);
      level += square(values[i] - level(values, i));
      line += square(values[i] - 2 * values[i - 1] + values[i - 2]);
    }
    return Math.min(last, Math.min(level, line)) / (values.length - from);
  }

  /** The mean squared error of a forecast by the same phase of up to four cycles before. */
  private static double errorWith(double[] values, int period) {
    double error = 0;
    int count = 0;
    for (int i = from(values, period); i < values.length; i++) {
      double phase = 0;
      int cycles = 0;
      for (int j = i - period; j >= LEVEL && cycles < 4; j -= period) {
        phase += values[j] - level(values, j);
        cycles++;
      }
      if (cycles > 0) {
        error += square(values[i] - level(values, i) - phase / cycles);
        count++;
      }
    }
    return count == 0 ? Double.MAX_VALUE : error / count;
  }

  private static int from(double[] values, int period) {
    return Math.max((int) (values.length / CYCLES), period + LEVEL);
  }

  /** The mean of the values just before. */
  private static double level(double[] values, int index) {
    double sum = 0;
    for (int i = index - LEVEL; i < index; i++) {
      sum += values[i];
    }
    return sum / LEVEL;
  }

  private static double square(double value) {
    return value * value;
  }

  /** The middle of what each phase was in the newest cycles, each around its own mean. */
  private static double[] profile(double[] values, long start, int period) {
    int cycles = Math.min(MOST_CYCLES, values.length / period);
    double[][] phases = new double[period][cycles];
    for (int cycle = 0; cycle < cycles; cycle++) {
      int from = values.length - (cycle + 1) * period;
      double mean = Arrays.stream(values, from, from + period).average().orElse(0);
      for (int i = from; i < from + period; i++) {
        phases[(int) ((start + i) % period)][cycle] = values[i] - mean;
      }
    }
    int cut = cycles < 3 ? 0 : Math.max(1, cycles / 4);
    double[] profile = new double[period];
    for (int phase = 0; phase < period; phase++) {
      Arrays.sort(phases[phase]);
      profile[phase] = Arrays.stream(phases[phase], cut, cycles - cut).average().orElse(0);
    }
    return profile;
  }
}
