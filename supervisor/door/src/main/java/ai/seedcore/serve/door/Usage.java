package ai.seedcore.serve.door;

/** What one client, or one route, has of what all share. The event loop's alone. */
final class Usage {
  final Share bytes = new Share();
  final Share waiting = new Share();

  /** Its part of one {@link Room}. */
  static final class Share {
    /** Changed by the room alone. */
    long used;
  }
}
