package ai.seedcore.serve.cai;

import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** The command {@code cai}, which manages a Ray cluster of Cloudera AI applications. */
@Command(
    name = "cai",
    mixinStandardHelpOptions = true,
    description = "Manages a Ray cluster of Cloudera AI applications: head, workers, and daemon.",
    subcommands = {
      CaiCommand.Setup.class,
      CaiCommand.Launchers.class,
      CaiCommand.Launch.class,
      CaiCommand.Status.class,
      CaiCommand.Stop.class
    },
    footerHeading = "%nExamples:%n",
    footer = {
      "  export CML_HOST=https://ml-1234.cloudera.site CML_API_KEY=...",
      "  GITHUB_REPOSITORY=owner/name seedcore-serve cai setup",
      "  CDSW_PROJECT_ID=... seedcore-serve cai launch --num-workers 2 --cpu 4 --memory 16",
      "  seedcore-serve cai status",
      "  seedcore-serve cai stop --delete",
    })
public final class CaiCommand implements Callable<Integer> {

  private static final int USAGE = 2;
  private static final int NOT_READY = 3;
  private static final String RAY_VERSION = "2.60.0";
  private static final int MAX_WORKERS = 1000;
  private static final long MAX_FIRST_PAUSE_MS = 1_000;

  /** The value of the script options that stands for a plain {@code ray start} command. */
  private static final String INLINE = "inline";

  /** The size of the daemon's application. */
  private static final Cluster.Size DAEMON_SIZE = new Cluster.Size(1, 2);

  private final Map<String, String> environment;
  private final @Nullable Path jar;

  @Spec private CommandSpec spec;

  /** Creates the command with this process's environment and jar. */
  public CaiCommand() {
    this(System.getenv(), null);
  }

  CaiCommand(Map<String, String> environment, @Nullable Path jar) {
    this.environment = environment;
    this.jar = jar;
  }

  /** Returns the value of the first variable that is not blank, or null. */
  private @Nullable String variable(String... names) {
    for (String name : names) {
      String value = environment.getOrDefault(name, "").strip();
      if (!value.isEmpty()) {
        return value;
      }
    }
    return null;
  }

  @Override
  public Integer call() {
    spec.commandLine().usage(spec.commandLine().getErr());
    return USAGE;
  }

  private PrintWriter out() {
    return spec.root().commandLine().getOut();
  }

  private interface Work {
    int run() throws IOException;
  }

  /** Runs a command and prints an API error. The exit code says whether a retry may succeed. */
  private int guarded(Work work) throws IOException {
    try {
      return work.run();
    } catch (CmlException e) {
      out().flush();
      spec.root().commandLine().getErr().println("seedcore-serve: " + e.getMessage());
      return e.transientError() ? NOT_READY : USAGE;
    } finally {
      out().flush();
    }
  }

  private void print(String text) {
    out().println(text);
    out().flush();
  }

  /** The options for access to the workbench. */
  static final class Access {

    @Spec(Spec.Target.MIXEE)
    private CommandSpec spec;

    @Option(
        names = "--host",
        paramLabel = "URL",
        description =
            "The URL of the workbench. Default: CML_HOST, or CDSW_DOMAIN inside a workbench.")
    private @Nullable String host;

    @Option(
        names = "--project",
        paramLabel = "ID",
        description = "The id of the project. Default: CDSW_PROJECT_ID.")
    private @Nullable String project;

    @Option(
        names = "--name",
        paramLabel = "NAME",
        defaultValue = "seedcore",
        description = "The prefix of the applications' names. Default: seedcore.")
    private String name;

    @Option(
        names = "--timeout",
        paramLabel = "SECONDS",
        defaultValue = "900",
        description = "How long to wait for the workbench, in seconds. Default: 900.")
    private int timeout;

    @Option(names = "--poll", hidden = true, defaultValue = "2000")
    private int pollMillis;

