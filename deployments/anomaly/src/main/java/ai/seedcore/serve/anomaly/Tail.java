package ai.seedcore.serve.anomaly;

/**
 * Estimates how rare a distance is from the last distances. A rarity is the negative decimal
 * logarithm of the probability that a distance is exceeded, so 3 means one point in 1,000.
 *
 * <p>Up to a high quantile, the probability is the empirical one. Above it, the excesses follow a
 * generalized Pareto distribution (peaks over threshold: Coles, "An Introduction to Statistical
 * Modeling of Extreme Values", 2001, chapter 4), whose parameters are estimated by
 * probability-weighted moments (Hosking and Wallis, "Parameter and Quantile Estimation for the
 * Generalized Pareto Distribution", Technometrics 1987). Rarities are therefore comparable between
 * series with different tails, and extreme values keep their order.
 */
final class Tail {

  /**
   * The maximum rarity that is extrapolated, in decades. A larger distance adds the decades by
   * which it is larger.
   */
  private static final double MAX_CREDIBLE_RARITY = 6;

  /** The number of distances that are remembered: enough for some 100 excesses. */
  static final int WINDOW = 2_000;

  /** The share of the distances that count as excesses. */
  private static final double EXCESS_SHARE = 0.05;

  private static final int MIN_EXCESSES = 8;

  /** The number of distances before the first estimate. */
  private static final int WARM_UP = 4 * MIN_EXCESSES;

  /**
   * The shape parameter that is expected of an unknown series, slightly heavier than exponential,
   * and the number of excesses that it counts for.
   */
  private static final double USUAL_SHAPE = 0.1;

  private static final double USUAL_SHAPE_WEIGHT = 50;

  /** The estimate of the shape is limited to this range; at 1, the mean would be infinite. */
  private static final double MIN_SHAPE = -0.5;

  private static final double MAX_SHAPE = 0.9;

  /** A rarer distance is limited to this rarity before it is added, in decades. */
  private static final double MAX_LEARNED_RARITY = 3.5;

  private final SortedWindow distances = new SortedWindow(WINDOW);

  /**
   * A generalized Pareto distribution of the distances above a quantile.
   *
   * @param share the share of the distances above the quantile
   */
  private record Excess(double share, double quantile, double scale, double shape) {}

  /** Returns whether there are enough distances for an estimate. */
  boolean ready() {
    return distances.size() >= WARM_UP;
  }

  /** Adds a distance, 0 or more. */
  void add(double distance) {
    distances.add(ready() ? Math.min(distance, value(MAX_LEARNED_RARITY, excess())) : distance);
  }

  /** Returns the rarity of a distance, in decades; {@link #ready} must hold. */
  double rarity(double distance) {
    Excess excess = excess();
    if (distance <= excess.quantile()) {
      double above = distances.size() - distances.below(distance);
      return -Math.log10(Math.max(1, above) / distances.size());
    }
    double credible = value(MAX_CREDIBLE_RARITY, excess);
    if (distance > credible) {
      return MAX_CREDIBLE_RARITY + Math.log10(distance / credible);
    }
    double beyond = 1 + excess.shape() * (distance - excess.quantile()) / excess.scale();
    return Math.log10(beyond) / excess.shape() - Math.log10(excess.share());
  }

  /** Returns the distance that has a rarity. */
  private static double value(double rarity, Excess excess) {
    double shape = excess.shape();
    double beyond = Math.pow(10, shape * (rarity + Math.log10(excess.share()))) - 1;
    return excess.quantile() + excess.scale() * beyond / shape;
  }

  private Excess excess() {
    int size = distances.size();
    int count = Math.max(MIN_EXCESSES, (int) (EXCESS_SHARE * size));
    double quantile = distances.get(size - count - 1);
    double mean = 0;
    double weighted = 0;
    for (int i = 0; i < count; i++) {
      double excess = distances.get(size - count + i) - quantile;
      mean += excess / count;
      weighted += excess / count * (count - 1 - i) / (count - 1);
    }
    double estimate = mean > 2 * weighted ? 2 - mean / (mean - 2 * weighted) : 0;
    estimate = Math.max(MIN_SHAPE, Math.min(MAX_SHAPE, estimate));
    double shape =
        (USUAL_SHAPE_WEIGHT * USUAL_SHAPE + count * estimate) / (USUAL_SHAPE_WEIGHT + count)
            // The scale is uncertain: the predictive distribution has a heavier tail.
            + 1.0 / count;
    shape = Math.abs(shape) < EPSILON ? EPSILON : shape; // The limit at 0 is the exponential one.
    double scale = Math.max(mean * (1 - shape), EPSILON);
    return new Excess((double) count / size, quantile, scale, shape);
  }

  private static final double EPSILON = 1e-9;
}
