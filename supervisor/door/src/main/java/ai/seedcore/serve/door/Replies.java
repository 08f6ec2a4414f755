package ai.seedcore.serve.door;

import io.vertx.core.http.HttpServerRequest;
import java.math.BigDecimal;
import java.util.LinkedHashMap;
import java.util.Map;
import tools.jackson.databind.json.JsonMapper;

/** What the door says itself, in the form in which the deployments speak. */
final class Replies {

  private static final int CUT = 200;

  private Replies() {}

  /** Answers with an error of the contract's form. */
  static void error(
      HttpServerRequest request, int status, String code, String why, Map<String, Object> more) {
    Map<String, Object> body = new LinkedHashMap<>();
    body.put("status", "error");
    body.put("code", code);
    body.put("error", why);
    body.putAll(more);
    body.put("timestamp", BigDecimal.valueOf(System.currentTimeMillis(), 3));
    json(request, status, body);
  }

  /** Answers with JSON. */
  static void json(HttpServerRequest request, int status, Map<String, Object> body) {
    if (Forwarding.isUnread(request)) {
      // What is still to come is not going to be read as the next request.
      request.response().putHeader("Connection", "close");
    }
    request
        .response()
        .setStatusCode(status)
        .putHeader("Content-Type", "application/json")
        .putHeader("Cache-Control", "no-store")
        .end(JsonMapper.shared().writeValueAsString(body) + "\n");
  }

  /** What a client said, no longer than a message may be. */
  static String cut(String text) {
    return text.length() <= CUT ? text : text.substring(0, CUT) + "...";
  }
}
