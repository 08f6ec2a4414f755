package ai.seedcore.serve.gcs;

import io.grpc.ChannelCredentials;
import io.grpc.TlsChannelCredentials;
import io.vertx.core.Vertx;
import io.vertx.core.net.PemKeyCertOptions;
import io.vertx.core.net.PemTrustOptions;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.cert.Certificate;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What a Ray cluster may require of its clients: a token, TLS, or both. Both are read where Ray
 * reads them, and each time anew, so that a rotated token and renewed certificates are used without
 * a restart. Messages never contain a token.
 *
 * <p>The cluster decides whether the token is sent. Ray's own programs send it if {@code
 * RAY_AUTH_MODE} says so, and do not work with a cluster that differs.
 */
public final class Credentials {

  private static final String MODE = "RAY_AUTH_MODE";
  private static final String TOKEN = "RAY_AUTH_TOKEN";
  private static final String TOKEN_PATH = "RAY_AUTH_TOKEN_PATH";
  private static final String TLS = "RAY_USE_TLS";
  private static final String CERTIFICATE = "RAY_TLS_SERVER_CERT";
  private static final String KEY = "RAY_TLS_SERVER_KEY";
  private static final String AUTHORITY = "RAY_TLS_CA_CERT";

  private static final Logger LOG = LoggerFactory.getLogger(Credentials.class);

  private static final Set<String> MODES = Set.of("", "token", "disabled");

  /** What may stand in a header field. */
  private static final Pattern FORM = Pattern.compile("[!-~]{1,4096}");

  private final @Nullable String value;
  private final String valueSource;
  private final @Nullable Path file;
  private final String fileSource;
  private final @Nullable Tls tls;

  /** The token of a head of our own, which is also in the file. */
  private final @Nullable String own;

  /** Whether a head of our own requires the token, whatever other servers have said. */
  private boolean ownRequires;

  private volatile boolean tokenRequired;

  /** The files for TLS, in the PEM format. Every program of a cluster may use the same ones. */
  public record Tls(Path certificate, Path key, Path authority) {

    /**
     * Reads the files.
     *
     * @throws Missing if one cannot be read; the message names it
     */
    ChannelCredentials read(Vertx vertx) throws Missing {
      checkValidity(CERTIFICATE, certificate);
      checkValidity(AUTHORITY, authority);
      try {
        return TlsChannelCredentials.newBuilder()
            .keyManager(identity().getKeyManagerFactory(vertx).getKeyManagers())
            .trustManager(trust().getTrustManagerFactory(vertx).getTrustManagers())
            .build();
      } catch (Exception e) { // Vert.x declares no other.
        throw new Missing(
            Files.isReadable(key)
                ? "%s: %s is not the key of %s in the PEM format".formatted(KEY, key, certificate)
                : "%s: cannot read %s".formatted(KEY, key));
      }
    }

    /** Java accepts an expired authority, unlike Ray. */
    private static void checkValidity(String name, Path file) throws Missing {
      try (InputStream stream = Files.newInputStream(file)) {
        for (Certificate each :
            CertificateFactory.getInstance("X.509").generateCertificates(stream)) {
          X509Certificate found = (X509Certificate) each;
          if (found.getNotAfter().toInstant().isBefore(Instant.now())) {
            throw new Missing(
                "%s: %s has expired on %s".formatted(name, file, found.getNotAfter().toInstant()));
          }
        }
      } catch (IOException e) {
        throw new Missing("%s: cannot read %s".formatted(name, file));
      } catch (CertificateException e) {
        throw new Missing("%s: %s is not a certificate in the PEM format".formatted(name, file));
      }
    }

    /** Returns the certificate and its key, for an HTTP client. */
    public PemKeyCertOptions identity() {
      return new PemKeyCertOptions().addCertPath(certificate.toString()).addKeyPath(key.toString());
    }

    /** Returns the authority that has signed the cluster's certificates, for an HTTP client. */
    public PemTrustOptions trust() {
      return new PemTrustOptions().addCertPath(authority.toString());
    }
  }

  /** Thrown if a credential that is required is not there. The message says what to do. */
  public static final class Missing extends Exception {
    private static final long serialVersionUID = 1L;

    Missing(String message) {
      super(message);
    }

    @Override
    public String getMessage() {
      return String.valueOf(super.getMessage());
    }
  }

  private Credentials(
      @Nullable String value,
      String valueSource,
      @Nullable Path file,
      String fileSource,
      @Nullable Tls tls,
      @Nullable String own,
      boolean tokenRequired) {
    this.own = own;
    this.value = value;
    this.valueSource = valueSource;
    this.file = file;
    this.fileSource = fileSource;
    this.tls = tls;
    this.tokenRequired = tokenRequired;
  }

  /** Returns the credentials for clusters that require none. */
  public static Credentials none() {
    return new Credentials(null, "", null, "", null, null, false);
  }

