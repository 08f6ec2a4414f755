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

/** Finds the Ray nodes that run on this machine. */
public final class RayNodes {

  private static final Pattern GCS = Pattern.compile("\u0000--?gcs-address=([^\u0000]+)");
  private static final Pattern ADDRESS = Pattern.compile("\u0000--?node_ip_address=([^\u0000]+)");

  /** How long the result stays valid. Reading the command lines of all processes is expensive. */
  private static final long VALID_NANOS = 2_000_000_000L;

  private static @Nullable Found found;

  /**
   * The information in the raylets' command lines.
   *
   * @param clusters the GCS address of each node
   * @param addresses the addresses under which clusters know the nodes
   * @param at when they were read, as {@code System.nanoTime()}
   */
  private record Found(Set<HostPort> clusters, Set<String> addresses, long at) {}

  private RayNodes() {}

  /**
   * Returns the cluster that this machine belongs to. Ray writes it to an address file, whose path
   * depends on {@code --temp-dir} and {@code RAY_TMPDIR}. If that file does not name a cluster of a
   * running node, and all nodes here belong to one cluster, returns that cluster.
   */
  public static Optional<HostPort> currentCluster() {
    Optional<HostPort> noted = read(note());
    Set<HostPort> running = look().clusters();
    boolean other = running.size() == 1 && (noted.isEmpty() || !running.contains(noted.get()));
    return other ? running.stream().findFirst() : noted;
  }

  /**
   * Returns the addresses under which clusters know the nodes of this machine, from their command
   * lines.
   */
  public static Set<String> addresses() {
    return look().addresses();
  }

  /** Returns the path of Ray's address file of the cluster that was started last. */
  public static Path note() {
    String folder = System.getenv("RAY_TMPDIR");
    return Path.of(folder == null || folder.isBlank() ? "/tmp" : folder, "ray/ray_current_cluster");
  }

  /** Reads an address file of Ray; empty if it contains no address. */
  public static Optional<HostPort> read(Path note) {
    try {
      return Optional.of(HostPort.parse(Files.readString(note).strip()));
    } catch (IOException | IllegalArgumentException e) {
      return Optional.empty();
    }
  }

  private static synchronized Found look() {
    if (found == null || System.nanoTime() - found.at() > VALID_NANOS) {
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
            continue; // Not a Ray node of the known kind.
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

  /**
   * Returns whether to trust a process. Anybody may run a program of that name, so only those of
   * our own account and of root count.
   */
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
