package ai.seedcore.serve.agent;

/**
 * What a worker's JVM is asked for before it is needed. A worker that has answered is idle, and Ray
 * takes an idle one for the replica that wants the same runtime environment; so its start, which
 * takes the longest of a recovery, goes on while Serve itself starts.
 */
public final class Warm {

  private Warm() {}

  /** Nothing: that it runs is all. */
  public static boolean up() {
    return true;
  }
}
