package ai.seedcore.serve.daemon.config;

import ai.seedcore.serve.base.ConfigException;
import com.fasterxml.jackson.annotation.JsonCreator;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * The value of an environment variable of a replica: a text, a variable of the daemon's own
 * environment, or the content of a file. It may be a secret, so it is in no message.
 *
 * @param text the value itself; null if it comes from elsewhere
 * @param fromEnv the name of the daemon's variable
 * @param fromFile the file; the line breaks at its end do not count
 */
public record EnvValue(@Nullable String text, @Nullable String fromEnv, @Nullable Path fromFile) {

  private static final int MAX_BYTES = 64 << 10;

  /** Reads a declared value. */
  @JsonCreator(mode = JsonCreator.Mode.DELEGATING)
  static EnvValue of(JsonNode declared) {
    if (declared.isString()) {
      return new EnvValue(declared.stringValue(), null, null);
    }
    String fromEnv = declared.path("from_env").asString("");
    String fromFile = declared.path("from_file").asString("");
    if (!declared.isObject() || declared.size() != 1 || fromEnv.isEmpty() == fromFile.isEmpty()) {
      throw new IllegalArgumentException(
          "found another kind of value, expected a text (a number in quotes), {from_env: NAME} or"
              + " {from_file: PATH}");
    }
    return fromEnv.isEmpty()
        ? new EnvValue(null, null, Path.of(fromFile))
        : new EnvValue(null, fromEnv, null);
  }

  /**
   * Returns the value.
   *
   * @param field the name of the setting, for messages
   * @param environment the daemon's environment
   * @throws ConfigException if there is none
   */
  String resolve(String field, Map<String, String> environment) {
    String found = text;
    if (fromFile != null) {
      found = read(field, fromFile);
    } else if (fromEnv != null) {
      found = environment.get(fromEnv);
      if (found == null) {
        throw new ConfigException(
            "%s: found no variable %s in the daemon's environment, expected one"
                .formatted(field, fromEnv));
      }
    }
    if (found == null || found.length() > MAX_BYTES || found.indexOf('\0') >= 0) {
      throw new ConfigException(
          "%s: found a longer text or a NUL character, expected at most 64 KiB".formatted(field));
    }
    return found;
  }

  private static String read(String field, Path file) {
    try {
      return Files.size(file) > MAX_BYTES
          ? "\0"
          : Files.readString(file).replaceFirst("[\\r\\n]+$", "");
    } catch (IOException e) {
      throw new ConfigException(
          "%s: found no readable text in %s, expected some".formatted(field, file));
    }
  }

  /** Returns where the value comes from. */
  @Override
  public String toString() {
    return fromFile != null
        ? "from_file " + fromFile
        : fromEnv != null ? "from_env " + fromEnv : "(not shown)";
  }
}
