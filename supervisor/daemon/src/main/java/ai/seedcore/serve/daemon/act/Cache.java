package ai.seedcore.serve.daemon.act;

import ai.seedcore.serve.daemon.config.Settings;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.DigestOutputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Files that can be made again at any time, each under the hash of its content, so that two
 * versions, or two daemons, never meet in one file.
 */
public final class Cache {

  private static final Logger LOG = LoggerFactory.getLogger(Cache.class);

  private final Path folder;

  private Cache(Path folder) {
    this.folder = folder;
  }

  /** The cache that the settings name, or the user's own; where that cannot be written, another. */
  public static Cache open(Settings settings) {
    Path wished = settings.cache() != null ? settings.cache() : userCache();
    try {
      Files.createDirectories(wished);
      if (Files.isWritable(wished)) {
        return new Cache(wished.toAbsolutePath());
      }
    } catch (IOException e) {
      LOG.debug("cache {}: {}", wished, e.toString());
    }
    try {
      Path other = Files.createTempDirectory("seedcore-");
      LOG.atWarn()
          .addKeyValue("cache", wished)
          .addKeyValue("instead", other)
          .log("the cache cannot be written");
      return new Cache(other);
    } catch (IOException e) {
      throw new UncheckedIOException(
          "neither %s nor the folder for temporary files can be written".formatted(wished), e);
    }
  }

  private static Path userCache() {
    String xdg = System.getenv("XDG_CACHE_HOME");
    Path base =
        xdg != null && !xdg.isBlank()
            ? Path.of(xdg)
            : Path.of(System.getProperty("user.home"), ".cache");
    return base.resolve("seedcore");
  }

  /** A folder in the cache, made where it is missing. */
  public Path folder(String name) throws IOException {
    return Files.createDirectories(folder.resolve(name));
  }

  /** One of the jars that this program carries, as a file. */
  public Path packed(String jar) throws IOException {
    return keep(
        jar.replace(".jar", "-"),
        ".jar",
        out -> {
          try (InputStream stream = Cache.class.getResourceAsStream("/packed/" + jar)) {
            if (stream == null) {
              throw new IOException(
                  "this build does not carry %s: build with 'mvn package'".formatted(jar));
            }
            stream.transferTo(out);
          }
        });
  }

  /** A file's content. */
  interface Content {
    /** Writes it all; may be asked more than once. */
    void writeTo(OutputStream out) throws IOException;
  }

  /**
   * A file of that content, whose name has the content's hash between the two parts. Where it is
   * there already nothing is written, so that a full disk is no obstacle.
   */
  Path keep(String prefix, String suffix, Content content) throws IOException {
    MessageDigest digest = sha256();
    content.writeTo(new DigestOutputStream(OutputStream.nullOutputStream(), digest));
    String hash = hex(digest);
    Path file = folder.resolve(prefix + hash + suffix);
    if (Files.exists(file) && hash.equals(hashOf(file))) {
      return file;
    }
    Files.createDirectories(folder);
    Path part = Files.createTempFile(folder, prefix, ".part");
    try {
      try (OutputStream out = new BufferedOutputStream(Files.newOutputStream(part), 1 << 16)) {
        content.writeTo(out);
      }
      Files.move(part, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
      return file;
    } finally {
      Files.deleteIfExists(part);
    }
  }

  private static String hashOf(Path file) throws IOException {
    MessageDigest digest = sha256();
    Files.copy(file, new DigestOutputStream(OutputStream.nullOutputStream(), digest));
    return hex(digest);
  }

  /** The first 16 hexadecimal digits of the SHA-256 of the texts. */
  static String hash(String... texts) {
    MessageDigest digest = sha256();
    for (String text : texts) {
      digest.update(text.getBytes(StandardCharsets.UTF_8));
      digest.update((byte) 0);
    }
    return hex(digest);
  }

  private static String hex(MessageDigest digest) {
    return HexFormat.of().formatHex(digest.digest(), 0, 8);
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }
}
