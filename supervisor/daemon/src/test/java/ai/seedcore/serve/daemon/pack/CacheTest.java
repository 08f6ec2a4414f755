package ai.seedcore.serve.daemon.pack;

import static org.assertj.core.api.Assertions.assertThat;

import ai.seedcore.serve.daemon.config.ConfigLoader;
import ai.seedcore.serve.daemon.config.Settings;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Map;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Programs are run from the cache: nobody else may have put them there. */
class CacheTest {

  @TempDir Path folder;

  private Settings at(Path cache) {
    return ConfigLoader.load(null, Map.of("cache", cache.toString()), Map.of());
  }

  @Test
  void aFolderOfOurOwnIsTakenAndNobodyElseMayLookIn() throws IOException {
    Path wished = folder.resolve("cache");
    assertThat(Cache.open(at(wished)).folder("logs")).isEqualTo(wished.resolve("logs"));
    assertThat(Files.getPosixFilePermissions(wished))
        .isEqualTo(PosixFilePermissions.fromString("rwx------"));
  }

  @Test
  void whereOthersMayWriteItIsAFolderInsideThatTheyMayNotWriteTo() throws IOException {
    Path open = Files.createDirectory(folder.resolve("open"));
    Files.setPosixFilePermissions(open, PosixFilePermissions.fromString("rwxrwxrwx"));
    Path planted = Files.createDirectory(open.resolve("native-x"));
    Path used = Cache.open(at(open)).folder("native-x");
    assertThat(used).isNotEqualTo(planted);
    assertThat(used.getParent().getParent()).isEqualTo(open);
    assertThat(Files.getPosixFilePermissions(used.getParent()))
        .isEqualTo(PosixFilePermissions.fromString("rwx------"));
    assertThat(Cache.open(at(open)).folder("native-x")).as("the same again").isEqualTo(used);
    // One that is planted there is not taken, either.
    Files.setPosixFilePermissions(used.getParent(), PosixFilePermissions.fromString("rwxrwxrwx"));
    assertThat(Cache.open(at(open)).folder("native-x").startsWith(open)).isFalse();
  }

  @Test
  void aLinkIsNotFollowed() throws IOException {
    Path target = Files.createDirectory(folder.resolve("target"));
    Path link = Files.createSymbolicLink(folder.resolve("link"), target);
    assertThat(Cache.open(at(link)).folder("logs")).isNotEqualTo(target.resolve("logs"));
  }

  @Test
  void whatIsNotAsItWasUnpackedGoes() throws IOException {
    Path jar = folder.resolve("ray.jar");
    try (OutputStream out = Files.newOutputStream(jar);
        ZipOutputStream zip = new ZipOutputStream(out)) {
      zip.putNextEntry(new ZipEntry("native/linux/lib.so"));
      zip.write(new byte[] {1, 2, 3});
      zip.closeEntry();
    }
    Cache cache = Cache.open(at(folder.resolve("cache")));
    Path unpacked = cache.unpacked("native", jar);
    Files.write(unpacked.resolve("lib.so"), new byte[] {1, 2, 3});
    assertThat(cache.unpacked("native", jar).resolve("lib.so")).exists();
    Files.write(unpacked.resolve("lib.so"), new byte[] {1, 2, 4});
    Files.write(unpacked.resolve("other.so"), new byte[] {1, 2, 3});
    assertThat(cache.unpacked("native", jar)).isEmptyDirectory();
  }
}
