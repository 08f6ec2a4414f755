package ai.seedcore.serve.daemon.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;

/** A self-signed certificate of the loopback, as Ray's own tests use: it is its own authority. */
final class Certificates {

  private static final char[] PASSWORD = "changeit".toCharArray();

  private Certificates() {}

  /** Writes a key store with one certificate and its key. */
  static void keyStore(Path store, String... more) throws IOException, InterruptedException {
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "keytool").toString(),
                "-genkeypair",
                "-keyalg",
                "EC",
                "-alias",
                "cluster",
                "-dname",
                "CN=cluster",
                "-ext",
                "san=ip:127.0.0.1,ip:127.0.0.2,dns:localhost",
                "-storetype",
                "PKCS12",
                "-keystore",
                store.toString(),
                "-storepass",
                new String(PASSWORD)));
    command.addAll(List.of(more));
    assertThat(new ProcessBuilder(command).inheritIO().start().waitFor()).isZero();
  }

  /**
   * Writes a new certificate and its key.
   *
   * @param more options of keytool
   * @return the variables by which Ray finds them
   */
  static Map<String, String> write(Path folder, String... more)
      throws IOException, InterruptedException, GeneralSecurityException {
    Path store = folder.resolve("store");
    Files.deleteIfExists(store);
    keyStore(store, more);
    KeyStore keys = KeyStore.getInstance("PKCS12");
    try (InputStream stream = Files.newInputStream(store)) {
      keys.load(stream, PASSWORD);
    }
    Path certificate = folder.resolve("tls.crt");
    Path key = folder.resolve("tls.key");
    Files.writeString(certificate, pem("CERTIFICATE", keys.getCertificate("cluster").getEncoded()));
    Files.writeString(key, pem("PRIVATE KEY", keys.getKey("cluster", PASSWORD).getEncoded()));
    return Map.of(
        "RAY_USE_TLS",
        "1",
        "RAY_TLS_SERVER_CERT",
        certificate.toString(),
        "RAY_TLS_SERVER_KEY",
        key.toString(),
        "RAY_TLS_CA_CERT",
        certificate.toString());
  }

  private static String pem(String kind, byte[] der) {
    Base64.Encoder encoder = Base64.getMimeEncoder(64, "\n".getBytes(StandardCharsets.US_ASCII));
    return "-----BEGIN %s-----%n%s%n-----END %1$s-----%n"
        .formatted(kind, encoder.encodeToString(der));
  }
}
