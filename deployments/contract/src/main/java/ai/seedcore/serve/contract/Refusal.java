package ai.seedcore.serve.contract;

import java.util.Locale;

/** Thrown if a request cannot be answered because of the client's input or the replica's load. */
public final class Refusal extends Exception {

  /** The error codes. The reply's field {@code code} has them in lower case. */
  public enum Code {
    /** The body is not valid JSON. */
    INVALID_JSON(400, "The body is not valid JSON."),
    /** A field is missing, unknown, or has an invalid value. */
    INVALID_FIELD(422, "A field is missing, unknown, or has an invalid value."),
    /** The request exceeds one of the {@link Limits}. */
    TOO_LARGE(413, "The request exceeds one of the limits."),
    /** The replica handles too many concurrent requests. */
    OVERLOADED(503, "The replica handles too many concurrent requests.");

    private final int status;
    private final String meaning;

    Code(int status, String meaning) {
      this.status = status;
      this.meaning = meaning;
    }

    /** Returns the HTTP status of the reply. */
    int status() {
      return status;
    }

    /** Returns when clients receive the code. */
    String meaning() {
      return meaning;
    }

    String word() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  private final Code code;

  /**
   * Creates a refusal.
   *
   * @param code the error code
   * @param message the path of the value, what was found, and what was expected
   */
  public Refusal(Code code, String message) {
    super(message, null, false, false); // No stack trace: invalid input is not a bug.
    this.code = code;
  }

  /** Returns the error code. */
  public Code code() {
    return code;
  }

  /**
   * Returns a refusal of a field.
   *
   * @param path the path of the field
   * @param found what was found
   * @param expected what was expected
   */
  public static Refusal field(String path, String found, String expected) {
    return new Refusal(
        Code.INVALID_FIELD, "%s: found %s, expected %s".formatted(path, found, expected));
  }
}
