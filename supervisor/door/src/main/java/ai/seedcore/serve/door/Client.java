package ai.seedcore.serve.door;

/**
 * A client: an IPv4 address, or a 64-bit IPv6 network, which usually belongs to one host. Used on
 * the event loop only.
 */
final class Client {

  final String address;
  final Usage usage = new Usage();

  /** How many of its connections, and of its requests on any connection, exist. */
  int references;

  int connections;

  /** How many of its bodies are being decompressed. */
  int decompressing;

  /** How many responses to it are being compressed. */
  int compressing;

  /**
   * What it has withdrawn from the routes' retry budgets, as of retriedAt. It decreases with time.
   */
  double retries;

  long retriedAt = System.nanoTime();

  // Its use of the event loop's time, in nanoseconds: see Pace.

  long spent;
  long sliceAt = System.nanoTime();
  long spentInTurn;
  long charged;
  long turn;

  Client(String address) {
    this.address = address;
  }

  @Override
  public String toString() {
    return address;
  }
}
