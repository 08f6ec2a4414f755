package ai.seedcore.serve.anomaly;

/**
 * Separate tails for positive and negative distances, because a skewed distribution has a short and
 * a long tail.
 */
final class TwoSidedTail {

  private final Tail above = new Tail();
  private final Tail below = new Tail();

  /**
   * Returns the rarity of a distance, in decades and with the sign of the distance.
   *
   * @param minScale the minimum scale of the tail's distribution
   */
  double rarity(double distance, double minScale) {
    double rarity = side(distance).rarity(Math.abs(distance), minScale);
    return distance < 0 ? -rarity : rarity;
  }

  /**
   * Returns the distance, limited to the distance on the same side that has a rarity.
   *
   * @param maxRarity the rarity of the limit, in decades
   * @param minScale the minimum scale of the tail's distribution
   */
  double bounded(double distance, double maxRarity, double minScale) {
    double bound = Math.min(Math.abs(distance), side(distance).value(maxRarity, minScale));
    return distance < 0 ? -bound : bound;
  }

  /** Adds a distance. */
  void add(double distance) {
    above.add(distance);
    below.add(-distance);
  }

  private Tail side(double distance) {
    return distance < 0 ? below : above;
  }
}
