package ai.seedcore.serve.door.request;

import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpVersion;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Writes one line per request to the logger {@value #NAME}: Apache's Combined Log Format, then the
 * seconds until the response was complete, and the {@code X-Request-ID}. The query, which may be
 * secret, is left out.
 */
public final class AccessLog {

  /** The name of the logger. Its level is TRACE, which is off unless the user names a file. */
  public static final String NAME = "access";

  private static final Logger LOG = LoggerFactory.getLogger(NAME);

  private static final DateTimeFormatter TIME =
      DateTimeFormatter.ofPattern("dd/MMM/yyyy:HH:mm:ss Z", Locale.ROOT).withZone(ZoneOffset.UTC);

  private static final int MAX_FIELD = 500;

  private AccessLog() {}

  /** Returns whether there is a log. */
  static boolean isOn() {
    return LOG.isTraceEnabled();
  }

  /**
   * Writes a request's line.
   *
   * @param client the client's address
   * @param nanos how long the request took
   */
  static void write(HttpServerRequest request, String client, long nanos) {
    LOG.trace(
        String.format(
            Locale.ROOT,
            "%s - - [%s] \"%s %s HTTP/%s\" %d %d \"%s\" \"%s\" %.3f %s",
            client,
            TIME.format(Instant.now()),
            escaped(request.method().name()),
            escaped(request.path()),
            version(request.version()),
            request.response().getStatusCode(),
            request.response().bytesWritten(),
            escaped(request.getHeader("Referer")),
            escaped(request.getHeader("User-Agent")),
            nanos / 1e9,
            escaped(request.getHeader("X-Request-ID"))));
  }

  private static String version(HttpVersion of) {
    return switch (of) {
      case HTTP_1_0 -> "1.0";
      case HTTP_2 -> "2.0";
      default -> "1.1";
    };
  }

  /** Returns a client's text without what would end its field or its line; - if there is none. */
  static String escaped(@Nullable String text) {
    if (text == null || text.isEmpty()) {
      return "-";
    }
    StringBuilder escaped = new StringBuilder(text.length());
    for (int i = 0; i < Math.min(MAX_FIELD, text.length()); i++) {
      char c = text.charAt(i);
      if (c == '"' || c == '\\') {
        escaped.append('\\').append(c);
      } else if (c < ' ' || c > '~') {
        escaped.append(String.format(Locale.ROOT, "\\u%04x", (int) c));
      } else {
        escaped.append(c);
      }
    }
    return escaped.toString();
  }
}
