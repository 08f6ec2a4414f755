package ai.seedcore.serve.api;

import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * An HTTP request. A class receives it if it has a public method {@code call(Request)}.
 *
 * <p>A call that did not arrive by HTTP (from a Serve handle, or through a proxy of a Serve that
 * the daemon did not start) is a {@code POST /} without header fields.
 */
public final class Request {

  private final String method;
  private final String target;
  private final Map<String, List<String>> headers;
  private final byte[] body;

  /**
   * Creates a request.
   *
   * @param method the method, such as {@code POST}
   * @param target the path, with the query if there is one
   * @param headers the header fields; case does not matter in their names
   * @param body the body, which is not copied
   */
  public Request(String method, String target, Map<String, List<String>> headers, byte[] body) {
    this.method = method;
    this.target = target;
    Map<String, List<String>> named = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
    named.putAll(headers);
    this.headers = Collections.unmodifiableMap(named);
    this.body = body;
  }

  /** Returns the method, such as {@code POST}. */
  public String method() {
    return method;
  }

  /** Returns the path as the client sent it: percent-encoded, and with the route's prefix. */
  public String path() {
    int query = target.indexOf('?');
    return query < 0 ? target : target.substring(0, query);
  }

  /** Returns the query as the client sent it, without the question mark; empty if there is none. */
  public String query() {
    int query = target.indexOf('?');
    return query < 0 ? "" : target.substring(query + 1);
  }

  /** Returns the decoded value of the first query parameter with a name. */
  public Optional<String> parameter(String name) {
    for (String pair : query().split("&", -1)) {
      int equals = pair.indexOf('=');
      String key = equals < 0 ? pair : pair.substring(0, equals);
      if (!pair.isEmpty() && decoded(key).equals(name)) {
        return Optional.of(equals < 0 ? "" : decoded(pair.substring(equals + 1)));
      }
    }
    return Optional.empty();
  }

  private static String decoded(String text) {
    try {
      return URLDecoder.decode(text, StandardCharsets.UTF_8);
    } catch (IllegalArgumentException e) {
      return text; // A percent sign that encodes nothing stands for itself.
    }
  }

  /** Returns the header fields and their values. The map ignores the case of names. */
  public Map<String, List<String>> headers() {
    return headers;
  }

  /** Returns the first value of a header field. */
  public Optional<String> header(String name) {
    return headers.getOrDefault(name, List.of()).stream().findFirst();
  }

  /** Returns the bytes of the body, which are not copied; an empty array if there is none. */
  public byte[] body() {
    return body;
  }

  /** Returns the body as UTF-8 text. Invalid bytes become U+FFFD. */
  public String text() {
    return new String(body, StandardCharsets.UTF_8);
  }

  @Override
  public String toString() {
    return "%s %s (%d bytes)".formatted(method, path(), body.length);
  }
}
