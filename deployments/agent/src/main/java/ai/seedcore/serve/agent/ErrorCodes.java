package ai.seedcore.serve.agent;

/** The values of the field {@code code} in the agent's error replies. */
final class ErrorCodes {

  /** The request's query is not one that the deployment can receive. */
  static final String INVALID_FIELD = "invalid_field";

  /** The request's body is not text, which the deployment expects. */
  static final String INVALID_JSON = "invalid_json";

  /** The deployment threw an exception. */
  static final String INTERNAL = "internal";

  /** The result has no JSON representation. */
  static final String INVALID_RESULT = "invalid_result";

  /** The deployment cannot serve requests. */
  static final String NOT_READY = "not_ready";

  /** The deployment exceeded its {@code request_timeout_s}. */
  static final String TIMEOUT = "timeout";

  private ErrorCodes() {}
}
