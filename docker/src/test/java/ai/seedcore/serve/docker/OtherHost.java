package ai.seedcore.serve.docker;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Simulates another host with a network namespace and a veth pair. */
final class OtherHost implements AutoCloseable {

  /** The address of this machine on the simulated network. */
  static final String GATEWAY = "10.231.0.1";

  /** The address of the simulated host. */
  static final String ADDRESS = "10.231.0.2";

  private static final String NAME = "seedcore-other";

  OtherHost() {
    ip("netns", "add", NAME);
    ip("link", "add", "sc-cable", "type", "veth", "peer", "name", "eth0", "netns", NAME);
    ip("addr", "add", GATEWAY + "/24", "dev", "sc-cable");
    ip("link", "set", "sc-cable", "up");
    ip("-n", NAME, "addr", "add", ADDRESS + "/24", "dev", "eth0");
    ip("-n", NAME, "link", "set", "eth0", "up");
    ip("-n", NAME, "link", "set", "lo", "up");
    ip("-n", NAME, "route", "add", "default", "via", GATEWAY);
  }

  /** Runs a command in the network namespace. */
  Shell.Result run(Map<String, String> variables, String... command) {
    List<String> line = new ArrayList<>(List.of("nsenter", "--net=/run/netns/" + NAME, "--"));
    line.addAll(List.of(command));
    return Shell.run(variables, line.toArray(String[]::new));
  }

  /** Returns the number of its processes whose command line matches a pattern. */
  int processes(String pattern) {
    Shell.Result found =
        Shell.run(
            "bash",
            "-c",
            "ip netns pids %s | xargs -r ps -o args= -p | grep -cE '%s'".formatted(NAME, pattern));
    return Integer.parseInt(found.output().strip());
  }

  private static void ip(String... arguments) {
    List<String> command = new ArrayList<>(List.of("ip"));
    command.addAll(List.of(arguments));
    Shell.run(command.toArray(String[]::new)).orFail();
  }

  @Override
  public void close() {
    run(Map.of(), "./docker/sc-cmd.sh", "down-worker");
    Shell.run("ip", "netns", "del", NAME); // Also deletes the veth pair.
  }
}
