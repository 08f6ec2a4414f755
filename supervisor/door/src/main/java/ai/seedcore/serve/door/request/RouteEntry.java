package ai.seedcore.serve.door.request;

import ai.seedcore.serve.door.Route;
import ai.seedcore.serve.door.client.Usage;
import ai.seedcore.serve.door.queue.Hedging;
import ai.seedcore.serve.door.queue.RetryBudget;
import ai.seedcore.serve.door.queue.RouteQueue;

/**
 * A route with its queue and its shares.
 *
 * @param queue the queued requests
 * @param usage the share of the common budgets that its requests use
 * @param budget how many of its requests may be sent again
 * @param hedging when its slow requests are sent to a second replica
 */
record RouteEntry(
    Route route, RouteQueue<Exchange> queue, Usage usage, RetryBudget budget, Hedging hedging) {

  RouteEntry(Route route) {
    this(route, new RouteQueue<>(Exchange::client), new Usage(), new RetryBudget(), new Hedging());
  }

  /** Returns an entry for the changed route that keeps the queue. */
  RouteEntry of(Route changed) {
    return changed.equals(route) ? this : new RouteEntry(changed, queue, usage, budget, hedging);
  }
}
