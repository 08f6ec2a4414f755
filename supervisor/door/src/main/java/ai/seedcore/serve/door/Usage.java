package ai.seedcore.serve.door;

/** The use of the common budgets by one client or one route. Used on the event loop only. */
final class Usage {
  final Share bytes = new Share();
  final Share waiting = new Share();

  /** The used part of one {@link Room}. */
  static final class Share {
    /** Modified by {@link Room} only. */
    long used;
  }
}
