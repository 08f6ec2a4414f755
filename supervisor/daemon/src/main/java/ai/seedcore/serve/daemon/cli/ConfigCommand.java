package ai.seedcore.serve.daemon.cli;

import ai.seedcore.serve.daemon.config.ConfigLoader;
import ai.seedcore.serve.daemon.config.DeclaredApplication;
import ai.seedcore.serve.daemon.config.Settings;
import java.nio.file.Path;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Checks configuration without running anything. */
@Command(
    name = "config",
    mixinStandardHelpOptions = true,
    description = "Validates configuration files.",
    synopsisSubcommandLabel = "check FILE")
final class ConfigCommand implements Runnable {

  @Spec private CommandSpec spec;

  @Override
  public void run() {
    spec.commandLine().usage(spec.commandLine().getOut());
  }

  /** Checks whether a file would be accepted. */
  @Command(
      name = "check",
      mixinStandardHelpOptions = true,
      description =
          "Validates a file. Exit code 0: it is valid; 2: it is not, and the message says why.",
      footerHeading = "%nExample:%n",
      footer = "  seedcore-serve config check deployments.yaml")
  int check(
      @Parameters(paramLabel = "FILE", description = "The YAML file to validate.") Path file) {
    Settings settings = ConfigLoader.load(file, Map.of(), Map.of());
    spec.commandLine().getOut().println(file + ": valid; deployments:");
    for (DeclaredApplication deployment : settings.deployments()) {
      spec.commandLine()
          .getOut()
          .printf(
              "  %-20s %-24s %s%n",
              deployment.name(),
              deployment.route() == null ? "(no route)" : deployment.route(),
              deployment.code());
    }
    spec.commandLine().getOut().flush();
    return 0;
  }
}
