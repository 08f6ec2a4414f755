package ai.seedcore.serve.daemon.status;

import ai.seedcore.serve.daemon.report.Status;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpServerResponse;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The clients that watch live, by server-sent events: {@code status} in each lap, without the
 * history, and {@code past} when the history has changed. A client that does not read misses
 * events. Used by the event loop only, except for {@link #listened}.
 */
final class Stream {

  static final String TYPE = "text/event-stream; charset=utf-8";

  private static final int WATCHERS = 32;

  /** The history that each client received last; null if none yet. */
  private final Map<HttpServerResponse, Status.@Nullable Past> watchers = new LinkedHashMap<>();

  private volatile boolean listened;

  /** Returns whether anybody watches. */
  boolean listened() {
    return listened;
  }

  /**
   * Adds a client and sends it the current status. If there are too many, closes the oldest, which
   * can reconnect.
   */
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

  /** Ends all streams. The clients may come again. */
  void end() {
    List.copyOf(watchers.keySet()).forEach(HttpServerResponse::end);
    watchers.clear();
    listened = false;
  }

  /** Sends a status to all clients. */
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
