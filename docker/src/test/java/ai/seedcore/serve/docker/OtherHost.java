package ai.seedcore.serve.docker;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Another host, as far as a network goes: a network namespace and a cable to it. */
final class OtherHost implements AutoCloseable {

  /** The address that it reaches this machine at. */
  static final String GATEWAY = "10.231.0.1";

  /** Its own address. */
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

  /** Runs a command there. */
  Shell.Result run(Map<String, String> variables, String... command) {
    List<String> there = new ArrayList<>(List.of("nsenter", "--net=/run/netns/" + NAME, "--"));
    there.addAll(List.of(command));
    return Shell.run(variables, there.toArray(String[]::new));
  }

  /** How many of its processes have a command line that matches. */
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
    Shell.run("ip", "netns", "del", NAME); // The cable goes with it.
  }
}
