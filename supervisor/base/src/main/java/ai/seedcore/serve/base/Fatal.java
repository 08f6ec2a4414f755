package ai.seedcore.serve.base;

import java.nio.charset.StandardCharsets;

/**
 * Ends a process that cannot continue: at once, with a last line on standard error, so that its
 * supervisor restarts it. Nothing that runs on the cluster is affected.
 */
public final class Fatal {

  /** The JVM exits with this code if its heap is full (-XX:+ExitOnOutOfMemoryError). */
  private static final int EXIT_CODE = 3;

  private Fatal() {}

  /** Ends the process. */
  public static void end(String why) {
    byte[] line =
        "seedcore-serve: %s; exiting, so that it can be restarted%n"
            .formatted(why)
            .getBytes(StandardCharsets.UTF_8);
    System.err.write(line, 0, line.length);
    System.err.flush();
    Runtime.getRuntime().halt(EXIT_CODE);
  }

  /**
   * Ends the process if memory is exhausted. The JVM ends by itself if the heap is full, but not if
   * memory outside of the heap is.
   */
  public static void ifOutOfMemory(Throwable error) {
    for (Throwable cause = error; cause != null; cause = cause.getCause()) {
      if (cause instanceof OutOfMemoryError) {
        end("out of memory outside the heap (-XX:MaxDirectMemorySize): " + cause.getMessage());
      }
    }
  }
}
