package ai.seedcore.serve.daemon.cluster;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;

/**
 * What some rows need beside Ray: {@code ./seedcore faults} installs it where it can. Where one is
 * missing, the rows that need it are passed over, and say so.
 */
final class Tools {

  private Tools() {}

  /** The path of a tool. */
  static String path(String name) {
    Path file = Path.of(System.getProperty("seedcore.tools", "target/tools"), name);
    assumeTrue(
        Files.exists(file),
        "this row needs %s, which could not be installed: see 'seedcore faults --help'"
            .formatted(file));
    return file.toAbsolutePath().toString();
  }

  /** Goes on only where network namespaces can be made. */
  static void needNamespaces() {
    boolean root = System.getProperty("user.name").equals("root");
    assumeTrue(
        root && (Files.exists(Path.of("/usr/sbin/ip")) || Files.exists(Path.of("/sbin/ip"))),
        "this row makes network namespaces: it needs root and iproute2");
  }
}
