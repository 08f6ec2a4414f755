package ai.seedcore.serve.daemon.node;

import ai.seedcore.serve.daemon.config.ConfigException;
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
 * A Ray installation of this machine.
 *
 * @param command its {@code ray}
 * @param jar its ray_dist.jar, which holds the Java API of exactly its version
 * @param version its version
 */
public record RayInstall(Path command, Path jar, String version) {

  private static final Pattern VERSION = Pattern.compile("(?m)^version\\s*=\\s*\"([^\"]+)\"");

  /**
   * Finds one: the command or folder that is named, else the one of an active virtual environment,
   * else the first on the PATH.
   *
   * @throws ConfigException if there is none that can be used
   */
  public static RayInstall find(@Nullable Path named) {
    if (named != null) {
      RayInstall install = at(Files.isDirectory(named) ? named.resolve("bin/ray") : named);
      if (install == null) {
        throw new ConfigException(
            "ray: found %s, expected the 'ray' command of an installation with ray/jars/ray_dist.jar"
                .formatted(named));
      }
      return install;
    }
    for (Path candidate : candidates()) {
      RayInstall install = at(candidate);
      if (install != null) {
        return install;
      }
    }
    throw new ConfigException(
        "ray: found no Ray on this machine, neither on the PATH nor in a virtual environment;"
            + " expected one of the cluster's version: pip install 'ray[serve]==2.39.0', then name"
            + " its 'ray' command with --ray");
  }

  /** The Python that the installation belongs to. */
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
    if (!Files.isExecutable(command)) {
      return null;
    }
    try {
      Path bin = command.toAbsolutePath().getParent();
      Path real = command.toRealPath().getParent();
      for (Path folder : new Path[] {bin, real}) {
        if (folder == null || folder.getParent() == null) {
          continue;
        }
        try (DirectoryStream<Path> pythons =
            Files.newDirectoryStream(folder.getParent().resolve("lib"), "python3*")) {
          for (Path python : pythons) {
            for (String packages : List.of("site-packages", "dist-packages")) {
              Path ray = python.resolve(packages).resolve("ray");
              Path jar = ray.resolve("jars/ray_dist.jar");
              if (Files.isReadable(jar)) {
                return new RayInstall(command.toAbsolutePath(), jar, version(ray));
              }
            }
          }
        }
      }
    } catch (IOException e) {
      return null;
    }
    return null;
  }

  private static String version(Path ray) throws IOException {
    Matcher matcher = VERSION.matcher(Files.readString(ray.resolve("_version.py")));
    return matcher.find() ? matcher.group(1) : "unknown";
  }
}
