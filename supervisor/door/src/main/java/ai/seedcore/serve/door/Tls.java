package ai.seedcore.serve.door;

import ai.seedcore.serve.base.ConfigException;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.core.net.PemKeyCertOptions;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.Signature;
import java.util.List;
import java.util.Set;
import javax.net.ssl.KeyManager;
import javax.net.ssl.X509KeyManager;

/** The door's TLS: versions and cipher suites without known weaknesses (RFC 9325). */
final class Tls {

  private static final Set<String> VERSIONS = Set.of("TLSv1.3", "TLSv1.2");

  /** Of TLS 1.2 those that keep past sessions secret, and authenticate what they encrypt. */
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

  private static final List<String> KINDS = List.of("RSA", "EC", "EdDSA", "RSASSA-PSS");

  private Tls() {}

  /**
   * Makes a server speak it.
   *
   * @throws ConfigException if the files cannot be read, or do not belong together
   */
  static void configure(HttpServerOptions options, Vertx vertx, Path certificate, Path key) {
    // A client that negotiates anew, again and again, costs a server far more than itself.
    System.setProperty("jdk.tls.rejectClientInitiatedRenegotiation", "true");
    PemKeyCertOptions files =
        new PemKeyCertOptions().setCertPath(certificate.toString()).setKeyPath(key.toString());
    check(files, vertx, certificate, key);
    options.setSslEngineOptions(new Handshakes());
    options.setSsl(true).setKeyCertOptions(files).setEnabledSecureTransportProtocols(VERSIONS);
    SUITES.forEach(options::addEnabledCipherSuite);
  }

  private static void check(PemKeyCertOptions files, Vertx vertx, Path certificate, Path key) {
    boolean together = false;
    try {
      for (KeyManager manager : files.getKeyManagerFactory(vertx).getKeyManagers()) {
        if (manager instanceof X509KeyManager keys) {
          together |= KINDS.stream().anyMatch(kind -> holds(keys, kind));
        }
      }
    } catch (Exception e) { // Whatever is wrong with the files.
      throw new ConfigException(
          "front_door_certificate: found %s, and %s as its key, which cannot be read as PEM (%s)"
              .formatted(certificate, key, e.getMessage()));
    }
    if (!together) {
      throw new ConfigException(
          "front_door_key: found %s, which is not the key of the certificate %s, expected the one that is"
              .formatted(key, certificate));
    }
  }

  /** Whether there is a certificate of that kind, with its key. */
  private static boolean holds(X509KeyManager keys, String kind) {
    String[] aliases = keys.getServerAliases(kind, null);
    if (aliases == null || aliases.length == 0) {
      return false;
    }
    try {
      return belong(
          keys.getPrivateKey(aliases[0]), keys.getCertificateChain(aliases[0])[0].getPublicKey());
    } catch (GeneralSecurityException e) {
      return false;
    }
  }

  /** Whether what the one signs the other verifies. */
  private static boolean belong(PrivateKey secret, PublicKey known)
      throws GeneralSecurityException {
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
