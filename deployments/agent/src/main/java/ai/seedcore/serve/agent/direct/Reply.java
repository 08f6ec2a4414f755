package ai.seedcore.serve.agent.direct;

import ai.seedcore.serve.agent.JsonReply;
import ai.seedcore.serve.api.Response;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A response.
 *
 * @param status the HTTP status
 * @param headers the header fields of the deployment
 * @param type the content type where the deployment names none
 * @param chosen whether the deployment has chosen status and header fields
 * @param refusal why the request was not executed; null if it was. Only the agent can say so
 * @param body the body; null if it is streamed
 */
record Reply(
    int status,
    Map<String, List<String>> headers,
    String type,
    boolean chosen,
    @Nullable String refusal,
    @Nullable ByteBuffer body) {

  private static final String JSON = "application/json";

  /** The response where there is no memory for another one. */
  static final Reply LAST_RESORT = json(500, "{\"status\":\"error\",\"code\":\"internal\"}");

  /**
   * Returns the response of a deployment, whose body has been converted.
   *
   * @param chosen whether the deployment returned a response, and not a body alone
   */
  static Reply of(Response response, boolean chosen) {
    Object body = response.body();
    ByteBuffer bytes =
        body == null
            ? ByteBuffer.allocate(0)
            : body instanceof byte[] binary
                ? ByteBuffer.wrap(binary)
                : bytes(body instanceof String text ? text : JsonReply.json(body));
    return new Reply(
        response.status(), response.headers(), JsonReply.type(body), chosen, null, bytes);
  }

  /** Returns the head of a response whose body is streamed. */
  static Reply head(Response response) {
    return new Reply(response.status(), response.headers(), JsonReply.type(null), true, null, null);
  }

  /** Returns a JSON response. */
  static Reply json(int status, String json) {
    return new Reply(status, Map.of(), JSON, false, null, bytes(json));
  }

  /**
   * Returns the response to a request that is not executed.
   *
   * @param why a word for the front door
   */
  static Reply refused(int status, String why) {
    return new Reply(status, Map.of(), "text/plain", false, why, bytes(why));
  }

  private static ByteBuffer bytes(String text) {
    return ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
  }
}
