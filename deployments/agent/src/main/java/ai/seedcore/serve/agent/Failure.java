package ai.seedcore.serve.agent;

import com.google.gson.JsonObject;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import org.jspecify.annotations.Nullable;

/**
 * What a caller is told of a failure: an exception whose message carries a reply in marks that
 * Serve's completed proxies and controller look for (java_support.py). It carries no cause, as the
 * cause's own text may hold what is not meant for callers; that is in the replica's log, under the
 * same id.
 */
final class Failure extends RuntimeException {

  private static final long serialVersionUID = 1L;

  private Failure(JsonObject reply) {
    super( // In base64: what a class says in it cannot end the marks.
        "{seedcore %s seedcore}"
            .formatted(
                Base64.getEncoder()
                    .encodeToString(reply.toString().getBytes(StandardCharsets.UTF_8))),
        null,
        false,
        false);
  }

  /**
   * A failure.
   *
   * @param code one of the contract's codes
   * @param error what went wrong, for people
   * @param id under which the log has the details; null: it has none
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
