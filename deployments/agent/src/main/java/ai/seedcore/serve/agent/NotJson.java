package ai.seedcore.serve.agent;

/** A result, or a part of it, has no JSON form; the message names the part. */
final class NotJson extends Exception {

  private static final long serialVersionUID = 1L;

  NotJson(String message) {
    super(message);
  }
}
