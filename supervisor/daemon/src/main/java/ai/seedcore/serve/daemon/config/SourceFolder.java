package ai.seedcore.serve.daemon.config;

import java.io.IOException;
import java.nio.file.FileVisitOption;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;

/** A folder of this machine that becomes a package for the cluster. */
public final class SourceFolder {

  /** Folders that tools create beside the sources; no program needs them. */
  private static final Set<String> SKIPPED =
      Set.of(".git", ".venv", "__pycache__", ".pytest_cache", ".mypy_cache");

  /** The number of files from which a folder is no longer looked through. */
  static final int MAX_FILES = 10_000;

  private static final int MAX_DEPTH = 64;

  private SourceFolder() {}

  /**
   * Returns the regular files in a folder and below, in the order of their names.
   *
   * @throws IOException if a folder cannot be read, or if there are more than {@link #MAX_FILES}
   */
  public static List<Path> files(Path folder) throws IOException {
    List<Path> files = new ArrayList<>();
    Files.walkFileTree(
        folder,
        EnumSet.of(FileVisitOption.FOLLOW_LINKS),
        MAX_DEPTH,
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult preVisitDirectory(Path inner, BasicFileAttributes attributes) {
            boolean skipped =
                !inner.equals(folder) && SKIPPED.contains(inner.getFileName().toString());
            return skipped ? FileVisitResult.SKIP_SUBTREE : FileVisitResult.CONTINUE;
          }

          @Override
          public FileVisitResult visitFile(Path file, BasicFileAttributes attributes)
              throws IOException {
            if (attributes.isRegularFile()) {
              files.add(file);
            }
            if (files.size() > MAX_FILES) {
              throw new IOException(
                  "%s: found more than %d files, expected fewer".formatted(folder, MAX_FILES));
            }
            return FileVisitResult.CONTINUE;
          }
        });
    files.sort(null);
    return files;
  }
}
