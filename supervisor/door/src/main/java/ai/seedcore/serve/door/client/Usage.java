package ai.seedcore.serve.door.client;

/** The use of the common budgets by one client or one route. Used on the event loop only. */
public final class Usage {
  private final Share bytes = new Share();
  private final Share waiting = new Share();

  /** Returns its part of the bytes. */
  public Share bytes() {
    return bytes;
  }

  /** Returns its part of the queued requests. */
  public Share waiting() {
    return waiting;
  }

  /** The used part of one {@link Room}. */
  public static final class Share {
    /** Modified by {@link Room} only. */
    long used;
  }
}
