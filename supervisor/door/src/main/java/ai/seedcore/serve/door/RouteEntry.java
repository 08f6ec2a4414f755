package ai.seedcore.serve.door;

/**
 * A route, and what is here of it.
 *
 * @param queue those who wait for it
 * @param usage what its requests have of the room that all share
 * @param budget how many of its requests may be sent again
 */
record RouteEntry(Route route, RouteQueue<Exchange> queue, Usage usage, RetryBudget budget) {

  RouteEntry(Route route) {
    this(route, new RouteQueue<>(Exchange::client), new Usage(), new RetryBudget());
  }

  /** The same queue, of a route that is declared otherwise now. */
  RouteEntry of(Route changed) {
    return changed.equals(route) ? this : new RouteEntry(changed, queue, usage, budget);
  }
}
