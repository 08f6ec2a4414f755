package ai.seedcore.serve.daemon.pack;

import ai.seedcore.serve.daemon.config.Settings;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFileAttributes;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.DigestOutputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.security.SecureRandom;
import java.util.HexFormat;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A folder of files that can be recreated at any time. Each has the hash of its content in its
 * name, so that two versions, or two daemons, never write to the same file.
 */
public final class Cache {

  private static final Logger LOG = LoggerFactory.getLogger(Cache.class);

  private static final FileAttribute<Set<PosixFilePermission>> OWNERS =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------"));

  private static final int SECRET_BYTES = 24;

  private final Path folder;

  private Cache(Path folder) {
    this.folder = folder;
  }

  /**
   * Opens the configured cache, or the user's own. The cache contains programs that are executed.
   * If other users can write to the folder, the cache is a private folder in it. If that is
   * impossible, the cache is a new temporary folder.
   */
  public static Cache open(Settings settings) {
    Path configured = (settings.cache() != null ? settings.cache() : userCache()).toAbsolutePath();
    try {
      Files.createDirectories(configured, OWNERS);
      if (isOurs(configured)) {
        return new Cache(configured);
      }
      Path inner = configured.resolve("of-" + ourUid());
      if (!Files.exists(inner, LinkOption.NOFOLLOW_LINKS)) {
        Files.createDirectory(inner, OWNERS);
      }
      if (isOurs(inner)) {
        return new Cache(inner);
      }
    } catch (IOException e) {
      LOG.debug("the cache {} cannot be used: {}", configured, e.toString());
    }
    try {
      Path other = Files.createTempDirectory("seedcore-");
      LOG.atWarn()
          .addKeyValue("cache", configured)
          .addKeyValue("instead", other)
          .log("the cache cannot be written, or is not private");
      return new Cache(other);
    } catch (IOException e) {
      throw new UncheckedIOException(
          "cannot write to %s or to the directory for temporary files".formatted(configured), e);
    }
  }

  /** Returns whether a folder belongs to our account and nobody else can write to it. */
  private static boolean isOurs(Path folder) throws IOException {
    PosixFileAttributes attributes =
        Files.readAttributes(folder, PosixFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
    return attributes.isDirectory()
        && Files.isWritable(folder)
        && uid(folder) == ourUid()
        && !attributes.permissions().contains(PosixFilePermission.GROUP_WRITE)
        && !attributes.permissions().contains(PosixFilePermission.OTHERS_WRITE);
  }

  /** Returns the owner's numeric id. Our account may not have a name. */
  private static int uid(Path file) throws IOException {
    return (Integer) Files.getAttribute(file, "unix:uid", LinkOption.NOFOLLOW_LINKS);
  }

  private static int ourUid() throws IOException {
    // The link itself belongs to root.
    return (Integer) Files.getAttribute(Path.of("/proc/self"), "unix:uid");
  }

  private static Path userCache() {
    String xdg = System.getenv("XDG_CACHE_HOME");
    Path base =
        xdg != null && !xdg.isBlank()
            ? Path.of(xdg)
            : Path.of(System.getProperty("user.home"), ".cache");
    return base.resolve("seedcore");
  }

  /** Returns a folder in the cache, and creates it if necessary. */
  public Path folder(String name) throws IOException {
    return Files.createDirectories(folder.resolve(name));
  }

  /** Returns a file that only we can read, with a secret of 48 hexadecimal digits. */
  public Path secret(String name) throws IOException {
    Path file = folder.resolve(name);
    if (!Files.exists(file, LinkOption.NOFOLLOW_LINKS)) {
      byte[] random = new byte[SECRET_BYTES];
      new SecureRandom().nextBytes(random);
      // Moved into place, so that another daemon does not read half of it.
      Path part =
          Files.createTempFile(
              folder,
              name,
              ".part",
              PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
      Files.writeString(part, HexFormat.of().formatHex(random));
      Files.move(part, file, StandardCopyOption.ATOMIC_MOVE);
    }
    return file;
  }

  /**
   * Returns a folder for files unpacked from a jar. Deletes files that differ from those in the
   * jar, so that they are unpacked again.
   */
  public Path unpacked(String name, Path jar) throws IOException {
    Path unpacked = folder(name);
    try (ZipFile zip = new ZipFile(jar.toFile());
        Stream<Path> files = Files.list(unpacked)) {
      for (Path file : files.toList()) {
        boolean same =
            zip.stream()
                .filter(entry -> entry.getName().endsWith("/" + file.getFileName()))
                .anyMatch(entry -> isSame(file, entry));
        if (!same) {
          LOG.atDebug().addKeyValue("file", file).log("removed a changed file from the cache");
          Files.delete(file);
        }
      }
    }
    return unpacked;
  }

  private static boolean isSame(Path file, ZipEntry entry) {
    try (InputStream stream = Files.newInputStream(file, LinkOption.NOFOLLOW_LINKS)) {
      CRC32 sum = new CRC32();
      byte[] part = new byte[1 << 16];
      for (int n = stream.read(part); n > 0; n = stream.read(part)) {
        sum.update(part, 0, n);
      }
      return Files.size(file) == entry.getSize() && sum.getValue() == entry.getCrc();
    } catch (IOException e) {
      return false;
    }
  }

  /** Returns one of the jars that this program contains, as a file. */
  public Path packed(String jar) throws IOException {
    return keep(
        jar.replace(".jar", "-"),
        ".jar",
        out -> {
          try (InputStream stream = Cache.class.getResourceAsStream("/packed/" + jar)) {
            if (stream == null) {
              throw new IOException(
                  "this build does not contain %s: build with 'mvn package'".formatted(jar));
            }
            stream.transferTo(out);
          }
        });
  }

  /** The content of a file. */
  interface Content {
    /** Writes the complete content; may be called more than once. */
    void writeTo(OutputStream out) throws IOException;
  }

  /**
   * Returns a file with this content, whose name contains the content's hash between prefix and
   * suffix. Writes nothing if the file exists, so that a full disk does not matter then.
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

  /** Returns a file that {@link #keep} has written. */
  Optional<Path> find(String name) {
    Path file = folder.resolve(name);
    return name.indexOf('/') < 0 && Files.isRegularFile(file)
        ? Optional.of(file)
        : Optional.empty();
  }

  private static String hashOf(Path file) throws IOException {
    MessageDigest digest = sha256();
    Files.copy(file, new DigestOutputStream(OutputStream.nullOutputStream(), digest));
    return hex(digest);
  }

  /** Returns the first 16 hexadecimal digits of the SHA-256 of the texts. */
  public static String hash(String... texts) {
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