  /**
   * Finds the credentials. Our own settings come before Ray's: {@code RAY_AUTH_TOKEN}, {@code
   * RAY_AUTH_TOKEN_PATH}, {@code ~/.ray/auth_token}.
   *
   * @param tokenFile the file of the setting {@code ray_token_file}; null: it is not set
   * @throws Missing if the mode is unknown, if that file cannot be read, or if TLS is on and one of
   *     its variables is not set
   */
  public static Credentials find(@Nullable Path tokenFile, Map<String, String> environment)
      throws Missing {
    Tls tls = tls(environment);
    String mode = variable(environment, MODE).toLowerCase(Locale.ROOT);
    if (!MODES.contains(mode)) {
      throw new Missing("%s: found '%s', expected token or disabled".formatted(MODE, mode));
    }
    boolean required = mode.equals("token");
    if (tokenFile != null) {
      if (!Files.isReadable(tokenFile)) {
        throw new Missing("ray_token_file: cannot read " + tokenFile);
      }
      return new Credentials(null, "", tokenFile, "ray_token_file", tls, null, required);
    }
    for (String name : new String[] {"SEEDCORE_RAY_TOKEN", TOKEN}) {
      if (!variable(environment, name).isEmpty()) {
        return new Credentials(variable(environment, name), name, null, "", tls, null, required);
      }
    }
    String path = variable(environment, TOKEN_PATH);
    if (!path.isEmpty()) {
      return new Credentials(null, "", Path.of(path), TOKEN_PATH, tls, null, required);
    }
    String home = environment.getOrDefault("HOME", System.getProperty("user.home"));
    Path usual = Path.of(home, ".ray", "auth_token");
    return new Credentials(null, "", usual, usual.toString(), tls, null, required);
  }

  private static @Nullable Tls tls(Map<String, String> environment) throws Missing {
    String on = variable(environment, TLS).toLowerCase(Locale.ROOT);
    if (!on.equals("1") && !on.equals("true")) {
      return null;
    }
    for (String name : new String[] {CERTIFICATE, KEY, AUTHORITY}) {
      if (variable(environment, name).isEmpty()) {
        throw new Missing(
            "%s: not set, expected a PEM file, because %s is on".formatted(name, TLS));
      }
    }
    return new Tls(
        Path.of(variable(environment, CERTIFICATE)),
        Path.of(variable(environment, KEY)),
        Path.of(variable(environment, AUTHORITY)));
  }

  private static String variable(Map<String, String> environment, String name) {
    return environment.getOrDefault(name, "").strip();
  }

  /**
   * Returns the same credentials with a token of our own.
   *
   * @param token the token
   * @param of its file, which is written again if somebody deletes it
   */
  public Credentials withOwnToken(String token, Path of) {
    return new Credentials(null, "", of, of.toString(), tls, token, tokenRequired);
  }

  /** Returns the files for TLS; null if the cluster does not use it. */
  public @Nullable Tls tls() {
    return tls;
  }

  /** Returns whether nobody has named a token, and Ray's usual file has none. */
  public boolean isTokenAbsent() {
    try {
      return value == null
          && file != null
          && fileSource.equals(file.toString())
          && (!Files.exists(file) || Files.readString(file).isBlank());
    } catch (IOException e) {
      return false;
    }
  }

  /** Returns the file of the token; null if it comes from the environment. */
  public @Nullable Path tokenFile() {
    return file;
  }

  /** Returns where the token comes from. */
  public String tokenSource() {
    return value != null ? valueSource : fileSource;
  }

  /** Returns whether the cluster requires a token, as far as is known. */
  public boolean tokenRequired() {
    return tokenRequired;
  }

  /** Makes a head of our own require the token. */
  public void require() {
    ownRequires = true;
    tokenRequired = true;
  }

  /** Notes whether the cluster requires a token. */
  void tokenRequired(boolean required) {
    tokenRequired = required;
  }

  /**
   * Returns the current token.
   *
   * @throws Missing if there is none
   */
  public String token() throws Missing {
    if (own != null) {
      restore(own);
      return own;
    }
    String token = value;
    if (token == null) {
      try {
        token = file == null ? "" : Files.readString(file).strip();
      } catch (IOException e) {
        if (!fileSource.equals(String.valueOf(file))) {
          throw new Missing(
              "requires a token, but %s names %s, which cannot be read"
                  .formatted(fileSource, file));
        }
        token = "";
      }
    }
    if (token.isEmpty()) {
      throw new Missing(
          "requires a token, but there is none: set ray_token_file, %s or %s, or write it to"
                  .formatted(TOKEN, TOKEN_PATH)
              + " ~/.ray/auth_token");
    }
    if (!FORM.matcher(token).matches()) {
      throw new Missing(
          "requires a token, but %s has one with spaces or control characters"
              .formatted(tokenSource()));
    }
    return token;
  }

  /** Writes the file of our own token if it is gone: Ray's processes read it when they start. */
  private void restore(String token) {
    Path lost = Objects.requireNonNull(file);
    if (Files.exists(lost)) {
      return;
    }
    try {
      Files.createDirectories(lost.getParent());
      Files.createFile(
          lost, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
      Files.writeString(lost, token);
    } catch (IOException e) {
      LOG.atWarn().addKeyValue("file", lost).log("the head's token cannot be written: {}", e);
    }
  }

  /** Gives a program of Ray's what the cluster requires, in its environment. */
  public void give(Map<String, String> environment) {
    give(environment, tokenRequired);
  }

  /** Gives a head of our own what it shall require, in its environment. */
  public void giveHead(Map<String, String> environment) {
    give(environment, ownRequires);
  }

  private void give(Map<String, String> environment, boolean required) {
    environment.remove(TOKEN);
    environment.remove(TOKEN_PATH);
    environment.put(MODE, required ? "token" : "disabled");
    if (own != null && required) {
      restore(own);
    }
    if (required && value != null) {
      environment.put(TOKEN, value);
    } else if (required) {
      environment.put(TOKEN_PATH, Objects.requireNonNull(file).toAbsolutePath().toString());
    }
    if (tls != null) {
      environment.put(TLS, "1");
      environment.put(CERTIFICATE, tls.certificate().toAbsolutePath().toString());
      environment.put(KEY, tls.key().toAbsolutePath().toString());
      environment.put(AUTHORITY, tls.authority().toAbsolutePath().toString());
    }
  }
}
