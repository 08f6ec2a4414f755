package ai.seedcore.serve.daemon.status;

import ai.seedcore.serve.base.ConfigException;
import ai.seedcore.serve.base.Token;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The token that clients of the status port must send. Its file may be changed, removed and created
 * while the daemon runs, as Kubernetes does with an optional secret. While it does not exist,
 * nobody gets details.
 */
public final class StatusToken {

  private static final Logger LOG = LoggerFactory.getLogger(StatusToken.class);

  private final @Nullable Path file;
  private final Map<String, String> environment;
  private volatile @Nullable String value;
  private String trouble = "";

  /**
   * Reads the token.
   *
   * @param file the file with the token; null: {@code SEEDCORE_STATUS_TOKEN} is used
   * @throws ConfigException if there is a token, but it is invalid or cannot be read
   */
  public StatusToken(@Nullable Path file, Map<String, String> environment) {
    this.file = file;
    this.environment = Map.copyOf(environment);
    this.value = read();
  }

  private @Nullable String read() {
    if (file != null && Files.notExists(file)) {
      report("%s does not exist: nobody gets details of the status port".formatted(file));
      return null;
    }
    String read = Token.find("status", file, environment);
    trouble = "";
    return read;
  }

  private void report(String found) {
    if (!found.equals(trouble)) {
      LOG.atWarn().addKeyValue("reason", found).log("the status token is not used");
    }
    trouble = found;
  }

  /**
   * Reads the file again, and goes on with the present token if the file is invalid. Blocks.
   *
   * @return whether another token is valid now, or none
   */
  public synchronized boolean renew() {
    if (file == null) {
      return false;
    }
    try {
      String now = read();
      if (!Objects.equals(now, value)) {
        value = now;
        LOG.info("the status token has changed");
        return true;
      }
    } catch (ConfigException e) {
      report(String.valueOf(e.getMessage()));
    }
    return false;
  }

  /** Returns the token; null if there is none now. */
  @Nullable String value() {
    return value;
  }

  /** Returns whether clients must send one, whether there is one or not. */
  boolean isRequired() {
    return file != null || value != null;
  }
}
