package ai.seedcore.serve.daemon.act;

import ai.seedcore.serve.daemon.config.Settings;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
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
    byte[] content;
    try (InputStream stream = Cache.class.getResourceAsStream("/packed/" + jar)) {
      if (stream == null) {
        throw new IOException(
            "this build does not carry %s: build with 'mvn package'".formatted(jar));
      }
      content = stream.readAllBytes();
    }
    return keep(jar.replace(".jar", "-" + hash(content) + ".jar"), content);
  }

  /** A file of that name and content. */
  Path keep(String name, byte[] content) throws IOException {
    Path file = folder.resolve(name);
    if (!Files.exists(file) || Files.size(file) != content.length) {
      Path part = Files.createTempFile(folder, name, ".part");
      Files.write(part, content);
      Files.move(part, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }
    return file;
  }

  /** The first 16 hexadecimal digits of the content's SHA-256. */
  static String hash(byte[]... parts) {
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      for (byte[] part : parts) {
        digest.update(part);
        digest.update((byte) 0);
      }
      return HexFormat.of().formatHex(digest.digest(), 0, 8);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }
}
