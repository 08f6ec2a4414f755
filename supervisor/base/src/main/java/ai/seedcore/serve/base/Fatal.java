package ai.seedcore.serve.base;

import java.nio.charset.StandardCharsets;

/**
 * The end of a process that cannot go on: at once, with a last line on standard error, so that
 * whoever started it starts it again. Nothing that runs on the cluster is touched.
 */
public final class Fatal {

  /** As the JVM itself ends where its heap is full (-XX:+ExitOnOutOfMemoryError). */
  private static final int EXIT_CODE = 3;

  private Fatal() {}

  /** Ends the process. */
  public static void end(String why) {
    byte[] line =
        "seedcore-serve: %s; ends, to be started again%n"
            .formatted(why)
            .getBytes(StandardCharsets.UTF_8);
    System.err.write(line, 0, line.length);
    System.err.flush();
    Runtime.getRuntime().halt(EXIT_CODE);
  }

  /**
   * Ends the process where an error is that memory has run out: of the heap the JVM sees to that
   * itself, of what is outside it, it does not.
   */
  public static void ifOutOfMemory(Throwable error) {
    for (Throwable cause = error; cause != null; cause = cause.getCause()) {
      if (cause instanceof OutOfMemoryError) {
        end("out of memory outside the heap (-XX:MaxDirectMemorySize): " + cause.getMessage());
      }
    }
  }
}
