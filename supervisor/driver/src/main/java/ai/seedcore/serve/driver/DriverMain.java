package ai.seedcore.serve.driver;

import ai.seedcore.serve.protocol.Reply;
import ai.seedcore.serve.protocol.Request;
import ai.seedcore.serve.protocol.Wire;
import java.io.BufferedReader;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;

/**
 * Reads requests from standard input, one at a time, and answers each on descriptor 3; standard
 * output is left to native code, which prints there. The end of the input means that the daemon has
 * gone: so does the driver.
 */
public final class DriverMain {

  /** Where the daemon listens for replies; the daemon's shell command opens it. */
  private static final String REPLIES = "/dev/fd/3";

  private DriverMain() {}

  /**
   * The driver's life.
   *
   * @param arguments one: the folder in which Ray's native library is kept unpacked
   */
  public static void main(String[] arguments) throws IOException {
    ClusterSession session = new ClusterSession();
    try (PrintStream replies =
            new PrintStream(new FileOutputStream(REPLIES), true, StandardCharsets.UTF_8);
        BufferedReader requests =
            new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8))) {
      session.warm(arguments[0]);
      replies.println(Wire.line(new Reply.Warm(0)));
      for (String line = requests.readLine(); line != null; line = requests.readLine()) {
        replies.println(Wire.line((Record) answer(session, Wire.request(line))));
      }
    }
    session.leave();
    // Ray's native threads would keep the JVM alive.
    Runtime.getRuntime().halt(0);
  }

  private static Reply answer(ClusterSession session, Request request) {
    try {
      return session.handle(request);
    } catch (Throwable e) { // Whatever Ray throws, errors too: the daemon decides what follows.
      return new Reply.Failed(request.id(), chain(e));
    }
  }

  private static String chain(Throwable error) {
    StringBuilder text = new StringBuilder();
    for (Throwable e = error; e != null; e = e.getCause()) {
      text.append(text.isEmpty() ? "" : " <- ").append(e);
    }
    return text.toString().replaceAll("\\s+", " ");
  }
}
