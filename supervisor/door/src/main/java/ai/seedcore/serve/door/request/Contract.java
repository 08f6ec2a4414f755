package ai.seedcore.serve.door.request;

import ai.seedcore.serve.base.ErrorCode;
import io.vertx.core.buffer.Buffer;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * The error format of the deployments: {@code {"status":"error","code":...}} in a body. A class
 * without a status of its own sends it with a 200, and the agent with a 500. docs/models.md lists
 * the codes.
 */
final class Contract {

  private static final Map<String, Integer> STATUS =
      Map.of(
          ErrorCode.INVALID_JSON, 400,
          ErrorCode.INVALID_FIELD, 422,
          ErrorCode.TOO_LARGE, 413,
          ErrorCode.OVERLOADED, 503,
          ErrorCode.NOT_READY, 503);

  private static final byte[] ERROR = "\"error\"".getBytes(StandardCharsets.US_ASCII);

  private Contract() {}

  /**
   * Returns the HTTP status for a response with a status and an error code.
   *
   * @param bodyOnly whether an error is a 200, for clients that read only the body
   */
  static int status(int status, @Nullable String code, boolean bodyOnly) {
    if (code == null) {
      return status;
    } else if (status == 500) {
      return ErrorCode.TIMEOUT.equals(code) ? 504 : 500;
    }
    Integer meant = STATUS.get(code);
    if (meant == null || (status != 200 && status != meant)) {
      return status; // The class knows better.
    }
    return bodyOnly ? 200 : meant;
  }

  /** Returns the error code in a body; null if it has none. */
  static @Nullable String code(Buffer reply) {
    byte[] bytes = reply.getBytes();
    if (!isJson(bytes) || !contains(bytes, ERROR)) {
      return null;
    }
    try {
      JsonNode json = JsonMapper.shared().readTree(bytes);
      return json.path("status").asString("").equals("error")
          ? json.path("code").asString(null)
          : null;
    } catch (JacksonException e) {
      return null;
    }
  }

  /** Returns whether a body looks like a JSON object or array. */
  static boolean isJson(byte[] bytes) {
    for (byte each : bytes) {
      if (each == '{' || each == '[') {
        return true;
      } else if (each != ' ' && each != '\n' && each != '\r' && each != '\t') {
        return false;
      }
    }
    return false;
  }

  private static boolean contains(byte[] bytes, byte[] word) {
    for (int i = 0; i <= bytes.length - word.length; i++) {
      int j = 0;
      while (j < word.length && bytes[i + j] == word[j]) {
        j++;
      }
      if (j == word.length) {
        return true;
      }
    }
    return false;
  }
}
