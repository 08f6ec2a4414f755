package ai.seedcore.serve.agent.direct;

import ai.seedcore.serve.agent.JsonReply;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/**
 * A response.
 *
 * @param status the HTTP status
 * @param type the content type
 * @param refusal why the request was not executed; null if it was. Only the agent can say so
 * @param body the body
 */
record Reply(int status, String type, @Nullable String refusal, ByteBuffer body) {

  private static final String TEXT = "text/plain";
  private static final String JSON = "application/json";

  /** The response where there is no memory for another one. */
  static final Reply LAST_RESORT = json(500, "{\"status\":\"error\",\"code\":\"internal\"}");

  /** Returns the response for a deployment's result, as Serve's proxy would send it. */
  static Reply of(@Nullable Object result) {
    if (result == null) {
      return new Reply(200, TEXT, null, ByteBuffer.allocate(0));
    } else if (result instanceof byte[] bytes) {
      return new Reply(200, TEXT, null, ByteBuffer.wrap(bytes));
    } else if (result instanceof String text) {
      return new Reply(200, TEXT + "; charset=utf-8", null, bytes(text));
    }
    return new Reply(200, JSON, null, bytes(JsonReply.json(result)));
  }

  /** Returns a JSON response. */
  static Reply json(int status, String json) {
    return new Reply(status, JSON, null, bytes(json));
  }

  /**
   * Returns the response to a request that is not executed.
   *
   * @param why a word for the front door
   */
  static Reply refused(int status, String why) {
    return new Reply(status, TEXT, why, bytes(why));
  }

  private static ByteBuffer bytes(String text) {
    return ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
  }
}
