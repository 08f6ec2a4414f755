package ai.seedcore.serve.bench.http;

import java.util.Collections;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A Java deployment that returns a prepared reply. It shows the maximum throughput of any Java
 * deployment.
 */
public final class NoOp {

  /** The length from which on a request body has 100 items instead of one, in characters. */
  private static final int LONG_BODY = 1_000;

  private static final Map<String, Object> ONE = reply(1);
  private static final Map<String, Object> HUNDRED = reply(100);

  /** Returns a prepared reply, or the process id if the body is empty. */
  public Object call(@Nullable String body) {
    if (body == null || body.isEmpty()) {
      return Map.of("pid", ProcessHandle.current().pid());
    }
    return body.length() < LONG_BODY ? ONE : HUNDRED;
  }

  private static Map<String, Object> reply(int items) {
    return Map.of(
        "status",
        "success",
        "scores",
        Collections.nCopies(items, 0.6546666666666667),
        "model",
        "formula",
        "model_version",
        "1",
        "timestamp",
        1_700_000_000.123);
  }
}
