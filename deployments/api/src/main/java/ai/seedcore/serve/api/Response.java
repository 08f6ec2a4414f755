package ai.seedcore.serve.api;

import java.io.IOException;
import java.io.OutputStream;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * An HTTP response. A class may return it from {@code call}, instead of a body alone.
 *
 * @param status the status, from 200 to 599
 * @param headers the header fields; case does not matter in their names. Without a Content-Type,
 *     text is {@code text/plain} and an object {@code application/json}
 * @param body what {@code call} may return otherwise (text, bytes, or an object that becomes JSON),
 *     a {@link Stream}, or null for an empty body
 */
public record Response(int status, Map<String, List<String>> headers, @Nullable Object body) {

  private static final int MIN_STATUS = 200;
  private static final int MAX_STATUS = 599;

  /** The statuses that have no body (RFC 9110). */
  private static final Set<Integer> WITHOUT_BODY = Set.of(204, 205, 304);

  private static final Pattern NAME = Pattern.compile("[!#$%&'*+.^_`|~0-9A-Za-z-]+");
  private static final Pattern VALUE = Pattern.compile("[\\t\\x20-\\x7e]*");

  /** The header fields that the server sets: they describe the message or the connection. */
  private static final Set<String> OF_THE_SERVER =
      Set.of(
          "connection",
          "content-length",
          "keep-alive",
          "te",
          "trailer",
          "transfer-encoding",
          "upgrade");

  private static final String RESERVED = "x-seedcore-";

  /** A body that is written while it is sent. */
  @FunctionalInterface
  public interface Stream {

    /**
     * Writes the body. What has been written reaches the client after {@code flush()}, or once a
     * few kilobytes have been written. The call waits while the client reads slowly.
     *
     * <p>An exception breaks off the response, which the client notices.
     *
     * @throws IOException if the client has gone
     */
    void writeTo(OutputStream out) throws IOException, InterruptedException;
  }

  /**
   * Checks the response.
   *
   * @throws IllegalArgumentException if the status, a name or a value is not one of HTTP's, if the
   *     server sets the header field, or if the status permits no body and there is one
   */
  public Response {
    if (status < MIN_STATUS || status > MAX_STATUS) {
      throw new IllegalArgumentException(
          "status: found %d, expected %d to %d".formatted(status, MIN_STATUS, MAX_STATUS));
    }
    if (body != null && WITHOUT_BODY.contains(status)) {
      throw new IllegalArgumentException("body: found one, expected none with status " + status);
    }
    headers = copy(headers);
  }

  private static Map<String, List<String>> copy(Map<String, List<String>> headers) {
    if (headers.isEmpty()) {
      return Map.of();
    }
    Map<String, List<String>> copy = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
    headers.forEach(
        (name, values) -> {
          check(name, values);
          copy.put(name, List.copyOf(values));
        });
    return Collections.unmodifiableMap(copy);
  }

  private static void check(String name, List<String> values) {
    String lower = name.toLowerCase(Locale.ROOT);
    if (!NAME.matcher(name).matches()) {
      throw new IllegalArgumentException(
          "header: found the name '%s', expected letters, digits and hyphens".formatted(name));
    }
    if (OF_THE_SERVER.contains(lower) || lower.startsWith(RESERVED)) {
      throw new IllegalArgumentException(
          "header: found '%s', which only the server sets".formatted(name));
    }
    for (String value : values) {
      if (!VALUE.matcher(value).matches()) {
        throw new IllegalArgumentException(
            "header %s: found a character that no value may have, such as a line break"
                .formatted(name));
      }
    }
  }

  /** Returns a response with status 200. */
  public static Response of(@Nullable Object body) {
    return of(200, body);
  }

  /** Returns a response without header fields. */
  public static Response of(int status, @Nullable Object body) {
    return new Response(status, Map.of(), body);
  }

  /**
   * Returns a response with status 200 whose body is written while it is sent.
   *
   * @param type the content type
   */
  public static Response stream(String type, Stream body) {
    return of(body).withHeader("Content-Type", type);
  }

  /** Returns this response with one more header field. */
  public Response withHeader(String name, String value) {
    Map<String, List<String>> more = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
    more.putAll(headers);
    List<String> values = new ArrayList<>(more.getOrDefault(name, List.of()));
    values.add(value);
    more.put(name, values);
    return new Response(status, more, body);
  }

  /** Returns this response with another body. */
  public Response withBody(@Nullable Object other) {
    return new Response(status, headers, other);
  }
}
