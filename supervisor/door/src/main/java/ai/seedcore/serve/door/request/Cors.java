package ai.seedcore.serve.door.request;

import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpServerResponse;
import java.util.List;
import java.util.Map;

/**
 * Answers browsers whether a page of another origin may use the routes (the Fetch standard's CORS
 * protocol, without credentials such as cookies).
 *
 * @param origins the origins whose pages may, such as {@code https://app.example.org}; {@code *}
 *     for all. If there are none, the class answers.
 */
record Cors(List<String> origins) {

  static final String ALLOW_ORIGIN = "Access-Control-Allow-Origin";
  static final String EXPOSE = "Access-Control-Expose-Headers";

  private static final String METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE";

  /** How long a browser may keep the answer, in seconds. Chromium keeps it for two hours. */
  private static final String MAX_AGE = "7200";

  /**
   * Allows the page to read the response.
   *
   * @return whether the request is complete with that: it was a preflight, which only asks
   */
  boolean respond(HttpServerRequest request) {
    String origin = request.getHeader("Origin");
    if (origins.isEmpty() || origin == null) {
      return false;
    }
    boolean all = origins.contains("*");
    boolean allowed = all || origins.contains(origin);
    HttpServerResponse response = request.response();
    if (!all) {
      response.putHeader("Vary", "Origin");
    }
    if (allowed) {
      response.putHeader(ALLOW_ORIGIN, all ? "*" : origin).putHeader(EXPOSE, "*");
    }
    if (!request.method().equals(HttpMethod.OPTIONS)
        || request.getHeader("Access-Control-Request-Method") == null) {
      return false;
    }
    if (!allowed) {
      Replies.error(
          request,
          403,
          "origin",
          "Origin: found '%s', expected one of cors_origins".formatted(Replies.cut(origin)),
          Map.of());
      return true;
    }
    response.putHeader("Access-Control-Allow-Methods", METHODS);
    String fields = request.getHeader("Access-Control-Request-Headers");
    if (fields != null) {
      response.putHeader("Access-Control-Allow-Headers", fields);
    }
    response.putHeader("Access-Control-Max-Age", MAX_AGE).setStatusCode(204).end();
    return true;
  }
}
