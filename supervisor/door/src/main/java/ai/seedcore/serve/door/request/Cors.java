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
public record Cors(List<String> origins) {

  private static final String ALLOW_ORIGIN = "Access-Control-Allow-Origin";
  private static final String EXPOSE = "Access-Control-Expose-Headers";

  /** The fields of a response that are the door's, and not the class's, if there are origins. */
  private static final List<String> OURS =
      List.of(ALLOW_ORIGIN, EXPOSE, "Access-Control-Allow-Credentials");

  /** The methods that a class may handle. */
  static final String METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE";

  /** How long a browser may keep the answer, in seconds. Chromium keeps it for two hours. */
  private static final String MAX_AGE = "7200";

  /** Returns whether the field of a class's response is replaced by the door's answer. */
  boolean replaces(String field) {
    return !origins.isEmpty() && OURS.stream().anyMatch(field::equalsIgnoreCase);
  }

  /**
   * Allows the page to read the response.
   *
   * @return whether the request is complete with that: it was a preflight, which only asks
   */
  boolean respond(HttpServerRequest request) {
    if (origins.isEmpty()) {
      return false;
    }
    HttpServerResponse response = request.response();
    boolean all = origins.contains("*");
    if (!all) {
      response.putHeader("Vary", "Origin");
    }
    String origin = request.getHeader("Origin");
    if (origin == null) {
      return false;
    }
    boolean allowed = all || origins.contains(origin);
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
