package ai.seedcore.serve.door.request;

import ai.seedcore.serve.door.client.Connections;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpVersion;
import java.math.BigDecimal;
import java.util.LinkedHashMap;
import java.util.Map;
import tools.jackson.databind.json.JsonMapper;

/** Writes the door's own responses, in the format of the deployments' responses. */
final class Replies {

  private static final int MAX_TEXT = 200;

  private Replies() {}

  /** Sends an error in the contract's format. */
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

  /** Sends a JSON object. */
  static void json(HttpServerRequest request, int status, Map<String, Object> body) {
    if (Forwarding.isUnread(request)) {
      // The rest of the body must not be read as the next request.
      announceEnd(request);
    }
    String text = JsonMapper.shared().writeValueAsString(body) + "\n";
    leaveSmall(request, text.length());
    request
        .response()
        .setStatusCode(status)
        .putHeader("Content-Type", "application/json")
        .putHeader("Cache-Control", "no-store")
        .end(text);
  }

  /**
   * Leaves a small response uncompressed. In HTTP/1, Vert.x does so itself.
   *
   * @param bytes the length of its body
   */
  static void leaveSmall(HttpServerRequest request, int bytes) {
    if (request.version() == HttpVersion.HTTP_2
        && bytes < Connections.COMPRESSED_FROM
        && !request.response().headers().contains("Content-Encoding")) {
      request.response().putHeader("Content-Encoding", "identity"); // Vert.x understands that.
    }
  }

  /** Says that the connection ends after the response. In HTTP/2, only the stream ends. */
  static void announceEnd(HttpServerRequest request) {
    if (request.version() != HttpVersion.HTTP_2) {
      request.response().putHeader("Connection", "close");
    }
  }

  /** Truncates a client's text for a message. */
  static String cut(String text) {
    return text.length() <= MAX_TEXT ? text : text.substring(0, MAX_TEXT) + "...";
  }
}
