package ai.seedcore.serve.cai;

/** A failure of the CML API or of a command that uses it. The message tells what to do next. */
public final class CmlException extends RuntimeException {

  private static final long serialVersionUID = 1;

  private static final int TOO_MANY_REQUESTS = 429;
  private static final int SERVER_ERROR = 500;

  private final int status;

  /**
   * Creates an exception.
   *
   * @param status the status of the HTTP response; 0 if there was none
   */
  CmlException(int status, String message) {
    super(message);
    this.status = status;
  }

  /** Returns the status of the HTTP response; 0 if there was none. */
  public int status() {
    return status;
  }

  /** Returns whether the same request may succeed later. */
  boolean transientError() {
    return status == 0 || status == TOO_MANY_REQUESTS || status >= SERVER_ERROR;
  }
}
