package ai.seedcore.serve.door;

/**
 * One who sends requests: an address, or, of IPv6, the network of 64 bits that one host usually
 * has. The event loop's alone.
 */
final class Client {

  final String address;
  final Usage usage = new Usage();

  /** Its connections, and requests of it that came over others'. */
  int references;

  int connections;

  /** Bodies of it that are being unpacked. */
  int unpacking;

  /** Answers for it that are being compressed. */
  int packing;

  /** Of the routes' retry budgets, as of when: it is forgiven with time. */
  double sentAgain;

  long sentAgainAt = System.nanoTime();

  // What it has had of the event loop's time, in nanoseconds: see Pace.

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
