package ai.seedcore.serve.agent;

import org.jspecify.annotations.Nullable;
import org.slf4j.MDC;

/**
 * Adds the request id to a replica's log lines. Serve's proxy generates the id or takes it from the
 * client's {@code X-Request-ID} header, and returns it in the response. SLF4J's MDC holds it as
 * {@code request_id} while the deployment handles the request.
 *
 * <p>Public because patched Ray classes call it.
 */
public final class RequestLog {

  private static final String KEY = "request_id";

  private RequestLog() {}

  /** Makes Ray's logging print the id and keep at most 100 MB per replica instead of 5 GB. */
  static void configure() {
    setDefault(
        "ray.logging.pattern",
        "%d{yyyy-MM-dd HH:mm:ss,SSS} %p %c{1} [%t]%notEmpty{ request_id=%X{request_id}}: %m%n");
    setDefault("ray.logging.max-file-size", "20MB");
    setDefault("ray.logging.max-backup-files", "4");
  }

  private static void setDefault(String name, String value) {
    if (System.getProperty(name) == null) {
      System.setProperty(name, value);
    }
  }

  /** Sets the request id for this thread. */
  public static void enter(@Nullable String requestId) {
    if (requestId != null && !requestId.isEmpty()) {
      MDC.put(KEY, requestId);
    }
  }

  /** Clears the request id of this thread. */
  public static void leave() {
    MDC.remove(KEY);
  }
}
