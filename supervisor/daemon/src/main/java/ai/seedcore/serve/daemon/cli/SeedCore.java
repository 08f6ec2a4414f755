package ai.seedcore.serve.daemon.cli;

import ai.seedcore.serve.base.ConfigException;
import ai.seedcore.serve.cai.CaiCommand;
import ai.seedcore.serve.daemon.host.Version;
import java.security.Security;
import picocli.AutoComplete;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.IVersionProvider;

/** The main class of the program. */
@Command(
    name = "seedcore-serve",
    mixinStandardHelpOptions = true,
    versionProvider = SeedCore.VersionProvider.class,
    description =
        "Keeps Ray Serve's Java deployments available across every restart of the cluster.",
    subcommands = {
      RunCommand.class,
      StatusCommand.class,
      TryCommand.class,
      WaitForHeadCommand.class,
      ConfigCommand.class,
      ServiceCommand.class,
      CaiCommand.class,
      AutoComplete.GenerateCompletion.class
    },
    footerHeading = "%nExamples:%n",
    footer = {
      "  seedcore-serve run --local                      start a head on this machine",
      "  seedcore-serve run                              use this machine's Ray node",
      "  seedcore-serve run --address head:6380 --join   start a node in a container",
      "  seedcore-serve status                           show the daemon's state",
      "  seedcore-serve try SalienceScorer               send an example",
    },
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {
      "0:success",
      "1:internal error; please report the output",
      "2:invalid flags or configuration; the message names the field",
      "3:status: not ready; wait-for-head: the head did not come up in time; try: no response",
      "130:ended by SIGINT (Ctrl-C)",
      "143:ended by SIGTERM"
    })
public final class SeedCore {

  /** The exit code for invalid flags or configuration. */
  static final int CONFIGURATION = 2;

  /** The exit code if something does not exist or is not ready yet. */
  static final int NOT_READY = 3;

  /** The program's entry point. */
  public static void main(String[] arguments) {
    // Do not load Netty's events for Java Flight Recorder at the start. Nobody uses them here.
    System.setProperty("io.netty.jfr.enabled", "false");
    // Netty would look for a hardware address, and complain where only the loopback interface is.
    System.setProperty("io.netty.machineId", "00:00:00:00:00:00");
    // A head that comes back may have another address, so resolve names each time.
    Security.setProperty("networkaddress.cache.ttl", "0");
    Security.setProperty("networkaddress.cache.negative.ttl", "0");
    System.exit(commandLine().execute(arguments));
  }

  static CommandLine commandLine() {
    CommandLine line = new CommandLine(new SeedCore());
    line.setExecutionExceptionHandler(
        (exception, failed, parsed) -> {
          if (exception instanceof ConfigException) {
            failed.getErr().println("seedcore-serve: " + exception.getMessage());
            return CONFIGURATION;
          }
          failed.getErr().println("seedcore-serve: internal error: " + exception);
          exception.printStackTrace(failed.getErr());
          return 1;
        });
    return line;
  }

  /** Reads the version from the jar's manifest. */
  static final class VersionProvider implements IVersionProvider {
    @Override
    public String[] getVersion() {
      return new String[] {"seedcore-serve " + Version.current()};
    }
  }
}
