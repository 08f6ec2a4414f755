package ai.seedcore.serve.door.request;

import io.vertx.core.MultiMap;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpVersion;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * The target of a request, parsed once and forwarded as it was parsed (RFC 9112, 3.2).
 *
 * @param path the path, which begins with a slash
 * @param query the part after the question mark; null: none
 * @param authority the host and port that the client named; empty if it named none
 * @param inference what a path of the Open Inference Protocol has after {@code /v2/models/}; null
 *     for any other request
 */
record Target(String path, @Nullable String query, String authority, @Nullable String inference) {

  /** More fields than any client needs. Each costs time and memory. */
  private static final int MAX_FIELDS = 200;

  private static final List<HttpMethod> UNSUPPORTED_METHODS =
      List.of(HttpMethod.CONNECT, HttpMethod.TRACE);

  /** Thrown for a request that cannot be forwarded. The message says why. */
  static final class Refused extends Exception {
    private static final long serialVersionUID = 1L;
    private final int status;

    Refused(int status, String message) {
      super(message, null, false, false);
      this.status = status;
    }

    int status() {
      return status;
    }
  }

  /**
   * Parses the target of a request.
   *
   * @throws Refused if the request is ambiguous or invalid
   */
  static Target of(HttpServerRequest request) throws Refused {
    MultiMap headers = request.headers();
    if (headers.size() > MAX_FIELDS || headers.contains("")) {
      throw new Refused(
          headers.size() > MAX_FIELDS ? 431 : 400,
          "headers: found %d fields, expected at most %d, each with a name"
              .formatted(headers.size(), MAX_FIELDS));
    }
    if (headers.contains("Transfer-Encoding") && !isChunked(headers.getAll("Transfer-Encoding"))) {
      throw new Refused(501, "Transfer-Encoding: found another coding, expected only chunked");
    }
    if (UNSUPPORTED_METHODS.contains(request.method())) {
      throw new Refused(
          405, "method: found %s, expected none of CONNECT and TRACE".formatted(request.method()));
    }
    List<String> hosts = headers.getAll("Host");
    if (hosts.size() > 1 || (hosts.isEmpty() && request.version() != HttpVersion.HTTP_1_0)) {
      throw new Refused(400, "Host: found %d fields, expected one".formatted(hosts.size()));
    }
    String host = hosts.isEmpty() ? "" : hosts.get(0);
    check("Host", host);
    if (host.indexOf(',') >= 0 || host.indexOf('/') >= 0 || host.indexOf('@') >= 0) {
      throw new Refused(400, "Host: found '%s', expected HOST:PORT".formatted(Replies.cut(host)));
    }
    String uri = request.uri();
    check("target", uri);
    if (uri.startsWith("/")) {
      return split(uri, host);
    }
    String begin = uri.substring(0, Math.min(8, uri.length())).toLowerCase(Locale.ROOT);
    int from = begin.startsWith("http://") ? 7 : begin.equals("https://") ? 8 : -1;
    if (from < 0 || request.version() == HttpVersion.HTTP_2) {
      throw new Refused(
          400,
          "target: found '%s', expected a path that begins with /".formatted(Replies.cut(uri)));
    }
    int end = from;
    while (end < uri.length() && uri.charAt(end) != '/' && uri.charAt(end) != '?') {
      end++;
    }
    String authority = uri.substring(from, end);
    if (authority.isEmpty() || authority.indexOf('@') >= 0) {
      throw new Refused(400, "target: found no valid host, expected one");
    }
    String rest = uri.substring(end);
    return split(rest.startsWith("/") ? rest : "/" + rest, authority);
  }

  private static boolean isChunked(List<String> codings) {
    return codings.size() == 1 && codings.get(0).strip().equalsIgnoreCase("chunked");
  }

  private static Target split(String uri, String authority) {
    int query = uri.indexOf('?');
    return query < 0
        ? new Target(uri, null, authority, null)
        : new Target(uri.substring(0, query), uri.substring(query + 1), authority, null);
  }

  /**
   * Refuses characters that no target contains (RFC 3986, 2). An upstream server might take them
   * for the end.
   */
  private static void check(String field, String text) throws Refused {
    for (int i = 0; i < text.length(); i++) {
      char each = text.charAt(i);
      if (each <= ' ' || each >= 0x7f || each == '#' || each == '\\') {
        throw new Refused(
            400,
            "%s: found %s, expected it encoded as %%XX"
                .formatted(
                    field,
                    each < 0x100
                        ? "the character 0x%02x".formatted((int) each)
                        : "a non-ASCII character"));
      }
    }
  }

  /** Returns the target as it is forwarded. */
  String uri(boolean withQuery) {
    return query == null || query.isEmpty() || !withQuery ? path : path + "?" + query;
  }
}
