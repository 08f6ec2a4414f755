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
 * Reads requests from standard input, and answers each on descriptor 3; standard output is left to
 * native code, which prints there. What asks for a sign of life is answered at once, all else one
 * after the other. The end of the input means that the daemon has gone: so does the driver.
 */
public final class DriverMain {

  /** Where the daemon listens for replies; the daemon's shell command opens it. */
  private static final String REPLIES = "/dev/fd/3";

  /** How long a request under way may hold up the end. */
  private static final long LAST_WORDS_MS = 1_500;

  private final BlockingQueue<Optional<Request>> requests = new LinkedBlockingQueue<>();
  private final PrintStream replies;

  private DriverMain(PrintStream replies) {
    this.replies = replies;
  }

  /**
   * The driver's life.
   *
   * @param arguments one: the folder in which Ray's native library is kept unpacked
   */
  public static void main(String[] arguments) throws IOException, InterruptedException {
    PrintStream replies =
        new PrintStream(new FileOutputStream(REPLIES), true, StandardCharsets.UTF_8);
    DriverMain driver = new DriverMain(replies);
    Thread reader = new Thread(driver::read, "requests");
    reader.setDaemon(true);
    reader.start();
    driver.work(arguments[0]);
    // Ray's native threads would keep the JVM alive.
    Runtime.getRuntime().halt(0);
  }

  private void work(String libraryFolder) throws InterruptedException {
    ClusterSession session = new ClusterSession();
    session.warm(libraryFolder);
    say(new Reply.Warm(0));
    for (Optional<Request> next = requests.take(); next.isPresent(); next = requests.take()) {
      say(answer(session, next.get()));
    }
    session.leave();
  }

  private void read() {
    try (BufferedReader lines =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8))) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        Request request = Wire.request(line);
        if (request instanceof Request.Ping ping) {
          say(new Reply.Done(ping.id()));
        } else {
          requests.add(Optional.of(request));
        }
      }
    } catch (IOException e) {
      System.err.println("the driver's input failed: " + e);
    }
    requests.add(Optional.empty());
    try {
      Thread.sleep(LAST_WORDS_MS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    Runtime.getRuntime().halt(0); // Whatever is under way: nobody waits for it any more.
  }

  private synchronized void say(Reply reply) {
    replies.println(Wire.line((Record) reply));
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
