package ai.seedcore.serve.agent;

import org.jspecify.annotations.Nullable;
import org.slf4j.MDC;

/**
 * Which request a line of a replica's log belongs to: the id that Serve's proxy gave it, or took
 * from the caller's {@code X-Request-ID}, and answers with. In SLF4J's MDC as {@code request_id}
 * while the deployment's class is at work on it, and in each line that it logs.
 *
 * <p>Public, as patched classes of Ray's call it.
 */
public final class RequestLog {

  private static final String KEY = "request_id";

  private RequestLog() {}

  /** Has Ray's logging show the id, and keep 100 MB at most of a replica's lines, not 5 GB. */
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

  /** A request begins, on this thread. */
  public static void enter(@Nullable String requestId) {
    if (requestId != null && !requestId.isEmpty()) {
      MDC.put(KEY, requestId);
    }
  }

  /** It has ended. */
  public static void leave() {
    MDC.remove(KEY);
  }
}
