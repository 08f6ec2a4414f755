package ai.seedcore.serve.base.fuzz;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.classic.spi.ThrowableProxyUtil;
import ch.qos.logback.core.AppenderBase;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.slf4j.LoggerFactory;

/** Records what event loops log as an error. No input may cause one. */
public final class Faults {

  private static final Queue<String> SEEN = new ConcurrentLinkedQueue<>();

  static {
    AppenderBase<ILoggingEvent> appender =
        new AppenderBase<>() {
          @Override
          protected void append(ILoggingEvent event) {
            // Other tests run at the same time, and some of them cause errors elsewhere.
            if (event.getLevel().isGreaterOrEqual(Level.ERROR)
                && event.getThreadName().startsWith("vert.x-eventloop")) {
              SEEN.add(
                  event.getFormattedMessage()
                      + (event.getThrowableProxy() == null
                          ? ""
                          : "\n" + ThrowableProxyUtil.asString(event.getThrowableProxy())));
            }
          }
        };
    Logger rootLogger = (Logger) LoggerFactory.getLogger(org.slf4j.Logger.ROOT_LOGGER_NAME);
    appender.setContext(rootLogger.getLoggerContext());
    appender.start();
    rootLogger.addAppender(appender);
  }

  private Faults() {}

  /** Starts to record errors. */
  public static void look() {
    SEEN.clear();
  }

  /** Fails if an error was recorded. */
  public static void none() {
    String first = SEEN.poll();
    if (first != null) {
      throw new AssertionError(first);
    }
  }
}