    private CmlApi api(CaiCommand cai) {
      if (!name.matches("[a-z]([a-z0-9-]{0,28}[a-z0-9])?") || name.contains("--")) {
        throw usage(
            "--name: found '%s', expected at most 30 lower-case letters, digits and single hyphens"
                .formatted(name));
      }
      if (timeout < 1) {
        throw usage("--timeout: found %d, expected 1 or more".formatted(timeout));
      }
      // Not an option, because all users of a machine can read command lines.
      String key = cai.variable("CML_API_KEY", "CDSW_APIV2_KEY");
      if (key == null) {
        throw usage("CML_API_KEY: found nothing, expected an API v2 key of the workbench");
      }
      if (!key.matches("[!-~]+")) {
        throw usage("CML_API_KEY: found an invalid character, expected the key as it was issued");
      }
      return new CmlApi(
          uri(cai), key, Duration.ofMillis(Math.min(MAX_FIRST_PAUSE_MS, pollMillis)), cai::print);
    }

    private URI uri(CaiCommand cai) {
      String given = host == null ? cai.variable("CML_HOST", "CDSW_DOMAIN") : host.strip();
      String text = given == null ? "" : given.replaceFirst("/+$", "");
      try {
        URI uri = new URI(text.contains("://") ? text : "https://" + text);
        boolean secure = "https".equals(uri.getScheme());
        boolean loopback = "http".equals(uri.getScheme()) && "127.0.0.1".equals(uri.getHost());
        if (!text.isEmpty() && uri.getHost() != null && (secure || loopback)) {
          return new URI(uri.getScheme(), uri.getAuthority(), null, null, null);
        }
      } catch (URISyntaxException e) {
        // Same error as for a URL without a host.
      }
      throw usage(
          "--host: found '%s', expected the workbench's URL, such as https://ml-1234.cloudera.site (or CML_HOST)"
              .formatted(text));
    }

    private @Nullable String projectOrNone(CaiCommand cai) {
      return project == null || project.isBlank()
          ? cai.variable("CDSW_PROJECT_ID")
          : project.strip();
    }

    private String project(CaiCommand cai) {
      String found = projectOrNone(cai);
      if (found != null && !found.matches("[A-Za-z0-9_-]+")) {
        throw usage("--project: found '%s', expected a project id".formatted(found));
      }
      if (found == null) {
        throw usage(
            "--project: found nothing, expected the project id (or CDSW_PROJECT_ID); 'cai setup' prints it");
      }
      return found;
    }

    private ClusterManager manager(CaiCommand cai) {
      return new ClusterManager(
          api(cai),
          project(cai),
          Duration.ofMillis(pollMillis),
          Duration.ofSeconds(timeout),
          cai::print);
    }

    private ProjectSetup setup(CmlApi api, Consumer<String> output) {
      return new ProjectSetup(
          api, Duration.ofMillis(pollMillis), Duration.ofSeconds(timeout), output);
    }

    private ParameterException usage(String message) {
      return new ParameterException(spec.commandLine(), message);
    }
  }

  /** The options for the files that the applications run. */
  static final class Program {
    @Option(
        names = "--ray-version",
        paramLabel = "VERSION",
        defaultValue = RAY_VERSION,
        description = "The Ray version in the project's environment. Default: " + RAY_VERSION + ".")
    private String rayVersion;

    private ProjectFiles files(CaiCommand cai) throws IOException {
      String options = "";
      try (InputStream content = CaiCommand.class.getResourceAsStream("/jvm.options")) {
        if (content != null) {
          options = new String(content.readAllBytes(), StandardCharsets.UTF_8);
        }
      }
      return new ProjectFiles(cai.jar == null ? jar() : cai.jar, options, rayVersion);
    }

    private static Path jar() {
      try {
        Path location =
            Path.of(CaiCommand.class.getProtectionDomain().getCodeSource().getLocation().toURI());
        if (Files.isRegularFile(location)) {
          return location;
        }
      } catch (URISyntaxException e) {
        throw new IllegalStateException(e);
      }
      throw new CmlException(400, "this command must run from the jar, because it uploads the jar");
    }
  }

  @Command(
      name = "setup",
      mixinStandardHelpOptions = true,
      description = {
        "Creates the project if it does not exist, uploads the launchers, and runs a job that installs Ray",
        "and a Java runtime in /home/cdsw/.venv. If repeated, it does only what is missing."
      })
  static final class Setup implements Callable<Integer> {
    @Mixin private Access access;
    @Mixin private Program program;
    @ParentCommand private CaiCommand cai;

    @Option(
        names = "--repository",
        paramLabel = "OWNER/NAME",
        description =
            "The repository that a new project is cloned from. Default: GITHUB_REPOSITORY.")
    private @Nullable String repository;

