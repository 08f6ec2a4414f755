package ai.seedcore.serve.daemon.node;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The folder in which the GCS of our own head keeps its state, with Ray's RocksDB storage. A head
 * that is started with it continues where the last one ended.
 *
 * <p>A store with which the head does not come up is set aside, and so is the store of another
 * version of Ray. Then everything is deployed anew, as without a store.
 */
final class HeadStore {

  private static final Logger LOG = LoggerFactory.getLogger(HeadStore.class);

  private final Path folder;
  private final String version;

  /** The starts since a head came up. One with an empty store is tried, and then one without. */
  private int starts;

  /**
   * Creates a store, which need not exist.
   *
   * @param folder the folder; only this store uses it
   * @param version the version of Ray
   */
  HeadStore(Path folder, String version) {
    this.folder = folder;
    this.version = version;
  }

  /** Returns the variables for the next start of the head, and prepares the folder. */
  Map<String, String> environment() {
    starts++;
    try {
      String before = Files.exists(version()) ? Files.readString(version()) : version;
      if (!before.equals(version)) {
        setAside("it is of Ray " + before);
      } else if (starts == 2) {
        setAside("the head did not come up with it");
      } else if (starts > 2) {
        LOG.atWarn().addKeyValue("store", folder).log("the head starts without its store");
        return Map.of();
      }
      Files.createDirectories(folder);
      Files.writeString(version(), version);
    } catch (IOException e) {
      LOG.atWarn()
          .addKeyValue("store", folder)
          .addKeyValue("error", e)
          .log("the head starts without its store, which cannot be written");
      return Map.of();
    }
    return Map.of("RAY_gcs_storage", "rocksdb", "RAY_gcs_storage_path", folder.toString());
  }

  private Path version() {
    return folder.resolveSibling(folder.getFileName() + ".version");
  }

  /** Keeps one store at most, for those who want to know what was wrong. */
  private void setAside(String why) throws IOException {
    Path aside = folder.resolveSibling(folder.getFileName() + ".aside");
    LOG.atWarn()
        .addKeyValue("store", folder)
        .addKeyValue("now", aside)
        .addKeyValue("reason", why)
        .log("the head's store is set aside; everything is deployed anew");
    if (Files.exists(aside)) {
      try (Stream<Path> files = Files.walk(aside)) {
        List<Path> deepestFirst = files.sorted(Comparator.reverseOrder()).toList();
        for (Path file : deepestFirst) {
          Files.delete(file);
        }
      }
    }
    if (Files.exists(folder)) {
      Files.move(folder, aside, StandardCopyOption.ATOMIC_MOVE);
    }
  }

  /** Handles the fact that a head has come up. */
  void cameUp() {
    starts = 0;
  }
}
