package ai.seedcore.serve.daemon.config;

import ai.seedcore.serve.base.HostPort;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** What can be seen on this machine of the Ray nodes that run on it. */
public final class RayNodes {

  private static final Pattern GCS = Pattern.compile("\u0000--?gcs-address=([^\u0000]+)");
  private static final Pattern ADDRESS = Pattern.compile("\u0000--?node_ip_address=([^\u0000]+)");

  /** How long what the processes said holds: they are many to read. */
  private static final long HOLDS_NANOS = 2_000_000_000L;

  private static @Nullable Found found;

  /**
   * What the raylets' command lines say.
   *
   * @param clusters the GCS of each
   * @param addresses under which the clusters know them
   */
  private record Found(Set<HostPort> clusters, Set<String> addresses, long at) {}

  private RayNodes() {}

  /**
   * The cluster that this machine belongs to. Ray notes it in a file, whose place depends on {@code
   * --temp-dir} and {@code RAY_TMPDIR}; where that file names none that runs here, the processes of
   * the nodes do.
   */
  public static Optional<HostPort> currentCluster() {
    Optional<HostPort> noted = read(note());
    Set<HostPort> running = look().clusters();
    boolean other = running.size() == 1 && (noted.isEmpty() || !running.contains(noted.get()));
    return other ? running.stream().findFirst() : noted;
  }

  /** The addresses under which clusters know the nodes of this machine, as their processes say. */
  public static Set<String> addresses() {
    return look().addresses();
  }

  /** Where Ray notes the cluster that was started last, where nothing else was said. */
  public static Path note() {
    String folder = System.getenv("RAY_TMPDIR");
    return Path.of(folder == null || folder.isBlank() ? "/tmp" : folder, "ray/ray_current_cluster");
  }

  /** The address in a note of Ray's; empty where it holds none. */
  public static Optional<HostPort> read(Path note) {
    try {
      return Optional.of(HostPort.parse(Files.readString(note).strip()));
    } catch (IOException | IllegalArgumentException e) {
      return Optional.empty();
    }
  }

  private static synchronized Found look() {
    if (found == null || System.nanoTime() - found.at() > HOLDS_NANOS) {
      Set<String> lines =
          ProcessHandle.allProcesses()
              .filter(RayNodes::isTrusted)
              .map(process -> commandLine(process.pid()))
              .filter(line -> line.split("\0", 2)[0].endsWith("/raylet/raylet"))
              .collect(Collectors.toSet());
      Set<HostPort> clusters = new LinkedHashSet<>();
      Set<String> addresses = new LinkedHashSet<>();
      for (String line : lines) {
        Matcher gcs = GCS.matcher(line);
        if (gcs.find()) {
          try {
            clusters.add(HostPort.parse(gcs.group(1)));
          } catch (IllegalArgumentException e) {
            continue; // A Ray of another kind.
          }
        }
        Matcher address = ADDRESS.matcher(line);
        if (address.find()) {
          addresses.add(address.group(1));
        }
      }
      found = new Found(clusters, addresses, System.nanoTime());
    }
    return found;
  }

  /** Anybody may run a program of that name: only our own and root's say where we go. */
  private static boolean isTrusted(ProcessHandle process) {
    String user = process.info().user().orElse("");
    return user.equals("root") || user.equals(System.getProperty("user.name"));
  }

  private static String commandLine(long pid) {
    try {
      return Files.readString(
          Path.of("/proc", Long.toString(pid), "cmdline"), StandardCharsets.ISO_8859_1);
    } catch (IOException e) {
      return "";
    }
  }
}