    @Option(
        names = "--runtime-identifier",
        paramLabel = "IMAGE",
        description = "The job's runtime image. Default: the newest PBJ Workbench, Python 3.11.")
    private @Nullable String runtime;

    @Override
    public Integer call() throws IOException {
      CmlApi api = access.api(cai);
      return cai.guarded(
          () -> {
            ProjectSetup setup = access.setup(api, cai::print);
            String project =
                setup.project(
                    access.projectOrNone(cai),
                    repository == null ? cai.variable("GITHUB_REPOSITORY") : repository);
            setup.environment(
                project, program.files(cai), access.name + "-setup", setup.runtime(runtime));
            cai.out()
                .println("ready; before the next commands, run: export CDSW_PROJECT_ID=" + project);
            return 0;
          });
    }
  }

  @Command(
      name = "launchers",
      mixinStandardHelpOptions = true,
      description =
          "Writes the launchers into the directory of the current project. Does not use the API.")
  static final class Launchers implements Callable<Integer> {
    @Mixin private Program program;
    @ParentCommand private CaiCommand cai;

    @Option(
        names = "--home",
        paramLabel = "FOLDER",
        defaultValue = "/home/cdsw",
        description = "The project's directory. Default: /home/cdsw.")
    private Path home;

    @Override
    public Integer call() throws IOException {
      return cai.guarded(
          () -> {
            if (!Files.isDirectory(home)) {
              throw new CmlException(
                  400,
                  "--home: found no directory %s, expected a project's directory; outside a project, 'cai setup' uploads the files"
                      .formatted(home));
            }
            program.files(cai).write(home, cai::print);
            return 0;
          });
    }
  }

  @Command(
      name = "launch",
      mixinStandardHelpOptions = true,
      description = {
        "Creates, changes, starts or removes applications until they match the options, and waits until",
        "they run. Does not touch applications that match. After a failure, the same command continues."
      })
  static final class Launch implements Callable<Integer> {
    @Mixin private Access access;
    @Mixin private Program program;
    @ParentCommand private CaiCommand cai;

    @Option(
        names = "--num-workers",
        paramLabel = "N",
        defaultValue = "1",
        description = "The number of workers. Default: 1.")
    private int workers;

    @Option(
        names = "--cpu",
        paramLabel = "N",
        defaultValue = "2",
        description = "The number of CPUs of the head and of each worker. Default: 2.")
    private double cpu;

    @Option(
        names = "--memory",
        paramLabel = "GB",
        defaultValue = "8",
        description = "The memory of the head and of each worker, in GB. Default: 8.")
    private double memory;

    @Option(
        names = "--head-cpu",
        paramLabel = "N",
        description = "The number of CPUs of the head. Default: --cpu.")
    private @Nullable Double headCpu;

    @Option(
        names = "--head-memory",
        paramLabel = "GB",
        description = "The memory of the head, in GB. Default: --memory.")
    private @Nullable Double headMemory;

    @Option(
        names = "--runtime-identifier",
        paramLabel = "IMAGE",
        description =
            "The runtime image. Default: the cluster's image, or the newest PBJ Workbench with Python 3.11.")
    private @Nullable String runtime;

    @Option(
        names = "--head-script",
        paramLabel = "FILE",
        defaultValue = ProjectFiles.HEAD,
        description =
            "The project file that the head runs, or 'inline' for a plain 'ray start'. Default: ${DEFAULT-VALUE}.")
    private String headScript;

    @Option(
        names = "--worker-script",
        paramLabel = "FILE",
        defaultValue = ProjectFiles.WORKER,
        description =
            "The project file that a worker runs, or 'inline' for a plain 'ray start'. Default: ${DEFAULT-VALUE}.")
    private String workerScript;

    @Option(
        names = "--head-address",
        paramLabel = "HOST:PORT",
        description =
            "The address of the head. Required for 'inline'. Default: the address that the head publishes.")
    private @Nullable String headAddress;

    @Option(
        names = "--environment",
        paramLabel = "NAME=VALUE",
        description = "An environment variable for all applications. May be repeated.")
    private Map<String, String> environment = new TreeMap<>();

