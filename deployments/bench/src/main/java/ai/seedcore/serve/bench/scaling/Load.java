package ai.seedcore.serve.bench.scaling;

import java.util.Random;

/** Synthetic CPU utilization over several days, with one value per five minutes. */
enum Load {
  /** Noise around a constant level. */
  NOISE {
    @Override
    double next(int i, double last, Random random, double[] style) {
      return 0.3 + 0.4 * style[0] + 0.05 * random.nextGaussian();
    }
  },
  /** A random walk. */
  WALK {
    @Override
    double next(int i, double last, Random random, double[] style) {
      double next = last + 0.012 * random.nextGaussian();
      return next < 0.05 || next > 0.95 ? last : next;
    }
  },
  /** A daily season. */
  DAYS {
    @Override
    double next(int i, double last, Random random, double[] style) {
      return 0.45 + day(i, style) + 0.03 * random.nextGaussian();
    }
  },
  /** A daily season with a rising trend. */
  GROWING_DAYS {
    @Override
    double next(int i, double last, Random random, double[] style) {
      return 0.3 + 0.0002 * i + 0.8 * day(i, style) + 0.03 * random.nextGaussian();
    }
  },
  /** A daily season with a different level every day, like after releases. */
  SHIFTING_DAYS {
    @Override
    double next(int i, double last, Random random, double[] style) {
      double level = 0.08 * Math.sin(12.9898 * Math.floorDiv(i, DAY) + 78.2 * style[1]);
      return 0.45 + level + 0.8 * day(i, style) + 0.03 * random.nextGaussian();
    }
  },
  /** A leak with periodic restarts. */
  LEAK {
    @Override
    double next(int i, double last, Random random, double[] style) {
      int period = 150 + (int) (style[0] * 200);
      return 0.3 + 0.6 * ((i + style[1] * period) % period) / period + 0.01 * random.nextGaussian();
    }
  },
  /** An hourly job of 15 minutes on top of a daily season. */
  JOBS {
    @Override
    double next(int i, double last, Random random, double[] style) {
      double job = i % 12 < 3 ? 0.35 : 0;
      return 0.25 + job + 0.3 * day(i, style) + 0.03 * random.nextGaussian();
    }
  },
  /** A realistic mix: a daily season, decaying bursts, and autocorrelated noise. */
  RECORDED {
    @Override
    double next(int i, double last, Random random, double[] style) {
      double goal = 0.4 + 0.8 * day(i, style);
      double burst = random.nextInt(60) == 0 ? 0.3 * random.nextDouble() : 0;
      return goal
          + 0.8 * (last - (0.4 + 0.8 * day(i - 1, style)))
          + burst
          + 0.02 * random.nextGaussian();
    }
  };

  /** The number of points per day. */
  static final int DAY = 288;

  /** Seconds between two points. */
  static final int STEP = 300;

  /**
   * Returns the next value.
   *
   * @param i the index of the value
   * @param last the previous value
   * @param style four random numbers, 0..1, that are constant for a series
   */
  abstract double next(int i, double last, Random random, double[] style);

  /** Returns the daily season at an index: a sine with one harmonic. */
  private static double day(int i, double[] style) {
    double angle = 2 * Math.PI * (i + DAY * style[2]) / DAY;
    return 0.2 * Math.sin(angle) + 0.08 * Math.sin(2 * angle + 6 * style[3]);
  }

  /** Returns a series of values from 0 to 1. */
  double[] series(long seed, int points) {
    Random random = new Random(seed * 0x9E3779B97F4A7C15L + ordinal());
    double[] style = random.doubles(4).toArray();
    double[] values = new double[points];
    double last = 0.5;
    for (int i = 0; i < points; i++) {
      last = next(i, last, random, style);
      values[i] = Math.max(0, Math.min(1, last));
    }
    return values;
  }
}
