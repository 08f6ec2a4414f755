package ai.seedcore.serve.daemon.cli;

import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.classic.spi.ThrowableProxyUtil;
import java.nio.charset.StandardCharsets;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.List;
import org.slf4j.event.KeyValuePair;

/**
 * Writes one line per event: time, level, message, and keys with quoted values. Logback's own
 * pattern does not escape values, so one with a quote or a newline could forge a key or an event.
 */
final class TextLines extends LineEncoder {

  private static final DateTimeFormatter TIME =
      DateTimeFormatter.ofPattern("yyyy-MM-dd'T'HH:mm:ss.SSSXXX").withZone(ZoneOffset.UTC);

  @Override
  public byte[] encode(ILoggingEvent event) {
    StringBuilder line = new StringBuilder(200);
    TIME.formatTo(event.getInstant(), line);
    line.append(' ').append("%-5s".formatted(event.getLevel())).append(' ');
    escape(event.getFormattedMessage(), false, line);
    List<KeyValuePair> pairs = event.getKeyValuePairs();
    for (KeyValuePair pair : pairs == null ? List.<KeyValuePair>of() : pairs) {
      line.append(' ').append(pair.key).append("=\"");
      escape(String.valueOf(pair.value), true, line);
      line.append('"');
    }
    line.append('\n');
    if (event.getThrowableProxy() != null) {
      ThrowableProxyUtil.asString(event.getThrowableProxy())
          .lines()
          .forEach(
              each -> {
                escape(each, false, line);
                line.append('\n');
              });
    }
    return line.toString().getBytes(StandardCharsets.UTF_8);
  }

  private static void escape(String text, boolean quoted, StringBuilder to) {
    for (int i = 0; i < text.length(); i++) {
      char each = text.charAt(i);
      if (quoted && (each == '"' || each == '\\')) {
        to.append('\\').append(each);
      } else if (each == '\t' && !quoted) {
        to.append(each);
      } else if (Character.isISOControl(each) || each == '\u2028' || each == '\u2029') {
        to.append(each == '\n' ? "\\n" : "\\u%04x".formatted((int) each));
      } else {
        to.append(each);
      }
    }
  }
}
