package ai.seedcore.serve.daemon.cluster;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import org.junit.jupiter.api.extension.ExtensionContext;

/** Where it is kept which rows have passed, and with which jar. */
final class Rows {

  private Rows() {}

  /** The file of a row. */
  static Path file(ExtensionContext context, String suffix) {
    String row =
        context.getRequiredTestClass().getSimpleName()
            + "."
            + context.getRequiredTestMethod().getName();
    return Path.of(System.getProperty("seedcore.rows", "target/rows"), row + suffix);
  }

  /** The hash of the jar that is tested. */
  static String jarHash() throws IOException {
    try {
      byte[] jar = Files.readAllBytes(Path.of(System.getProperty("seedcore.jar")));
      return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(jar));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }
}
