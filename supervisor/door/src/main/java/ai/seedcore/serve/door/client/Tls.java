package ai.seedcore.serve.door.client;

import ai.seedcore.serve.base.ConfigException;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.core.net.PemKeyCertOptions;
import io.vertx.core.net.ServerSSLOptions;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.Signature;
import java.util.List;
import java.util.Set;
import javax.net.ssl.KeyManager;
import javax.net.ssl.X509KeyManager;

/** The door's TLS configuration: versions and cipher suites without known weaknesses (RFC 9325). */
public final class Tls {

  private static final Set<String> VERSIONS = Set.of("TLSv1.3", "TLSv1.2");

  /** The TLS 1.2 suites have forward secrecy and authenticated encryption. */
  private static final List<String> SUITES =
      List.of(
          "TLS_AES_256_GCM_SHA384",
          "TLS_AES_128_GCM_SHA256",
          "TLS_CHACHA20_POLY1305_SHA256",
          "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
          "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
          "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
          "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
          "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
          "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256");

  private static final List<String> KEY_TYPES = List.of("RSA", "EC", "EdDSA", "RSASSA-PSS");

  private Tls() {}

  /**
   * Configures a server for TLS.
   *
   * @throws ConfigException if the files cannot be read, or the key does not match the certificate
   */
  public static void configure(
      HttpServerOptions options, Vertx vertx, Path certificate, Path key, Handshakes handshakes) {
    // Repeated renegotiation costs a server far more than a client.
    System.setProperty("jdk.tls.rejectClientInitiatedRenegotiation", "true");
    ServerSSLOptions tls = options(vertx, certificate, key);
    options.setSslEngineOptions(handshakes);
    options
        .setSsl(true)
        .setKeyCertOptions(tls.getKeyCertOptions())
        .setEnabledSecureTransportProtocols(VERSIONS);
    SUITES.forEach(options::addEnabledCipherSuite);
  }

  /**
   * Returns the options for these files.
   *
   * @throws ConfigException if the files cannot be read, or the key does not match the certificate
   */
  public static ServerSSLOptions options(Vertx vertx, Path certificate, Path key) {
    PemKeyCertOptions files =
        new PemKeyCertOptions().setCertPath(certificate.toString()).setKeyPath(key.toString());
    check(files, vertx, certificate, key);
    ServerSSLOptions options = new ServerSSLOptions();
    options.setKeyCertOptions(files).setEnabledSecureTransportProtocols(VERSIONS);
    SUITES.forEach(options::addEnabledCipherSuite);
    return options;
  }

  private static void check(PemKeyCertOptions files, Vertx vertx, Path certificate, Path key) {
    boolean matching = false;
    try {
      for (KeyManager manager : files.getKeyManagerFactory(vertx).getKeyManagers()) {
        if (manager instanceof X509KeyManager keys) {
          matching |= KEY_TYPES.stream().anyMatch(kind -> hasKeyPair(keys, kind));
        }
      }
    } catch (Exception e) { // The files may be invalid in any way.
      throw new ConfigException(
          "front_door_certificate: found %s and the key %s, expected readable PEM files (%s)"
              .formatted(certificate, key, e.getMessage()));
    }
    if (!matching) {
      throw new ConfigException(
          "front_door_key: found %s, expected the private key of the certificate %s"
              .formatted(key, certificate));
    }
  }

  /** Returns whether there is a certificate of a kind, with its key. */
  private static boolean hasKeyPair(X509KeyManager keys, String kind) {
    String[] aliases = keys.getServerAliases(kind, null);
    if (aliases == null || aliases.length == 0) {
      return false;
    }
    try {
      return match(
          keys.getPrivateKey(aliases[0]), keys.getCertificateChain(aliases[0])[0].getPublicKey());
    } catch (GeneralSecurityException e) {
      return false;
    }
  }

  /** Returns whether a public key verifies what a private key signs. */
  private static boolean match(PrivateKey secret, PublicKey known) throws GeneralSecurityException {
    String algorithm =
        switch (secret.getAlgorithm()) {
          case "EC" -> "SHA256withECDSA";
          case "Ed25519", "EdDSA" -> "Ed25519";
          default -> "SHA256with" + secret.getAlgorithm();
        };
    Signature signature = Signature.getInstance(algorithm);
    signature.initSign(secret);
    signature.update((byte) 1);
    byte[] signed = signature.sign();
    try {
      signature.initVerify(known);
      signature.update((byte) 1);
      return signature.verify(signed);
    } catch (GeneralSecurityException e) {
      return false; // A key of another kind.
    }
  }
}
