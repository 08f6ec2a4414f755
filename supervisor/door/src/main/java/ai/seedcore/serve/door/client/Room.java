package ai.seedcore.serve.door.client;

import org.jspecify.annotations.Nullable;

/**
 * A budget of fixed size, of bytes or of requests, that clients and routes share. A client may have
 * three times as much as is left, a route seven times (dynamic thresholds: Choudhury and Hahne,
 * IEEE/ACM Transactions on Networking 6(2), 1998). So a single client can have the configured
 * amount, which is three quarters of the total. Half of the rest is for other clients of its route,
 * and half for other routes. Several clients get equal shares.
 */
public final class Room {

  private static final int CLIENT_FACTOR = 3;
  private static final int ROUTE_FACTOR = 7;

  private final long maxAlone;
  private final long size;
  private long used;

  /**
   * Creates an unused budget.
   *
   * @param maxAlone how much one client may have if there is no other
   */
  public Room(long maxAlone) {
    this.maxAlone = maxAlone;
    this.size = (4 * maxAlone + 2) / 3;
  }

  /** Takes an amount for a client and a route, or nothing. Returns whether the amount was taken. */
  public boolean take(long amount, Usage.Share client, Usage.@Nullable Share route) {
    if (amount < 0 || amount > size) {
      return false;
    }
    long left = size - used - amount;
    boolean fits =
        client.used + amount <= CLIENT_FACTOR * left
            && (route == null || route.used + amount <= ROUTE_FACTOR * left);
    if (fits) {
      force(amount, client, route);
    }
    return fits;
  }

  /** Takes an amount even if it exceeds the budget. */
  public void force(long amount, Usage.Share client, Usage.@Nullable Share route) {
    used += amount;
    client.used += amount;
    if (route != null) {
      route.used += amount;
    }
  }

  /** Gives back an amount that was taken. */
  public void give(long amount, Usage.Share client, Usage.@Nullable Share route) {
    force(-amount, client, route);
  }

  /** Returns whether an amount is available, but reserved for other clients and routes. */
  public boolean isReserved(long amount) {
    return used + amount <= maxAlone;
  }

  /** Returns how much one client may have if there is no other. */
  public long maxAlone() {
    return maxAlone;
  }

  /** Returns how much is taken. */
  public long used() {
    return used;
  }
}
