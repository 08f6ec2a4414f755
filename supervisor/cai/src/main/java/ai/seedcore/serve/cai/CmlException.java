package ai.seedcore.serve.cai;

/** What the workbench, or the way to it, did not do, in words that say what to do next. */
public final class CmlException extends RuntimeException {

  private static final long serialVersionUID = 1;

  private final int status;

  /**
   * An exception.
   *
   * @param status the answer's status; 0: there was none
   */
  CmlException(int status, String message) {
    super(message);
    this.status = status;
  }

  /** The answer's status; 0: there was none. */
  public int status() {
    return status;
  }

  /** Whether the same request may succeed later. */
  boolean passing() {
    return status == 0 || status == 429 || status >= 500;
  }
}
