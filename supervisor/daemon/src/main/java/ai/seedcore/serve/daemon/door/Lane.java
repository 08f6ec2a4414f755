package ai.seedcore.serve.daemon.door;

/**
 * A route, and what is here of it.
 *
 * @param line those who wait for it
 * @param usage what its requests have of the room that all share
 * @param budget how many of its requests may be sent again
 */
record Lane(Route route, Line<Exchange> line, Usage usage, RetryBudget budget) {

  Lane(Route route) {
    this(route, new Line<>(Exchange::client), new Usage(), new RetryBudget());
  }

  /** The same line, of a route that is declared otherwise now. */
  Lane of(Route changed) {
    return changed.equals(route) ? this : new Lane(changed, line, usage, budget);
  }
}
