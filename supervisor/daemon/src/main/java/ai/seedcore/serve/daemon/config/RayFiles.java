package ai.seedcore.serve.daemon.config;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/** What Ray leaves on the disk of a machine on which a node runs. */
public final class RayFiles {

  /** Where {@code ray start} writes the address of the cluster that the machine belongs to. */
  private static final Path CURRENT = Path.of("/tmp/ray/ray_current_cluster");

  private RayFiles() {}

  /** The cluster that this machine belongs to, if Ray says one. */
  public static Optional<HostPort> currentCluster() {
    try {
      return Optional.of(HostPort.parse(Files.readString(CURRENT).strip()));
    } catch (IOException | IllegalArgumentException e) {
      return Optional.empty();
    }
  }
}
