package ai.seedcore.serve.daemon.node;

import ai.seedcore.serve.base.ConfigException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A Ray installation on this machine.
 *
 * @param command its {@code ray} command
 * @param jar its ray_dist.jar, which contains the Java API of exactly its version
 * @param version its version
 */
public record RayInstall(Path command, Path jar, String version) {

  private static final Pattern VERSION = Pattern.compile("(?m)^version\\s*=\\s*\"([^\"]+)\"");

  /**
   * Finds an installation: the given command or folder, or else the one of an active virtual
   * environment, or else the first on the PATH.
   *
   * @throws ConfigException if there is no usable one
   */
  public static RayInstall find(@Nullable Path named) {
    List<Path> tried =
        named == null
            ? candidates()
            : List.of(Files.isDirectory(named) ? named.resolve("bin/ray") : named);
    for (Path candidate : tried) {
      RayInstall install = at(candidate);
      if (install != null) {
        return install;
      }
    }
    for (Path candidate : tried) {
      Path package_ = packageOf(candidate);
      if (package_ != null) {
        throw new ConfigException(
            ("ray: found Ray %s in %s, which lacks Java support (jars/ray_dist.jar), like all conda"
                    + " packages; expected the pip package: pip install 'ray[serve]==%1$s'")
                .formatted(version(package_), package_));
      }
    }
    if (named != null) {
      throw new ConfigException(
          "ray: found %s, expected the 'ray' command of an installation with ray/jars/ray_dist.jar"
              .formatted(named));
    }
    throw new ConfigException(
        "ray: found no Ray on this machine, neither on the PATH nor in a virtual environment;"
            + " expected the cluster's version: run pip install 'ray[serve]==VERSION', then name its"
            + " 'ray' command with --ray");
  }

  /** Returns whether this version of Ray can require a token of all clients. */
  public boolean knowsTokens() {
    Matcher parts = Pattern.compile("(\\d+)\\.(\\d+)\\..*").matcher(version);
    return parts.matches()
        && (Integer.parseInt(parts.group(1)) > 2 || Integer.parseInt(parts.group(2)) >= 52);
  }

  /** Returns whether the GCS of this version of Ray can keep its state in a folder. */
  public boolean keepsState() {
    try {
      return Files.readString(jar.resolveSibling("../_private/node.py")).contains("rocksdb");
    } catch (IOException e) {
      return false;
    }
  }

  /** Returns the Python interpreter of the installation. */
  public String python() throws IOException {
    try (Stream<String> lines = Files.lines(command, StandardCharsets.ISO_8859_1)) {
      String first = lines.findFirst().orElse("");
      return first.startsWith("#!/") && first.contains("python") && !first.contains(" ")
          ? first.substring(2).strip()
          : command.resolveSibling("python3").toString();
    }
  }

  private static List<Path> candidates() {
    List<Path> candidates = new ArrayList<>();
    String environment = System.getenv("VIRTUAL_ENV");
    if (environment != null) {
      candidates.add(Path.of(environment, "bin", "ray"));
    }
    String path = System.getenv("PATH");
    for (String folder : path == null ? new String[0] : path.split(":", -1)) {
      if (!folder.isEmpty()) {
        candidates.add(Path.of(folder, "ray"));
      }
    }
    return candidates;
  }

  private static @Nullable RayInstall at(Path command) {
    for (Path ray : packagesOf(command)) {
      Path jar = ray.resolve("jars/ray_dist.jar");
      if (Files.isReadable(jar)) {
        return new RayInstall(command.toAbsolutePath(), jar, version(ray));
      }
    }
    return null;
  }

  /**
   * Returns the Python package of a command, with or without its Java part; null if there is none.
   */
  private static @Nullable Path packageOf(Path command) {
    List<Path> packages = packagesOf(command);
    return packages.isEmpty() ? null : packages.get(0);
  }

  private static List<Path> packagesOf(Path command) {
    List<Path> found = new ArrayList<>();
    if (!Files.isExecutable(command)) {
      return found;
    }
    try {
      Path bin = command.toAbsolutePath().getParent();
      Path real = command.toRealPath().getParent();
      for (Path folder : new Path[] {bin, real}) {
        if (folder == null || folder.getParent() == null) {
          continue;
        }
        for (String lib : List.of("lib", "lib64")) { // Fedora has some packages in lib64.
          Path pythons = folder.getParent().resolve(lib);
          if (Files.isDirectory(pythons)) {
            collect(pythons, found);
          }
        }
      }
    } catch (IOException e) {
      return found;
    }
    return found;
  }

  private static void collect(Path lib, List<Path> found) throws IOException {
    try (DirectoryStream<Path> pythons = Files.newDirectoryStream(lib, "python3*")) {
      for (Path python : pythons) {
        for (String packages : List.of("site-packages", "dist-packages")) {
          Path ray = python.resolve(packages).resolve("ray");
          if (Files.isReadable(ray.resolve("_version.py"))) {
            found.add(ray);
          }
        }
      }
    }
  }

  private static String version(Path ray) {
    try {
      Matcher matcher = VERSION.matcher(Files.readString(ray.resolve("_version.py")));
      return matcher.find() ? matcher.group(1) : "unknown";
    } catch (IOException e) {
      return "unknown";
    }
  }
}
