package ai.seedcore.serve.contract;

import java.util.Locale;

/** A request that is not answered, and why: the caller's fault, never ours. */
public final class Refusal extends Exception {

  /** The kinds of refusal, as the reply's {@code code} names them in lower case. */
  public enum Code {
    INVALID_JSON,
    INVALID_FIELD,
    TOO_LARGE,
    OVERLOADED,
    NOT_READY;

    String word() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  private final Code code;

  /**
   * A refusal.
   *
   * @param message where, what was found, what was expected
   */
  public Refusal(Code code, String message) {
    super(message, null, false, false); // Control flow, not a fault: no stack trace.
    this.code = code;
  }

  /** The kind. */
  public Code code() {
    return code;
  }

  /** A field that is not as it should be: where, what was found, what was expected. */
  public static Refusal field(String path, String found, String expected) {
    return new Refusal(
        Code.INVALID_FIELD, "%s: found %s, expected %s".formatted(path, found, expected));
  }
}
