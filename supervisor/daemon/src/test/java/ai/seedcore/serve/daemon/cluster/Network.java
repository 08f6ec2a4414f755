package ai.seedcore.serve.daemon.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * Two hosts on one machine, each a network namespace of its own, on a bridge that the tests reach,
 * too: one for the head, one for the daemon.
 */
final class Network implements AutoCloseable {

  static final String HEAD = "10.201.7.1";
  static final String NEW_HEAD = "10.201.7.3";
  static final String DAEMON = "10.201.7.2";
  private static final String TESTS = "10.201.7.254";
  private static final String BRIDGE = "sc-tests";
  private static final String HEAD_HOST = "sc-head";
  private static final String DAEMON_HOST = "sc-daemon";
  private static final Path HOSTS = Path.of("/etc/netns", DAEMON_HOST, "hosts");

  private final Path tools;

  /** Makes them; what an earlier run left behind is removed first. */
  Network() {
    this.tools = Path.of(System.getProperty("seedcore.tools", "target/tools"));
    close();
    try {
      Files.createDirectories(HOSTS.getParent());
      Files.writeString(HOSTS, "127.0.0.1 localhost\n");
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
    Machine.run("ip", "link", "add", BRIDGE, "type", "bridge");
    Machine.run("ip", "address", "add", TESTS + "/24", "dev", BRIDGE);
    Machine.run("ip", "link", "set", BRIDGE, "up");
    host(HEAD_HOST, HEAD);
    host(DAEMON_HOST, DAEMON);
    Machine.run("ip", "-n", HEAD_HOST, "address", "add", NEW_HEAD + "/24", "dev", "eth0");
  }

  private static void host(String name, String address) {
    Machine.run("ip", "netns", "add", name);
    Machine.run("ip", "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", name);
    Machine.run("ip", "link", "set", name, "master", BRIDGE, "up");
    Machine.run("ip", "-n", name, "address", "add", address + "/24", "dev", "eth0");
    Machine.run("ip", "-n", name, "link", "set", "eth0", "up");
    Machine.run("ip", "-n", name, "link", "set", "lo", "up");
  }

  /** What a command of the head's host is an argument of. */
  static List<String> onHead() {
    return List.of("ip", "netns", "exec", HEAD_HOST);
  }

  /**
   * What a command of the daemon's host is an argument of. It has a /tmp/ray of its own: Ray's
   * nodes of two machines share none.
   */
  static List<String> onDaemon() {
    return List.of(
        "ip",
        "netns",
        "exec",
        DAEMON_HOST,
        "/bin/sh",
        "-c",
        "mkdir -p /tmp/ray && mount -t tmpfs tmpfs /tmp/ray && exec \"$0\" \"$@\"");
  }

  /** What the daemon's host says that names mean; it is read anew each time. */
  void names(String lines) {
    try {
      Files.writeString(HOSTS, "127.0.0.1 localhost\n" + lines); // In place: the file is mounted.
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Cuts the daemon's host from the head's, in both directions. */
  void cut() {
    rule("-A", "OUTPUT", "-d", HEAD, "-j", "DROP");
    rule("-A", "INPUT", "-s", HEAD, "-j", "DROP");
  }

  /** What the head's host sends does not arrive; what the daemon's host sends does. */
  void cutOneWay() {
    rule("-A", "INPUT", "-s", HEAD, "-j", "DROP");
  }

  /** Loses that share of all packets between the two, in each direction. */
  void lose(double share) {
    for (String chain : List.of("INPUT", "OUTPUT")) {
      rule(
          "-A",
          chain,
          "-m",
          "statistic",
          "--mode",
          "random",
          "--probability",
          "" + share,
          "-j",
          "DROP",
          chain.equals("INPUT") ? "-s" : "-d",
          HEAD);
    }
  }

  /** As if nothing had been. */
  void heal() {
    rule("-F");
  }

  private void rule(String... arguments) {
    String[] command = new String[arguments.length + 5];
    command[0] = "ip";
    command[1] = "netns";
    command[2] = "exec";
    command[3] = DAEMON_HOST;
    command[4] = tools.resolve("iptables").toAbsolutePath().toString();
    System.arraycopy(arguments, 0, command, 5, arguments.length);
    Machine.run(command);
  }

  @Override
  public void close() {
    for (String[] command :
        List.of( // The links by name: a namespace lives on with the last of its processes.
            new String[] {"ip", "link", "del", HEAD_HOST},
            new String[] {"ip", "link", "del", DAEMON_HOST},
            new String[] {"ip", "netns", "del", HEAD_HOST},
            new String[] {"ip", "netns", "del", DAEMON_HOST},
            new String[] {"ip", "link", "del", BRIDGE})) {
      try {
        Machine.run(command);
      } catch (IllegalStateException e) {
        assertThat(e).hasMessageContaining("annot"); // "Cannot find device", "Cannot remove": none.
      }
    }
  }
}
