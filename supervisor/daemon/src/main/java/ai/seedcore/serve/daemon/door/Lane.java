package ai.seedcore.serve.daemon.door;

/** A route and those who wait for it. */
record Lane(Route route, Line<Exchange> line) {

  /** The same line, of a route that is declared otherwise now. */
  Lane of(Route changed) {
    return changed.equals(route) ? this : new Lane(changed, line);
  }
}
