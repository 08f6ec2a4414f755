package ai.seedcore.serve.daemon.config;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** The secret that our own HTTP server wants to hear. It never appears in a message. */
public final class StatusToken {

  private static final String VARIABLE = "SEEDCORE_STATUS_TOKEN";

  /** What a header can carry, and nobody guesses. */
  private static final Pattern FORM = Pattern.compile("[A-Za-z0-9._~+/=-]{16,512}");

  private StatusToken() {}

  /**
   * The token.
   *
   * @param file a file that holds it; null: the environment may
   * @return null where there is none
   * @throws ConfigException if it cannot be read or used
   */
  public static @Nullable String find(@Nullable Path file, Map<String, String> environment) {
    String source = file == null ? VARIABLE : "status_token_file";
    String token;
    try {
      token = file == null ? environment.getOrDefault(VARIABLE, "") : Files.readString(file);
    } catch (IOException e) {
      throw new ConfigException("status_token_file: %s cannot be read: %s".formatted(file, e));
    }
    token = token.strip();
    if (file == null && token.isEmpty()) {
      return null;
    }
    if (!FORM.matcher(token).matches()) {
      throw new ConfigException(
          ("%s: found %d characters, expected 16 to 512 of A-Z, a-z, 0-9 and . _ ~ + / = -, such as"
                  + " 'openssl rand -hex 24' makes")
              .formatted(source, token.length()));
    }
    return token;
  }
}
