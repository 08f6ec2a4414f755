package ai.seedcore.serve.daemon.door;

import io.vertx.core.MultiMap;
import io.vertx.core.http.HttpClientRequest;
import io.vertx.core.http.HttpClientResponse;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpServerResponse;
import io.vertx.core.http.RequestOptions;
import io.vertx.core.net.HostAndPort;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ThreadLocalRandom;
import org.jspecify.annotations.Nullable;

/** What of a request's and an answer's head is passed on (RFC 9110, 7.6). */
final class Forwarding {

  private static final Set<String> HOP_BY_HOP = new TreeSet<>(String.CASE_INSENSITIVE_ORDER);

  static {
    HOP_BY_HOP.addAll(
        Set.of(
            "connection",
            "keep-alive",
            "proxy-authenticate",
            "proxy-authorization",
            "proxy-connection",
            "te",
            "trailer",
            "transfer-encoding",
            "upgrade",
            "http2-settings",
            "content-length",
            "expect",
            "host"));
  }

  private static final String REQUEST_ID = "X-Request-ID";

  /** What Vert.x reads of a connection that is paused, at most. */
  private static final int AHEAD = 192 << 10;

  private Forwarding() {}

  /**
   * Where a request goes.
   *
   * @param bodyCounts whether its query is left out: Serve's proxy would hand a Java replica the
   *     query in place of the body
   */
  static RequestOptions options(HttpServerRequest request, Proxy to, boolean bodyCounts) {
    boolean tls = "https".equals(to.uri().getScheme());
    String path = to.uri().getRawPath();
    String uri = request.uri();
    int query = uri.indexOf('?');
    boolean empty = query == uri.length() - 1;
    return new RequestOptions()
        .setMethod(request.method())
        .setSsl(tls)
        .setHost(tls ? to.named().host() : to.address())
        .setPort(to.named().port())
        .setURI(path + (query >= 0 && (bodyCounts || empty) ? uri.substring(0, query) : uri));
  }

  /**
   * Writes the head of a request that is passed on.
   *
   * @param streamed whether its body follows as it comes; else whoever has it knows its length
   * @param locked whether what it says of who sent it was for us
   * @param via how we name ourselves
   */
  static void headers(
      HttpServerRequest request,
      HttpClientRequest to,
      boolean streamed,
      boolean locked,
      String via) {
    MultiMap from = request.headers();
    Set<String> named = named(String.join(",", from.getAll("Connection")));
    MultiMap headers = to.headers();
    for (Map.Entry<String, String> header : from) {
      String name = header.getKey();
      if (!HOP_BY_HOP.contains(name) && !named.contains(name)) {
        headers.add(name, header.getValue());
      }
    }
    if (locked) {
      headers.remove("Authorization");
    }
    String client = request.remoteAddress() == null ? "" : request.remoteAddress().hostAddress();
    List<String> before = new ArrayList<>(from.getAll("X-Forwarded-For"));
    before.add(client);
    headers.set("X-Forwarded-For", String.join(", ", before));
    if (!from.contains("X-Forwarded-Proto")) {
      headers.set("X-Forwarded-Proto", request.isSSL() ? "https" : "http");
    }
    HostAndPort authority = request.authority();
    if (authority != null && !from.contains("X-Forwarded-Host")) {
      headers.set("X-Forwarded-Host", authority.toString());
    }
    headers.add("Via", via);
    if (!from.contains(REQUEST_ID)) {
      headers.set(REQUEST_ID, newId());
    }
    if (streamed && from.contains("Content-Length")) {
      headers.set("Content-Length", from.get("Content-Length"));
    } else if (streamed && from.contains("Transfer-Encoding")) {
      to.setChunked(true);
    }
  }

  /** Whether a body is still to come. */
  static boolean isUnread(HttpServerRequest request) {
    return !request.isEnded() && bytesAhead(request) > 0;
  }

  /**
   * How many bytes of a body there may be in memory before anybody has asked for them: what a
   * paused connection has read already.
   */
  static int bytesAhead(HttpServerRequest request) {
    String length = request.getHeader("Content-Length");
    try {
      return length != null
          ? (int) Math.min(AHEAD, Long.parseLong(length))
          : request.headers().contains("Transfer-Encoding") ? AHEAD : 0;
    } catch (NumberFormatException e) {
      return AHEAD;
    }
  }

  private static String newId() {
    ThreadLocalRandom random = ThreadLocalRandom.current();
    return HexFormat.of().toHexDigits(random.nextLong())
        + HexFormat.of().toHexDigits(random.nextLong());
  }

  /** Writes the head of an answer that is passed on, but for its length. */
  static void answer(HttpClientResponse from, HttpServerResponse to) {
    Set<String> named = named(from.getHeader("Connection"));
    MultiMap headers = to.headers();
    for (Map.Entry<String, String> header : from.headers()) {
      String name = header.getKey();
      if (!HOP_BY_HOP.contains(name) && !named.contains(name)) {
        headers.add(name, header.getValue());
      }
    }
    headers.remove("Server");
  }

  /** The headers that are one connection's only, as it says itself. */
  private static Set<String> named(@Nullable String connection) {
    if (connection == null || connection.isEmpty() || connection.equalsIgnoreCase("keep-alive")) {
      return Set.of();
    }
    Set<String> names = new TreeSet<>(String.CASE_INSENSITIVE_ORDER);
    for (String name : connection.split(",", -1)) {
      names.add(name.strip());
    }
    return names;
  }
}
