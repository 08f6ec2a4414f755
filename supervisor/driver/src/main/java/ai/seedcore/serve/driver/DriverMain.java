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
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;

/**
 * The driver's main class. It reads requests from standard input and writes replies to file
 * descriptor 3, because Ray's native code prints to standard output. Pings are answered at once;
 * the other requests run one after the other. The end of the input means that the daemon has
 * exited, and the driver exits, too.
 */
public final class DriverMain {

  /** The file for replies. The shell command with which the daemon starts the driver opens it. */
  private static final String REPLIES = "/dev/fd/3";

  /** How long the driver waits for a request in progress before it exits. */
  private static final long EXIT_GRACE_MS = 1_500;

  private final BlockingQueue<Optional<Request>> requests = new LinkedBlockingQueue<>();
  private final PrintStream replies;

  private DriverMain(PrintStream replies) {
    this.replies = replies;
  }

  /**
   * Runs the driver until its input ends.
   *
   * @param arguments one argument, the directory for Ray's native library
   */
  public static void main(String[] arguments) throws IOException, InterruptedException {
    PrintStream replies =
        new PrintStream(new FileOutputStream(REPLIES), true, StandardCharsets.UTF_8);
    DriverMain driver = new DriverMain(replies);
    Thread reader = new Thread(driver::read, "requests");
    reader.setDaemon(true);
    reader.start();
    driver.processRequests(arguments[0]);
    // Ray's native threads would keep the JVM alive.
    Runtime.getRuntime().halt(0);
  }

  private void processRequests(String libraryFolder) throws InterruptedException {
    ClusterSession session = new ClusterSession();
    session.warm(libraryFolder);
    send(new Reply.Warm(0));
    for (Optional<Request> next = requests.take(); next.isPresent(); next = requests.take()) {
      send(answer(session, next.get()));
    }
    session.leave();
  }

  private void read() {
    try (BufferedReader lines =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8))) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        Request request = Wire.request(line);
        if (request instanceof Request.Ping ping) {
          send(new Reply.Done(ping.id()));
        } else {
          requests.add(Optional.of(request));
        }
      }
    } catch (IOException e) {
      System.err.println("cannot read the driver's input: " + e);
    }
    requests.add(Optional.empty());
    try {
      Thread.sleep(EXIT_GRACE_MS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    Runtime.getRuntime().halt(0); // Abandons a request in progress: nobody reads its reply.
  }

  private synchronized void send(Reply reply) {
    replies.println(Wire.line((Record) reply));
  }

  private static Reply answer(ClusterSession session, Request request) {
    try {
      return session.handle(request);
    } catch (Throwable e) { // Includes errors from Ray: the daemon decides how to react.
      return new Reply.Failed(request.id(), chain(e));
    }
  }

  /** Formats an exception and its causes on one line. */
  private static String chain(Throwable error) {
    StringBuilder text = new StringBuilder();
    for (Throwable e = error; e != null; e = e.getCause()) {
      text.append(text.isEmpty() ? "" : " <- ").append(e);
    }
    return text.toString().replaceAll("\\s+", " ");
  }
}
