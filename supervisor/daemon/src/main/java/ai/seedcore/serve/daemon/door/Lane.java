package ai.seedcore.serve.daemon.door;

/** A route, those who wait for it, and how many of its requests may be sent again. */
record Lane(Route route, Line<Exchange> line, RetryBudget budget) {

  Lane(Route route) {
    this(route, new Line<>(Exchange::client), new RetryBudget());
  }

  /** The same line, of a route that is declared otherwise now. */
  Lane of(Route changed) {
    return changed.equals(route) ? this : new Lane(changed, line, budget);
  }
}
