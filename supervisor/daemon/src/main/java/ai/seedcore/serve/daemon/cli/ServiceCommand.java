package ai.seedcore.serve.daemon.cli;

import ai.seedcore.serve.base.ConfigException;
import ai.seedcore.serve.daemon.host.Installation;
import ai.seedcore.serve.daemon.node.RayInstall;
import java.io.IOException;
import java.io.PrintWriter;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.AutoComplete;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** Installs the daemon as a systemd service of this host, or removes it. */
@Command(
    name = "service",
    mixinStandardHelpOptions = true,
    description = "Installs the daemon as a systemd service of this host, or removes it.",
    subcommands = {
      ServiceCommand.Install.class,
      ServiceCommand.Uninstall.class,
      ServiceCommand.Unit.class
    },
    footerHeading = "%nExamples:%n",
    footer = {
      "  sudo java -jar seedcore-serve.jar service install --ray /opt/ray/bin/ray",
      "  journalctl -u seedcore-serve -f",
      "  sudo seedcore-serve service uninstall",
    })
final class ServiceCommand implements Callable<Integer> {

  private static final Path BOOTED_BY_SYSTEMD = Path.of("/run/systemd/system");

  /** How long a new daemon takes to start and to take over. */
  private static final Duration REPLACED_WITHIN = Duration.ofSeconds(60);

  private static final Path SESSION = Path.of("/tmp/ray/session_latest");

  @Spec private CommandSpec spec;

  @Override
  public Integer call() {
    spec.commandLine().usage(spec.commandLine().getErr());
    return SeedCore.CONFIGURATION;
  }

  /** The option for the root folder of the installation. */
  static final class Root {
    @Option(
        names = "--root",
        paramLabel = "FOLDER",
        defaultValue = "/",
        description =
            "The directory that all paths are relative to, to build a package. Default: /.")
    Path path;

    private boolean isThisHost() {
      return path.normalize().equals(Path.of("/"));
    }
  }

  /** The option for the account that runs Ray. */
  static final class User {
    @Option(
        names = "--user",
        paramLabel = "NAME",
        description =
            "The user to run as: the one that runs Ray here. Default: the owner of the session in"
                + " /tmp/ray, else the caller of sudo.")
    private @Nullable String name;

    private String find() throws IOException {
      if (name != null) {
        if (!name.matches("[A-Za-z_][A-Za-z0-9_.-]*[$]?")) {
          throw new ConfigException("--user: found '%s', expected a user name".formatted(name));
        }
        return name;
      }
      if (Files.exists(SESSION)) {
        return Files.getOwner(SESSION).getName();
      }
      String caller = System.getenv("SUDO_USER");
      if (caller == null || caller.isEmpty()) {
        throw new ConfigException(
            "--user: found no Ray node on this host, expected the name of the user that runs Ray"
                + " here");
      }
      return caller;
    }
  }

  @Command(
      name = "install",
      mixinStandardHelpOptions = true,
      description = {
        "Installs the program, its unit, its bash completion and, unless it exists, its",
        "configuration in /etc/seedcore; then starts the service. If repeated, upgrades it to this version."
      })
  static final class Install implements Callable<Integer> {

    @Mixin private Root root;
    @Mixin private User user;

    @Option(
        names = "--ray",
        paramLabel = "FILE",
        description = "The 'ray' command of the installation to use. Default: the first one found.")
    private @Nullable Path ray;

    @Option(names = "--no-start", description = "Write the files, but do not start the service.")
    private boolean noStart;

    @ParentCommand private ServiceCommand service;

