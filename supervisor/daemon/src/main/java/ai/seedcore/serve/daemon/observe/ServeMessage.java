package ai.seedcore.serve.daemon.observe;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Translates Serve's messages to plain words. Serve's own contain Python tracebacks, exception
 * names, and references to logs that users do not have at hand.
 */
final class ServeMessage {

  private static final int MAX_LENGTH = 600;

  private static final Pattern FAILED =
      Pattern.compile("(?s).*failed to start (\\d+) times in a row.*?Error:\\s*(.*)");

  private static final Pattern RETRIED =
      Pattern.compile("(?s).*A replica failed to start with exception.*?Error:\\s*(.*)");

  private static final Pattern UNSCHEDULED =
      Pattern.compile(
          "(?s).*has (\\d+) replicas that have taken more than (\\d+)s to be scheduled.*?"
              + "Resources required for each replica: (\\{.*?\\}),? [Tt]otal resources available:"
              + " (\\{.*?\\}).*");

  private static final Pattern UNINITIALIZED =
      Pattern.compile(
          "(?s).*has (\\d+) replicas that have taken more than (\\d+)s to initialize.*");

  private static final Pattern IMPORT =
      Pattern.compile("(?s)Deploying app '.*?' failed with exception:\\s*(.*)");

  private static final Pattern ENVIRONMENT =
      Pattern.compile("(?s)Runtime env setup for app '.*?' failed:\\s*(.*)");

  private static final String TRACEBACK = "Traceback (most recent call last)";

  /** An exception's name with its package, up to its message. */
  private static final Pattern EXCEPTION =
      Pattern.compile(
          "^(?:[A-Za-z_]\\w*\\.)*[A-Z]\\w*(?:Error|Exception)\\b(?:\\([^)]*\\))?:?\\s*");

  private static final Pattern FRAME =
      Pattern.compile("\\s*(at [\\w.$<>/]+\\(.*|File \".*|Traceback .*|\\.\\.\\. \\d+ more|\\^+)");

  private ServeMessage() {}

  /** Returns the message in plain words; empty if there is none. */
  static String words(String message) {
    Matcher failed = FAILED.matcher(message);
    if (failed.matches()) {
      return "its replicas failed to start %s times in a row: %s"
          .formatted(failed.group(1), plain(failed.group(2)));
    }
    Matcher retried = RETRIED.matcher(message);
    if (retried.matches()) {
      return "a replica failed to start and is being replaced: " + plain(retried.group(1));
    }
    Matcher unscheduled = UNSCHEDULED.matcher(message);
    if (unscheduled.matches()) {
      return "%s of its replicas have waited for more than %s s: each needs %s, available are %s"
          .formatted(
              unscheduled.group(1),
              unscheduled.group(2),
              unscheduled.group(3),
              unscheduled.group(4));
    }
    Matcher uninitialized = UNINITIALIZED.matcher(message);
    if (uninitialized.matches()) {
      return "%s of its replicas have been starting for more than %s s"
          .formatted(uninitialized.group(1), uninitialized.group(2));
    }
    Matcher environment = ENVIRONMENT.matcher(message);
    if (environment.matches()) {
      return "its runtime_env cannot be set up: " + plain(environment.group(1));
    }
    Matcher imported = IMPORT.matcher(message);
    return imported.matches()
        ? "it cannot be imported: " + plain(imported.group(1))
        : plain(message);
  }

  /**
   * Returns the first meaningful line, without exception names; of a Python traceback the last one.
   */
  private static String plain(String text) {
    boolean python = text.contains(TRACEBACK) && !text.contains("\tat ");
    String said =
        python
            ? text.lines()
                .filter(line -> line.matches(".*\\p{L}.*"))
                .reduce((first, second) -> second)
                .orElse("")
                .strip()
            : firstPlain(text);
    return said.length() <= MAX_LENGTH ? said : said.substring(0, MAX_LENGTH) + "...";
  }

  private static String firstPlain(String text) {
    return text.lines()
        .filter(line -> !line.isBlank() && !FRAME.matcher(line).matches())
        .map(ServeMessage::unwrapped)
        .filter(line -> !line.isBlank())
        .findFirst()
        .orElse("");
  }

  private static String unwrapped(String line) {
    String rest = line.strip();
    for (Matcher name = EXCEPTION.matcher(rest); name.find(); name = EXCEPTION.matcher(rest)) {
      rest = rest.substring(name.end()).strip();
    }
    return rest;
  }
}
