package ai.seedcore.serve.base;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** The bearer token of one of the product's own HTTP servers. It never appears in a message. */
public final class Token {

  /** A token that fits into a header field and is hard to guess. */
  private static final Pattern FORM = Pattern.compile("[A-Za-z0-9._~+/=-]{16,512}");

  /** The scheme of RFC 6750, with the space that follows it. */
  public static final String SCHEME = "Bearer ";

  private Token() {}

  /**
   * Returns whether a request has the token. The time of the comparison does not depend on the
   * content.
   *
   * @param said the value of its Authorization field; null: it has none
   */
  public static boolean isBorne(String token, @Nullable String said) {
    return said != null
        && said.regionMatches(true, 0, SCHEME, 0, SCHEME.length()) // RFC 9110, 11.1.
        && MessageDigest.isEqual(
            said.substring(SCHEME.length()).strip().getBytes(StandardCharsets.UTF_8),
            token.getBytes(StandardCharsets.UTF_8));
  }

  /**
   * Reads the token of a server.
   *
   * @param of the name of the server: {@code status} for {@code SEEDCORE_STATUS_TOKEN} and {@code
   *     status_token_file}
   * @param file the file that contains the token; null: the environment variable is used
   * @return the token; null if there is none
   * @throws ConfigException if the token cannot be read, or has an invalid form
   */
  public static @Nullable String find(
      String of, @Nullable Path file, Map<String, String> environment) {
    List<String> found = findAll(of, file, environment);
    if (found.size() > 1) {
      throw new ConfigException(
          "%s_token_file: found %d tokens, expected one".formatted(of, found.size()));
    }
    return found.isEmpty() ? null : found.get(0);
  }

  /**
   * Reads the tokens of a server that accepts several, as while they are rotated. They are
   * separated by white space.
   *
   * @see #find
   */
  public static List<String> findAll(
      String of, @Nullable Path file, Map<String, String> environment) {
    String variable = "SEEDCORE_%s_TOKEN".formatted(of.toUpperCase(Locale.ROOT));
    String field = of + "_token_file";
    String source = file == null ? variable : field;
    String content;
    try {
      content = file == null ? environment.getOrDefault(variable, "") : Files.readString(file);
    } catch (IOException e) {
      throw new ConfigException("%s: cannot read %s: %s".formatted(field, file, e));
    }
    if (file == null && content.isBlank()) {
      return List.of();
    }
    List<String> tokens = List.of(content.strip().split("\\s+", -1));
    for (String token : tokens) {
      if (!FORM.matcher(token).matches()) {
        throw new ConfigException(
            ("%s: found %d characters, expected 16 to 512 of A-Z, a-z, 0-9 and . _ ~ + / = -, such"
                    + " as the output of 'openssl rand -hex 24'")
                .formatted(source, token.length()));
      }
    }
    return tokens;
  }
}
