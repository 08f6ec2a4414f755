package ai.seedcore.serve.daemon.cli;

import ai.seedcore.serve.daemon.config.Settings;
import ch.qos.logback.classic.AsyncAppender;
import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.encoder.PatternLayoutEncoder;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.ConsoleAppender;
import ch.qos.logback.core.encoder.Encoder;
import org.slf4j.LoggerFactory;
import org.slf4j.bridge.SLF4JBridgeHandler;

/** One line a change, on standard output: key=value for people, JSON for machines. */
final class Logging {

  private static final String TEXT =
      "%d{\"yyyy-MM-dd'T'HH:mm:ss.SSSXXX\", UTC} %-5level %msg %kvp%n";

  private Logging() {}

  static void set(Settings settings) {
    LoggerContext context = (LoggerContext) LoggerFactory.getILoggerFactory();
    context.reset();
    ConsoleAppender<ILoggingEvent> console = new ConsoleAppender<>();
    console.setContext(context);
    console.setEncoder(encoder(context, settings.logFormat().equals("json")));
    console.start();
    // A log that cannot be written, as its reader hangs or its disk is full, is no reason to stand.
    AsyncAppender queue = new AsyncAppender();
    queue.setContext(context);
    queue.setNeverBlock(true);
    queue.setQueueSize(1_000);
    queue.setDiscardingThreshold(0);
    queue.addAppender(console);
    queue.start();
    Logger root = context.getLogger(Logger.ROOT_LOGGER_NAME);
    root.addAppender(queue);
    root.setLevel(Level.WARN);
    // What a library says by java.util.logging becomes a line like the others. gRPC's warnings are
    // known by our own.
    SLF4JBridgeHandler.removeHandlersForRootLogger();
    SLF4JBridgeHandler.install();
    context.getLogger("io.grpc").setLevel(Level.ERROR);
    context.getLogger("ai.seedcore").setLevel(Level.toLevel(settings.logLevel()));
  }

  /** Writes out what is still to be written. */
  static void flush() {
    ((LoggerContext) LoggerFactory.getILoggerFactory()).stop();
  }

  private static Encoder<ILoggingEvent> encoder(LoggerContext context, boolean json) {
    if (json) {
      JsonLines encoder = new JsonLines();
      encoder.setContext(context);
      encoder.start();
      return encoder;
    }
    PatternLayoutEncoder encoder = new PatternLayoutEncoder();
    encoder.setContext(context);
    encoder.setPattern(TEXT);
    encoder.start();
    return encoder;
  }
}
