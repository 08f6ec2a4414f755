package ai.seedcore.serve.daemon.cli;

import ai.seedcore.serve.base.HostPort;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Waits until a head's port accepts connections, then runs a command. */
@Command(
    name = "wait-for-head",
    mixinStandardHelpOptions = true,
    description = {
      "Waits until HOST:PORT accepts connections, then runs COMMAND and exits with its exit code.",
      "Exit code 3: it was not reachable within the time limit."
    },
    footerHeading = "%nExamples:%n",
    footer = {
      "  seedcore-serve wait-for-head head:6380 -- ray start --address=head:6380 --block",
      "  seedcore-serve wait-for-head head:6380 --timeout 30"
    })
final class WaitForHeadCommand implements Callable<Integer> {

  @Parameters(index = "0", paramLabel = "HOST:PORT", description = "The address of the head's GCS.")
  private String address;

  @Parameters(
      index = "1..*",
      arity = "0..*",
      paramLabel = "COMMAND",
      description = "The command to run then.")
  private List<String> command = List.of();

  @Option(
      names = "--timeout",
      paramLabel = "SECONDS",
      defaultValue = "120",
      description = "How long to wait, in seconds. Default: 120; 0: without a limit.")
  private double timeout;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() throws InterruptedException {
    HostPort head;
    try {
      head = HostPort.parse(address);
    } catch (IllegalArgumentException e) {
      return complain("HOST:PORT: " + e.getMessage());
    }
    if (!(timeout >= 0) || timeout > 1e9) {
      return complain("--timeout: found %s, expected seconds, 0 or more".formatted(timeout));
    }
    say("waiting for %s ...".formatted(head));
    Instant start = Instant.now();
    Instant told = start;
    Optional<String> obstacle = connect(head);
    while (obstacle.isPresent()) {
      Instant now = Instant.now();
      Duration waited = Duration.between(start, now);
      if (timeout > 0 && waited.toMillis() >= timeout * 1000) {
        say("%s was not reachable within %s s: it %s".formatted(head, timeout, obstacle.get()));
        return SeedCore.NOT_READY;
      }
      if (Duration.between(told, now).toSeconds() >= 10) {
        told = now;
        say(
            "still waiting for %s after %d s: it %s"
                .formatted(head, waited.toSeconds(), obstacle.get()));
      }
      TimeUnit.MILLISECONDS.sleep(200);
      obstacle = connect(head);
    }
    if (command.isEmpty()) {
      say("%s is reachable".formatted(head));
      return 0;
    }
    say("%s is reachable, launching: %s".formatted(head, String.join(" ", command)));
    return run();
  }

  /**
   * Runs the command with our standard streams, forwards SIGTERM and SIGINT, and returns its exit
   * code. Java cannot replace its own process.
   */
  private int run() throws InterruptedException {
    try {
      Process process = new ProcessBuilder(command).inheritIO().start();
      Runtime.getRuntime().addShutdownHook(new Thread(() -> end(process)));
      return process.waitFor();
    } catch (IOException e) {
      return complain("COMMAND: " + e.getMessage());
    }
  }

  /** Forwards the signal, and waits until the command has ended. */
  private static void end(Process process) {
    process.destroy();
    try {
      process.waitFor();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Tries to connect to the head. Returns why that failed; empty if it succeeded. */
  private static Optional<String> connect(HostPort head) {
    try (Socket socket = new Socket()) {
      InetSocketAddress address = new InetSocketAddress(head.host(), head.port());
      if (address.isUnresolved()) {
        return Optional.of("has a name that does not resolve");
      }
      socket.connect(address, 2_000);
      return Optional.empty();
    } catch (IOException e) {
      return Optional.of("does not accept connections (%s)".formatted(e.getMessage()));
    }
  }

  private void say(String message) {
    spec.commandLine().getErr().println("[wait-for-head] " + message);
  }

  private int complain(String message) {
    spec.commandLine().getErr().println("seedcore-serve: " + message);
    return SeedCore.CONFIGURATION;
  }
}
