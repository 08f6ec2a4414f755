package ai.seedcore.serve.scaling;

/**
 * A metric's value to a scale: 1 in between, above {@code over} up, below {@code under} down.
 *
 * @param up how fast the scale rises above {@code over}
 * @param down how fast it falls below {@code under}
 * @param low the least scale
 * @param high the greatest scale
 */
record Policy(double over, double under, double up, double down, double low, double high) {

  double scale(double value) {
    double scale = 1;
    if (value > over) {
      scale = 1 + up * (value - over);
    } else if (value < under) {
      scale = 1 - down * (under - value);
    }
    return Math.max(low, Math.min(high, scale));
  }
}
