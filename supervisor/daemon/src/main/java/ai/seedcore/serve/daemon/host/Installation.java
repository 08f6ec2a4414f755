package ai.seedcore.serve.daemon.host;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The daemon's files on a host, in the places of the Filesystem Hierarchy Standard. The files in
 * {@code /etc/seedcore} belong to the user. They are written once and never overwritten or removed.
 *
 * @param root the folder that contains all paths; {@code /} unless a package is being built
 */
public record Installation(Path root) {

  private static final List<String> OPTIONS = List.of("/jvm.options", "/door.options");
  private static final String OPT = "/opt/seedcore";
  private static final String COMMAND = "/usr/local/bin/seedcore-serve";
  private static final String ETC = "/etc/seedcore";
  private static final String UNIT = "/etc/systemd/system/seedcore-serve.service";
  private static final String COMPLETION =
      "/usr/local/share/bash-completion/completions/seedcore-serve";
  private static final String MAN = "/usr/local/share/man/man1/";

  /** The suffixes of the manual pages' names. */
  private static final List<String> PAGES =
      List.of(
          "",
          "-run",
          "-status",
          "-wait-for-head",
          "-config",
          "-config-check",
          "-service",
          "-service-install",
          "-service-uninstall",
          "-service-unit",
          "-generate-completion",
          "-cai",
          "-cai-setup",
          "-cai-launchers",
          "-cai-launch",
          "-cai-status",
          "-cai-stop");

  /**
   * Writes the files, and replaces existing ones atomically.
   *
   * @param jar the program
   * @param java the JVM to run it with
   * @param user the account to run it as: the one that runs Ray's node
   * @param environment lines of {@code NAME=VALUE} for a new {@code /etc/seedcore/environment}
   * @param completion the completion script for bash
   * @return the files that were written, in order
   */
  public List<Path> install(
      Path jar, Path java, String user, List<String> environment, String completion)
      throws IOException {
    List<Path> written = new ArrayList<>();
    Path program = at(OPT + "/seedcore-serve.jar");
    if (!Files.exists(program) || !Files.isSameFile(program, jar)) {
      folder(program.getParent());
      Path part = program.resolveSibling("seedcore-serve.jar.part");
      Files.copy(jar, part, StandardCopyOption.REPLACE_EXISTING);
      move(part, program, "rw-r--r--");
    }
    written.add(program);
    for (String options : OPTIONS) {
      written.add(write(OPT + options, resource(options), "rw-r--r--"));
    }
    String command =
        """
        #!/bin/sh
        # Many threads would spread the C library's free memory over many arenas.
        export MALLOC_ARENA_MAX=${MALLOC_ARENA_MAX:-2}
        exec '%s' @%s/jvm.options $SEEDCORE_JVM_OPTIONS -jar %s/seedcore-serve.jar "$@"
        """
            .formatted(java, OPT, OPT);
    written.add(write(COMMAND, command, "rwxr-xr-x"));
    written.add(write(COMPLETION, completion, "rw-r--r--"));
    for (String page : PAGES) {
      String name = "seedcore-serve" + page + ".1";
      written.add(write(MAN + name, resource("/man/" + name), "rw-r--r--"));
    }
    if (!Files.exists(at(ETC + "/seedcore-serve.yaml"))) {
      String config = resource("/ai/seedcore/serve/daemon/host/seedcore-serve.yaml");
      written.add(write(ETC + "/seedcore-serve.yaml", config, "rw-r--r--"));
    }
    if (!Files.exists(at(ETC + "/environment"))) {
      String text =
          "# NAME=VALUE, one per line; all keys: docs/configuration.md. Put secrets here.\n";
      written.add(
          write(ETC + "/environment", text + String.join("\n", environment) + "\n", "rw-------"));
    }
    written.add(write(UNIT, unit(user), "rw-r--r--"));
    return written;
  }

  /**
   * Removes the files that {@link #install} wrote, except those that belong to the user.
   *
   * @return the files that were removed
   */
  public List<Path> uninstall() throws IOException {
    List<String> paths =
        new ArrayList<>(List.of(UNIT, COMMAND, COMPLETION, OPT + "/seedcore-serve.jar"));
    OPTIONS.forEach(options -> paths.add(OPT + options));
    PAGES.forEach(page -> paths.add(MAN + "seedcore-serve" + page + ".1"));
    List<Path> removed = new ArrayList<>();
    for (String path : paths) {
      if (Files.deleteIfExists(at(path))) {
        removed.add(at(path));
      }
    }
    if (Files.isDirectory(at(OPT))) {
      try (var left = Files.list(at(OPT))) {
        if (left.findAny().isEmpty()) {
          Files.delete(at(OPT));
        }
      }
    }
    return removed;
  }

  /** Returns the unit file for {@code systemd}. */
  public static String unit(String user) {
    return resource("/ai/seedcore/serve/daemon/host/seedcore-serve.service")
        .replace("%USER%", user)
        .replace("%BIN%", COMMAND)
        .replace("%ETC%", ETC);
  }

  private Path at(String path) {
    return root.resolve(path.substring(1));
  }

  private Path write(String path, String text, String mode) throws IOException {
    Path file = at(path);
    folder(file.getParent());
    Path part = file.resolveSibling(file.getFileName() + ".part");
    Files.deleteIfExists(part);
    Set<PosixFilePermission> owner = PosixFilePermissions.fromString("rw-------");
    Files.createFile(part, PosixFilePermissions.asFileAttribute(owner));
    Files.writeString(part, text);
    return move(part, file, mode);
  }

  /** Creates a folder and its parents. Other users can enter it, whatever the umask is. */
  private static void folder(@Nullable Path folder) throws IOException {
    if (folder == null || Files.isDirectory(folder)) {
      return;
    }
    folder(folder.getParent());
    Files.createDirectory(folder);
    Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwxr-xr-x"));
  }

  private static Path move(Path part, Path file, String mode) throws IOException {
    Files.setPosixFilePermissions(part, PosixFilePermissions.fromString(mode));
    return Files.move(
        part, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
  }

  private static String resource(String name) {
    try (InputStream content = Installation.class.getResourceAsStream(name)) {
      if (content == null) {
        throw new IllegalStateException("this jar lacks " + name);
      }
      return new String(content.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }
}
