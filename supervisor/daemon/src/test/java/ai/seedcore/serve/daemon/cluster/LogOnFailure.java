package ai.seedcore.serve.daemon.cluster;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.extension.AfterTestExecutionCallback;
import org.junit.jupiter.api.extension.BeforeTestExecutionCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/**
 * Prints the last lines of the daemons' logs when a test fails. Registered for all tests; those
 * that start no daemon print nothing.
 */
public final class LogOnFailure implements BeforeTestExecutionCallback, AfterTestExecutionCallback {

  private static final int LINES = 10;

  /** How many daemons' logs are printed: a test may start several. */
  private static final int LOGS = 3;

  @Override
  public void beforeTestExecution(ExtensionContext context) {
    DaemonProcess.forgetEnded();
  }

  @Override
  public void afterTestExecution(ExtensionContext context) {
    if (context.getExecutionException().isPresent()) {
      List<Path> logs = DaemonProcess.logs();
      logs.subList(Math.max(0, logs.size() - LOGS), logs.size()).forEach(LogOnFailure::print);
    }
  }

  private static void print(Path log) {
    try {
      List<String> lines =
          Files.readAllLines(log).stream().filter(line -> !line.contains(" DEBUG ")).toList();
      System.out.println("LOG " + log);
      lines
          .subList(Math.max(0, lines.size() - LINES), lines.size())
          .forEach(line -> System.out.println("LOG   " + line));
    } catch (IOException e) {
      System.out.println("LOG " + log + " cannot be read: " + e);
    }
  }
}
