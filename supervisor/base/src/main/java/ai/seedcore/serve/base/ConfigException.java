package ai.seedcore.serve.base;

/** The configuration is wrong; the message names the field, what was found, what was expected. */
public final class ConfigException extends RuntimeException {

  /** A mistake in words. */
  public ConfigException(String message) {
    super(message);
  }
}
