package ai.seedcore.serve.daemon.door;

/**
 * Room of a fixed size that clients and routes share: of bytes, or of requests. Each may have three
 * times as much as is left (a dynamic threshold: Choudhury and Hahne, IEEE/ACM Transactions on
 * Networking 6(2), 1998). So one alone has what is declared, a quarter of all is left for others,
 * and several have equal parts.
 */
final class Room {

  private static final int OF_WHAT_IS_LEFT = 3;

  private final long alone;
  private final long size;
  private long used;

  /**
   * Room of which nothing is used.
   *
   * @param alone how much one may have where there is no other
   */
  Room(long alone) {
    this.alone = alone;
    this.size = (4 * alone + 2) / 3;
  }

  /** Takes so much for all of those, or nothing; says whether there was room. */
  boolean take(long amount, Usage.Share... shares) {
    if (amount < 0 || amount > size) {
      return false;
    }
    long left = size - used - amount;
    for (Usage.Share share : shares) {
      if (share.used + amount > OF_WHAT_IS_LEFT * left) {
        return false;
      }
    }
    used += amount;
    for (Usage.Share share : shares) {
      share.used += amount;
    }
    return true;
  }

  /** Takes so much, whether there is room or not. */
  void force(long amount, Usage.Share... shares) {
    give(-amount, shares);
  }

  /** Gives back what was taken. */
  void give(long amount, Usage.Share... shares) {
    used -= amount;
    for (Usage.Share share : shares) {
      share.used -= amount;
    }
  }

  /** Whether there is room for so much, and it is others' that it would be taken of. */
  boolean isOthers(long amount) {
    return used + amount <= alone;
  }

  long alone() {
    return alone;
  }

  long used() {
    return used;
  }
}
