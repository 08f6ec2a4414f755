package ai.seedcore.serve.base;

/**
 * The values of the field {@code code} in deployments' error replies that mean something to the
 * daemon or the front door. docs/models.md lists all.
 */
public final class ErrorCode {

  /** The body is not valid JSON. */
  public static final String INVALID_JSON = "invalid_json";

  /** A field is missing, unknown, or has an invalid value. */
  public static final String INVALID_FIELD = "invalid_field";

  /** The request exceeds a limit. */
  public static final String TOO_LARGE = "too_large";

  /** The deployment handles too many concurrent requests. */
  public static final String OVERLOADED = "overloaded";

  /** The deployment cannot serve requests. */
  public static final String NOT_READY = "not_ready";

  /** The deployment exceeded its {@code request_timeout_s}. */
  public static final String TIMEOUT = "timeout";

  private ErrorCode() {}
}
