package ai.seedcore.serve.door.request;

import ai.seedcore.serve.base.ErrorCode;
import ai.seedcore.serve.door.ControlState;
import ai.seedcore.serve.door.DoorSettings;
import ai.seedcore.serve.door.client.Room;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The door's own refusals of requests for a known route. */
public final class Refusals {

  private final DoorSettings settings;
  private final Room bytes;
  private final Room waiting;

  private volatile @Nullable ControlState controlState;

  /** Creates the refusals for a door with these limits and budgets. */
  public Refusals(DoorSettings settings, Room bytes, Room waiting) {
    this.settings = settings;
    this.bytes = bytes;
    this.waiting = waiting;
  }

  /** Sets the state that clients are told. Called on any thread. */
  public void publish(ControlState now) {
    controlState = now;
  }

  void tooLarge(Exchange exchange) {
    exchange.refuse(
        413,
        ErrorCode.TOO_LARGE,
        "body: found more than %1$d bytes, expected at most %1$d".formatted(settings.bodyBytes()));
  }

  /** Refuses a request for which the byte budget does not suffice. */
  void overBudget(Exchange exchange, long more) {
    overBudget(exchange, bytes, more, "the front door already holds %d bytes of requests");
  }

  /** Refuses a request that the queue has no space for. */
  void queueFull(Exchange exchange) {
    overBudget(exchange, waiting, 1, "%d requests are already waiting");
  }

  private void overBudget(Exchange exchange, Room budget, long more, String why) {
    if (budget.isReserved(more)) {
      tooMany(exchange, "this client or route has used its share; the rest is reserved for others");
    } else {
      retryAfter(exchange);
      exchange.refuse(503, ErrorCode.OVERLOADED, why.formatted(budget.maxAlone()), daemonState());
    }
  }

  /** Refuses a request whose client has used its share. */
  void tooMany(Exchange exchange, String why) {
    retryAfter(exchange);
    exchange.refuse(429, "too_many", why, daemonState());
  }

  /** Refuses a request that has waited as long as it may. */
  void notServed(Exchange exchange) {
    retryAfter(exchange);
    exchange.refuse(
        503,
        "not_served",
        "%s was not served within the %d s that this request waited"
            .formatted(
                exchange.entry().route().app(),
                (System.nanoTime() - exchange.arrived()) / 1_000_000_000L),
        daemonState());
  }

  /** Refuses a queued request, so that its client can try another daemon. */
  void ending(Exchange exchange) {
    exchange.request().response().putHeader("Retry-After", "1");
    exchange.refuse(503, "not_served", "the daemon is shutting down", daemonState());
  }

  private void retryAfter(Exchange exchange) {
    ControlState now = controlState;
    double last = now == null || now.lastRecoverySeconds() == null ? 5 : now.lastRecoverySeconds();
    exchange
        .request()
        .response()
        .putHeader("Retry-After", String.valueOf(Math.max(1, Math.min(60, Math.round(last)))));
  }

  /** Returns the daemon's phase and the reason for it, for clients that are told to retry. */
  private Map<String, Object> daemonState() {
    ControlState now = controlState;
    Map<String, Object> daemonState = new LinkedHashMap<>();
    daemonState.put("phase", now == null ? "STARTING" : now.phase());
    daemonState.put(
        "reason", now == null ? "the daemon has not observed the cluster yet" : now.reason());
    return Map.of("daemon", daemonState);
  }
}
