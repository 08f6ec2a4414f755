package ai.seedcore.serve.agent;

import com.google.gson.JsonObject;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import org.jspecify.annotations.Nullable;

/**
 * An exception whose message carries the error reply for the caller, between markers that the
 * patched Serve proxy and controller look for (see java_support.py). It has no cause, because the
 * cause's message may contain details that callers must not see. The replica's log has the cause
 * under the same id.
 */
final class Failure extends RuntimeException {

  private static final long serialVersionUID = 1L;

  private final String reply;

  private Failure(JsonObject reply) {
    super( // Base64, so that the reply cannot contain the end marker.
        "{seedcore %s seedcore}"
            .formatted(
                Base64.getEncoder()
                    .encodeToString(reply.toString().getBytes(StandardCharsets.UTF_8))),
        null,
        false,
        false);
    this.reply = reply.toString();
  }

  /** Returns the error reply, a JSON object. */
  String reply() {
    return reply;
  }

  /**
   * Creates a failure.
   *
   * @param code an error code of the contract
   * @param error the error message
   * @param id the id of the log entry that has the details; null if there is none
   */
  static Failure of(String code, String error, @Nullable String id) {
    JsonObject reply = new JsonObject();
    reply.addProperty("status", "error");
    reply.addProperty("code", code);
    reply.addProperty("error", error);
    if (id != null) {
      reply.addProperty("id", id);
    }
    reply.addProperty("timestamp", System.currentTimeMillis() / 1_000.0);
    return new Failure(reply);
  }
}
