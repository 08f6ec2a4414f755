package ai.seedcore.serve.daemon.cli;

import ai.seedcore.serve.base.ConfigException;
import ai.seedcore.serve.daemon.config.Settings;
import ai.seedcore.serve.door.request.AccessLog;
import ch.qos.logback.classic.AsyncAppender;
import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.encoder.PatternLayoutEncoder;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.Appender;
import ch.qos.logback.core.ConsoleAppender;
import ch.qos.logback.core.encoder.Encoder;
import ch.qos.logback.core.rolling.FixedWindowRollingPolicy;
import ch.qos.logback.core.rolling.RollingFileAppender;
import ch.qos.logback.core.rolling.SizeBasedTriggeringPolicy;
import ch.qos.logback.core.util.Duration;
import ch.qos.logback.core.util.FileSize;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import org.slf4j.LoggerFactory;
import org.slf4j.bridge.SLF4JBridgeHandler;

/** Logging to standard output, and optionally a file: key=value for people, JSON for machines. */
final class Logging {

  private Logging() {}

  /**
   * Configures logging from the settings.
   *
   * @throws ConfigException if the file cannot be written; then nothing has changed
   */
  static void set(Settings settings) {
    Path file = settings.logFile();
    Path access = settings.frontDoorAccessLog();
    check("log_file", file);
    check("front_door_access_log", access);
    LoggerContext context = (LoggerContext) LoggerFactory.getILoggerFactory();
    context.reset();
    boolean json = settings.logFormat().equals("json");
    ConsoleAppender<ILoggingEvent> console = new ConsoleAppender<>();
    console.setContext(context);
    console.setEncoder(encoder(context, json));
    console.start();
    // A log whose reader hangs, or whose disk is full, must not block the daemon.
    Logger root = context.getLogger(Logger.ROOT_LOGGER_NAME);
    root.addAppender(queued(context, console));
    if (file != null) {
      root.addAppender(queued(context, rolling(context, encoder(context, json), file, settings)));
    }
    root.setLevel(Level.WARN);
    // Messages that libraries write to java.util.logging become normal lines. The daemon itself
    // reports what gRPC warns about.
    SLF4JBridgeHandler.removeHandlersForRootLogger();
    SLF4JBridgeHandler.install();
    context.getLogger("io.grpc").setLevel(Level.ERROR);
    context.getLogger("ai.seedcore").setLevel(Level.toLevel(settings.logLevel()));
    Logger requests = context.getLogger(AccessLog.NAME);
    requests.setLevel(access == null ? Level.OFF : Level.TRACE);
    requests.setAdditive(false);
    if (access != null) {
      PatternLayoutEncoder encoder = new PatternLayoutEncoder();
      encoder.setContext(context);
      encoder.setPattern("%msg%n");
      encoder.start();
      requests.addAppender(queued(context, rolling(context, encoder, access, settings)));
    }
  }

  private static void check(String field, @Nullable Path file) {
    if (file != null && !writable(file.toAbsolutePath())) {
      throw new ConfigException(
          "%s: found %s, which cannot be written, expected a file in a writable directory"
              .formatted(field, file));
    }
  }

  private static boolean writable(Path file) {
    return Files.exists(file)
        ? Files.isRegularFile(file) && Files.isWritable(file)
        : file.getParent() != null && Files.isWritable(file.getParent());
  }

  private static AsyncAppender queued(LoggerContext context, Appender<ILoggingEvent> slow) {
    AsyncAppender queue = new AsyncAppender();
    queue.setContext(context);
    queue.setNeverBlock(true);
    queue.setQueueSize(1_000);
    queue.setDiscardingThreshold(0);
    queue.addAppender(slow);
    queue.start();
    return queue;
  }

  private static Appender<ILoggingEvent> rolling(
      LoggerContext context, Encoder<ILoggingEvent> encoder, Path file, Settings settings) {
    RollingFileAppender<ILoggingEvent> appender = new RollingFileAppender<>();
    appender.setContext(context);
    appender.setEncoder(encoder);
    appender.setFile(file.toString());
    FixedWindowRollingPolicy window = new FixedWindowRollingPolicy();
    window.setContext(context);
    window.setParent(appender);
    window.setFileNamePattern(file + ".%i");
    window.setMinIndex(1);
    window.setMaxIndex(settings.logFilesKept());
    window.start();
    SizeBasedTriggeringPolicy<ILoggingEvent> size = new SizeBasedTriggeringPolicy<>();
    size.setContext(context);
    size.setMaxFileSize(new FileSize(settings.logFileMb() * FileSize.MB_COEFFICIENT));
    // The default of a minute is too long when there is much to log.
    size.setCheckIncrement(Duration.buildBySeconds(1));
    size.start();
    appender.setRollingPolicy(window);
    appender.setTriggeringPolicy(size);
    appender.start();
    return appender;
  }

  /** Writes all pending lines. */
  static void flush() {
    ((LoggerContext) LoggerFactory.getILoggerFactory()).stop();
  }

  private static Encoder<ILoggingEvent> encoder(LoggerContext context, boolean json) {
    Encoder<ILoggingEvent> encoder = json ? new JsonLines() : new TextLines();
    encoder.setContext(context);
    encoder.start();
    return encoder;
  }
}
