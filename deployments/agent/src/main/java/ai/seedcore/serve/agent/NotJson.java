package ai.seedcore.serve.agent;

/** Thrown if a result has no JSON representation. The message names the part that has none. */
final class NotJson extends Exception {

  private static final long serialVersionUID = 1L;

  NotJson(String message) {
    super(message);
  }
}