    @Override
    public Integer call() throws IOException {
      if (workers < 0 || workers > MAX_WORKERS) {
        throw access.usage(
            "--num-workers: found %d, expected 0 to %d".formatted(workers, MAX_WORKERS));
      }
      double hCpu = headCpu == null ? cpu : headCpu;
      double hMemory = headMemory == null ? memory : headMemory;
      if (!(cpu > 0) || !(memory > 0) || !(hCpu > 0) || !(hMemory > 0)) {
        throw access.usage("--cpu, --memory: expected numbers greater than 0");
      }
      if (headAddress != null && !headAddress.matches("[^\\s:]+:[0-9]{1,5}")) {
        throw access.usage("--head-address: found '%s', expected HOST:PORT".formatted(headAddress));
      }
      if (headScript.equals(INLINE) && headAddress == null) {
        throw access.usage("--head-script: inline requires --head-address HOST:PORT");
      }
      if (workerScript.equals(INLINE) && headAddress == null && workers > 0) {
        throw access.usage("--worker-script: inline requires --head-address HOST:PORT");
      }
      CmlApi api = access.api(cai);
      String project = access.project(cai);
      return cai.guarded(() -> launch(api, project, hCpu, hMemory));
    }

    private int launch(CmlApi api, String project, double hCpu, double hMemory) throws IOException {
      ClusterManager manager = access.manager(cai);
      ProjectFiles files = program.files(cai);
      files.upload(api, project, cai::print);
      Map<String, String> variables = new TreeMap<>(environment);
      if (headAddress != null) {
        variables.put("RAY_HEAD_ADDRESS", headAddress);
      }
      List<Application> before = manager.list(access.name);
      String image =
          runtime == null && !before.isEmpty() && before.get(0).runtimeIdentifier() != null
              ? before.get(0).runtimeIdentifier()
              : access.setup(api, cai::print).runtime(runtime);
      Cluster cluster =
          new Cluster(
              access.name,
              workers,
              new Cluster.Size(hCpu, hMemory),
              new Cluster.Size(cpu, memory),
              DAEMON_SIZE,
              image,
              new Cluster.Scripts(
                  headScript.equals(INLINE)
                      ? "ray start --head --port 6379 --dashboard-host 0.0.0.0 --dashboard-port 8265 --block"
                      : headScript,
                  workerScript.equals(INLINE)
                      ? "ray start --address=" + headAddress + " --block"
                      : workerScript,
                  ProjectFiles.SERVE),
              files.jarName(),
              variables);
      print(cai, access, manager.launch(cluster));
      return 0;
    }
  }

  @Command(
      name = "status",
      mixinStandardHelpOptions = true,
      description =
          "Lists the cluster's applications. Exit code: 0 if all of them run, otherwise 3.")
  static final class Status implements Callable<Integer> {
    @Mixin private Access access;
    @ParentCommand private CaiCommand cai;

    @Override
    public Integer call() throws IOException {
      ClusterManager manager = access.manager(cai);
      return cai.guarded(
          () -> {
            List<Application> all = manager.list(access.name);
            print(cai, access, all);
            return !all.isEmpty()
                    && all.stream().allMatch(a -> a.state() == Application.State.RUNNING)
                ? 0
                : NOT_READY;
          });
    }
  }

  @Command(
      name = "stop",
      mixinStandardHelpOptions = true,
      description = "Stops the cluster's applications, the daemon first and the head last.")
  static final class Stop implements Callable<Integer> {
    @Mixin private Access access;
    @ParentCommand private CaiCommand cai;

    @Option(names = "--delete", description = "Also delete the applications.")
    private boolean delete;

    @Override
    public Integer call() throws IOException {
      ClusterManager manager = access.manager(cai);
      return cai.guarded(
          () -> {
            manager.stop(access.name, delete);
            return 0;
          });
    }
  }

  private static void print(CaiCommand cai, Access access, List<Application> all) {
    PrintWriter out = cai.out();
    if (all.isEmpty()) {
      out.println(
          "found no applications with the prefix %s; 'cai launch' creates them"
              .formatted(access.name));
    }
    String domain = access.uri(cai).getAuthority();
    for (Application each : all) {
      out.printf(
          "%-24s %-9s https://%s.%s%n",
          each.name(), each.state().name().toLowerCase(Locale.ROOT), each.subdomain(), domain);
    }
  }
}
