package ai.seedcore.serve.anomaly;

/**
 * The tails of distances to both sides, each for itself: what is skewed has a short side and a long
 * one.
 */
final class TwoSidedTail {

  private final Tail above = new Tail();
  private final Tail below = new Tail();

  /**
   * The decades by which a distance is rare, negative where it is below.
   *
   * @param least the least scale that differences are measured in
   */
  double rarity(double distance, double least) {
    double rarity = side(distance).rarity(Math.abs(distance), least);
    return distance < 0 ? -rarity : rarity;
  }

  /** The distance, or where that is rarer, the one on its side that is rare by so many decades. */
  double bounded(double distance, double rarity, double least) {
    double bound = Math.min(Math.abs(distance), side(distance).value(rarity, least));
    return distance < 0 ? -bound : bound;
  }

  /** Takes a distance in. */
  void add(double distance) {
    above.add(distance);
    below.add(-distance);
  }

  private Tail side(double distance) {
    return distance < 0 ? below : above;
  }
}
