package ai.seedcore.serve.daemon.cluster;

import java.util.Locale;

/** What was measured, one line each, for the reader of the tests' output. */
final class Figures {

  private Figures() {}

  /** Prints and returns the seconds since a {@code System.nanoTime()}. */
  static double print(String what, long since) {
    double seconds = (System.nanoTime() - since) / 1e9;
    System.out.printf(Locale.ROOT, "FIGURE %s %.1f s%n", what, seconds);
    return seconds;
  }
}
