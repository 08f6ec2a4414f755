package ai.seedcore.serve.door.client;

import java.util.LinkedHashSet;
import java.util.Set;

/**
 * A client: an IPv4 address, or a 64-bit IPv6 network, which usually belongs to one host. Used on
 * the event loop only.
 */
public final class Client {

  final String address;
  private final Usage usage = new Usage();

  /** How many of its connections, TLS sessions and requests on any connection exist. */
  int references;

  int connections;

  private int decompressing;
  private int compressing;
  private double retries;
  private long retriedAt = System.nanoTime();

  // Its use of the event loop's time, in nanoseconds: see Pace.

  long spent;
  long sliceAt = System.nanoTime();
  long spentInTurn;
  long charged;
  long blockedUntil = System.nanoTime();

  /** Its work that is deferred until then. */
  final Set<Pace.Deferred> blocked = new LinkedHashSet<>();

  long turn;

  Client(String address) {
    this.address = address;
  }

  /** Returns its address; of IPv6, the network. */
  public String address() {
    return address;
  }

  /** Returns the event loop's time that it has been charged in all, in nanoseconds. */
  public long charged() {
    return charged;
  }

  /** Returns its use of the common budgets. */
  public Usage usage() {
    return usage;
  }

  /**
   * Counts a body that is about to be decompressed. Returns false if there are as many as allowed.
   */
  public boolean beginDecompressing(int allowed) {
    if (decompressing >= allowed) {
      return false;
    }
    decompressing++;
    return true;
  }

  /** Ends the count of one body. */
  public void endDecompressing() {
    decompressing--;
  }

  /**
   * Counts a response that is about to be compressed. Returns false if there are as many as
   * allowed.
   */
  public boolean beginCompressing(int allowed) {
    if (compressing >= allowed) {
      return false;
    }
    compressing++;
    return true;
  }

  /** Ends the count of one response. */
  public void endCompressing() {
    compressing--;
  }

  /**
   * Returns what it has withdrawn from the routes' retry budgets, less what has been restored.
   *
   * @param perSecond how much is restored in a second
   */
  public double retries(long now, double perSecond) {
    retries = Math.max(0, retries - (now - retriedAt) / 1e9 * perSecond);
    retriedAt = now;
    return retries;
  }

  /** Records a withdrawal from a retry budget. */
  public void recordRetry() {
    retries++;
  }

  @Override
  public String toString() {
    return address;
  }
}
