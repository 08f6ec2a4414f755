package ai.seedcore.serve.door;

import org.jspecify.annotations.Nullable;

/**
 * Room of a fixed size that clients and routes share: of bytes, or of requests. A client may have
 * three times as much as is left, a route seven times (dynamic thresholds: Choudhury and Hahne,
 * IEEE/ACM Transactions on Networking 6(2), 1998). So one client alone has what is declared, which
 * is three quarters of all; half of the rest is for others of its route, half for other routes; and
 * several have equal parts.
 */
final class Room {

  private static final int CLIENTS = 3;
  private static final int ROUTES = 7;

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

  /** Takes so much for a client, and for a route, or nothing; says whether there was room. */
  boolean take(long amount, Usage.Share client, Usage.@Nullable Share route) {
    if (amount < 0 || amount > size) {
      return false;
    }
    long left = size - used - amount;
    boolean fits =
        client.used + amount <= CLIENTS * left
            && (route == null || route.used + amount <= ROUTES * left);
    if (fits) {
      force(amount, client, route);
    }
    return fits;
  }

  /** Takes so much, whether there is room or not. */
  void force(long amount, Usage.Share client, Usage.@Nullable Share route) {
    used += amount;
    client.used += amount;
    if (route != null) {
      route.used += amount;
    }
  }

  /** Gives back what was taken. */
  void give(long amount, Usage.Share client, Usage.@Nullable Share route) {
    force(-amount, client, route);
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
