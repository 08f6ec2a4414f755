package ai.seedcore.serve.base;

/**
 * Reports an invalid configuration. The message names the field, what was found, and what was
 * expected.
 */
public final class ConfigException extends RuntimeException {

  /** Creates an exception with a message for the user. */
  public ConfigException(String message) {
    super(message);
  }
}
