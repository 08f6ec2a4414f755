package ai.seedcore.serve.door.request;

import ai.seedcore.serve.base.http.HeadLimits;
import ai.seedcore.serve.door.DoorTokens;
import ai.seedcore.serve.door.upstream.Upstream;
import io.vertx.core.MultiMap;
import io.vertx.core.http.HttpClientRequest;
import io.vertx.core.http.HttpClientResponse;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpServerResponse;
import io.vertx.core.http.RequestOptions;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ThreadLocalRandom;
import org.jspecify.annotations.Nullable;

/** Selects the parts of request and response heads that are forwarded (RFC 9110, 7.6). */
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

  /** Says in a replica's response that, and why, the request was not executed. */
  static final String NOT_EXECUTED = "X-SeedCore-Not-Executed";

  /** The query that a proxy would take for the body (see java_support.py). */
  static final String QUERY = "X-SeedCore-Query";

  /** Says that the request is a copy, whose response nobody sees. */
  private static final String MIRRORED = "X-SeedCore-Mirrored";

  /** Marks a request of the Open Inference Protocol for the agent (see OpenInference). */
  private static final String INFERENCE = "X-SeedCore-Inference";

  /** Says in a response that the class has chosen its status (see java_support.py). */
  static final String EXECUTED = "X-SeedCore-Executed";

  private Forwarding() {}

  /**
   * Returns the options of an upstream request.
   *
   * @param withQuery whether to forward the query. Serve's proxy would give a Java replica the
   *     query instead of the body
   */
  static RequestOptions options(HttpMethod method, Target target, Upstream to, boolean withQuery) {
    boolean tls = "https".equals(to.uri().getScheme());
    return new RequestOptions()
        .setMethod(method)
        .setSsl(tls)
        .setHost(tls ? to.named().host() : to.address())
        .setPort(to.named().port())
        .setURI(to.uri().getRawPath() + target.uri(withQuery));
  }

  /**
   * Writes the header fields of an upstream request.
   *
   * @param streamed whether the body is streamed; otherwise the caller sets its length
   * @param tokens those of the door, which are not forwarded
   * @param via the door's own entry of the Via field
   */
  static void headers(
      HttpServerRequest request,
      Target target,
      HttpClientRequest to,
      boolean streamed,
      DoorTokens tokens,
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
    if (tokens.areRequired()) {
      headers.remove(tokens.field());
    }
    headers.remove(MIRRORED); // Only the door says so.
    headers.remove(INFERENCE);
    if (target.inference() != null) {
      headers.set(INFERENCE, target.inference());
    }
    String client = request.remoteAddress() == null ? "" : request.remoteAddress().hostAddress();
    List<String> before = new ArrayList<>(from.getAll("X-Forwarded-For"));
    before.add(client);
    headers.set("X-Forwarded-For", String.join(", ", before));
    if (!from.contains("X-Forwarded-Proto")) {
      headers.set("X-Forwarded-Proto", request.isSSL() ? "https" : "http");
    }
    if (!target.authority().isEmpty() && !from.contains("X-Forwarded-Host")) {
      headers.set("X-Forwarded-Host", target.authority());
    }
    headers.add("Via", via);
    if (!headers.contains(REQUEST_ID)) {
      headers.set(REQUEST_ID, newId());
    }
    if (streamed && from.contains("Content-Length")) {
      headers.set("Content-Length", from.get("Content-Length"));
    } else if (streamed && from.contains("Transfer-Encoding")) {
      to.setChunked(true);
    }
  }

  /** Writes the header fields of a copy of a request, whose body is complete. */
  static void mirrored(Exchange exchange, HttpClientRequest to, DoorTokens tokens, String via) {
    headers(exchange.request(), exchange.target(), to, false, tokens, via);
    to.headers().remove(QUERY);
    to.headers().remove("traceparent"); // A trace has one response to one request.
    to.headers().remove("tracestate");
    to.headers().set(MIRRORED, "1");
  }

  /** Returns whether a part of the body is still to arrive. */
  static boolean isUnread(HttpServerRequest request) {
    return !request.isEnded() && hasBody(request);
  }

  /** Returns whether the head announces a body. */
  static boolean hasBody(HttpServerRequest request) {
    return bodyBytes(request) > 0;
  }

  /** Returns the announced length of the body in bytes; Long.MAX_VALUE if it is not known. */
  static long bodyBytes(HttpServerRequest request) {
    if (request.headers().contains("Transfer-Encoding")) {
      return Long.MAX_VALUE;
    }
    String length = request.getHeader("Content-Length");
    try {
      return length == null ? 0 : Long.parseLong(length);
    } catch (NumberFormatException e) {
      return Long.MAX_VALUE;
    }
  }

  /** Returns whether the client announces that this is the last request of its connection. */
  static boolean isLast(HttpServerRequest request) {
    return request.headers().contains("Connection")
        && named(String.join(",", request.headers().getAll("Connection"))).contains("close");
  }

  private static String newId() {
    ThreadLocalRandom random = ThreadLocalRandom.current();
    return HexFormat.of().toHexDigits(random.nextLong())
        + HexFormat.of().toHexDigits(random.nextLong());
  }

  /** Writes the header fields of a response, except for its length. */
  static void responseHeaders(HttpClientResponse from, HttpServerResponse to, Cors cors) {
    Set<String> named = named(from.getHeader("Connection"));
    MultiMap headers = to.headers();
    for (Map.Entry<String, String> header : from.headers()) {
      String name = header.getKey();
      if (!HOP_BY_HOP.contains(name) && !named.contains(name) && !cors.replaces(name)) {
        headers.add(name, header.getValue());
      }
    }
    headers.remove("Server");
    headers.remove(NOT_EXECUTED);
    headers.remove(EXECUTED);
  }

  /** Returns the header fields that a Connection field names as hop-by-hop. */
  static Set<String> named(@Nullable String connection) {
    if (connection == null || connection.isEmpty() || connection.equalsIgnoreCase("keep-alive")) {
      return Set.of();
    }
    Set<String> names = new TreeSet<>(String.CASE_INSENSITIVE_ORDER);
    for (String name : connection.split(",", -1)) {
      names.add(name.strip());
    }
    return names;
  }

  /**
   * Returns whether a response has more header fields than are forwarded. Repeated fields count
   * each time.
   */
  static boolean hasTooManyFields(HttpClientResponse response) {
    int fields = 0;
    for (Map.Entry<String, String> field : response.headers()) {
      fields += field.getKey().isEmpty() ? 0 : 1;
    }
    return fields > HeadLimits.MAX_FIELDS;
  }
}