    @Override
    public Integer call() throws IOException, InterruptedException {
      PrintWriter out = service.spec.commandLine().getOut();
      String runner = user.find();
      RayInstall found = RayInstall.find(ray);
      Path java = Path.of(System.getProperty("java.home"), "bin", "java");
      String completion = AutoComplete.bash("seedcore-serve", service.spec.root().commandLine());
      try {
        new Installation(root.path)
            .install(jar(), java, runner, List.of("SEEDCORE_RAY=" + found.command()), completion)
            .forEach(file -> out.println("wrote " + file));
      } catch (AccessDeniedException e) {
        throw new ConfigException(
            "cannot write %s, expected root privileges (sudo)".formatted(e.getFile()));
      }
      if (!root.isThisHost() || noStart || !Files.isDirectory(BOOTED_BY_SYSTEMD)) {
        out.println(
            "To start it: systemctl daemon-reload && systemctl enable --now seedcore-serve");
        return 0;
      }
      boolean loaded = systemctl("daemon-reload") && systemctl("enable", "seedcore-serve");
      if (loaded && replaced()) {
        out.println("replaced the daemon, without refusing a connection");
        return 0;
      }
      return loaded && systemctl("restart", "seedcore-serve") ? 0 : 1;
    }

    /** Lets a new process take the place of a running one. Returns whether it did. */
    private static boolean replaced() throws IOException, InterruptedException {
      String before = mainPid();
      if (before.equals("0") || !systemctl("reload", "seedcore-serve")) {
        return false;
      }
      long end = System.nanoTime() + REPLACED_WITHIN.toNanos();
      while (mainPid().equals(before) && System.nanoTime() < end) {
        Thread.sleep(200);
      }
      return !Set.of(before, "0").contains(mainPid());
    }

    /** Returns the service's process id; 0 if it does not run. */
    private static String mainPid() throws IOException {
      Process show =
          new ProcessBuilder("systemctl", "show", "-p", "MainPID", "--value", "seedcore-serve")
              .redirectErrorStream(true)
              .start();
      try (var output = show.getInputStream()) {
        return new String(output.readAllBytes(), StandardCharsets.UTF_8).strip();
      }
    }

    private static Path jar() {
      try {
        Path here =
            Path.of(
                ServiceCommand.class.getProtectionDomain().getCodeSource().getLocation().toURI());
        if (Files.isRegularFile(here)) {
          return here;
        }
      } catch (URISyntaxException e) {
        throw new IllegalStateException(e);
      }
      throw new ConfigException("this command must run from the jar, because it installs the jar");
    }
  }

  @Command(
      name = "uninstall",
      mixinStandardHelpOptions = true,
      description = "Stops the service and removes its files, except /etc/seedcore.")
  static final class Uninstall implements Callable<Integer> {

    @Mixin private Root root;
    @ParentCommand private ServiceCommand service;

    @Override
    public Integer call() throws IOException, InterruptedException {
      PrintWriter out = service.spec.commandLine().getOut();
      boolean live = root.isThisHost() && Files.isDirectory(BOOTED_BY_SYSTEMD);
      if (live) {
        systemctl("disable", "--now", "seedcore-serve");
      }
      try {
        List<Path> removed = new Installation(root.path).uninstall();
        removed.forEach(file -> out.println("removed " + file));
        out.println(
            removed.isEmpty() ? "nothing was installed" : "kept: your files in /etc/seedcore");
      } catch (AccessDeniedException e) {
        throw new ConfigException(
            "cannot remove %s, expected root privileges (sudo)".formatted(e.getFile()));
      }
      return live && !systemctl("daemon-reload") ? 1 : 0;
    }
  }

  @Command(
      name = "unit",
      mixinStandardHelpOptions = true,
      description = "Prints the unit that 'install' would write.")
  static final class Unit implements Callable<Integer> {

    @Mixin private User user;
    @ParentCommand private ServiceCommand service;

    @Override
    public Integer call() throws IOException {
      service.spec.commandLine().getOut().print(Installation.unit(user.find()));
      service.spec.commandLine().getOut().flush();
      return 0;
    }
  }

  private static boolean systemctl(String... arguments) throws IOException, InterruptedException {
    List<String> command = new ArrayList<>(List.of("systemctl"));
    command.addAll(List.of(arguments));
    return new ProcessBuilder(command).inheritIO().start().waitFor() == 0;
  }
}
