package ai.seedcore.serve.daemon.status;

import ai.seedcore.serve.daemon.report.Status;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpServerResponse;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Those who watch live, by server-sent events: {@code status} a lap, without its past, and {@code
 * past} where that has changed. Who does not read is passed over. The event loop's alone, but for
 * {@link #listened}.
 */
final class Stream {

  static final String TYPE = "text/event-stream; charset=utf-8";

  private static final int WATCHERS = 32;

  /** To each, the past it was told last; null: none yet. */
  private final Map<HttpServerResponse, Status.@Nullable Past> watchers = new LinkedHashMap<>();

  private volatile boolean listened;

  /** Whether anybody watches. */
  boolean listened() {
    return listened;
  }

  /** One more, told at once what is known. Where there are too many, one has to come again. */
  void add(HttpServerRequest request, @Nullable Status known) {
    if (watchers.size() >= WATCHERS) {
      HttpServerResponse first = watchers.keySet().iterator().next();
      watchers.remove(first);
      first.end();
    }
    HttpServerResponse response = request.response();
    response
        .setChunked(true)
        .putHeader("Content-Type", TYPE)
        .putHeader("Cache-Control", "no-store")
        .putHeader("X-Accel-Buffering", "no");
    response.exceptionHandler(nothing -> {});
    response.closeHandler(
        nothing -> {
          watchers.remove(response);
          listened = !watchers.isEmpty();
        });
    watchers.put(response, null);
    listened = true;
    if (known != null) {
      tell(known);
    }
  }

  /** Tells all of them. */
  void tell(Status now) {
    String status = "event: status\ndata: " + now.jsonWithoutPast() + "\n\n";
    String past = null;
    for (Iterator<Map.Entry<HttpServerResponse, Status.@Nullable Past>> each =
            watchers.entrySet().iterator();
        each.hasNext(); ) {
      Map.Entry<HttpServerResponse, Status.@Nullable Past> watcher = each.next();
      HttpServerResponse response = watcher.getKey();
      if (response.ended() || response.closed()) {
        each.remove();
      } else if (!response.writeQueueFull()) {
        if (!now.past().equals(watcher.getValue())) {
          if (past == null) {
            past = "event: past\ndata: " + now.pastJson() + "\n\n";
          }
          response.write(past);
          watcher.setValue(now.past());
        }
        response.write(status);
      }
    }
    listened = !watchers.isEmpty();
  }
}
