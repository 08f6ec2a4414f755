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

/** A Ray cluster of Cloudera AI's applications. */
@Command(
    name = "cai",
    mixinStandardHelpOptions = true,
    description = "A Ray cluster of Cloudera AI's applications: a head, workers, the daemon.",
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
      "  GITHUB_REPOSITORY=owner/name seedcore-serve cai setup      a project and its environment",
      "  CDSW_PROJECT_ID=... seedcore-serve cai launch --num-workers 2 --cpu 4 --memory 16",
      "  seedcore-serve cai status",
      "  seedcore-serve cai stop --delete",
    })
public final class CaiCommand implements Callable<Integer> {

  private static final int USAGE = 2;
  private static final int NOT_READY = 3;
  private static final String RAY = "2.39.0";

  private final Map<String, String> environment;
  private final @Nullable Path jar;

  @Spec private CommandSpec spec;

  /** The command of this process's environment and jar. */
  public CaiCommand() {
    this(System.getenv(), null);
  }

  CaiCommand(Map<String, String> environment, @Nullable Path jar) {
    this.environment = environment;
    this.jar = jar;
  }

  /** The first of these variables that says something. */
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

  /** What the workbench refuses is a mistake of the caller's; what it does not do may pass. */
  private int guarded(Work work) throws IOException {
    try {
      return work.run();
    } catch (CmlException e) {
      out().flush();
      spec.root().commandLine().getErr().println("seedcore-serve: " + e.getMessage());
      return e.passing() ? NOT_READY : USAGE;
    } finally {
      out().flush();
    }
  }

  private void say(String text) {
    out().println(text);
    out().flush();
  }

  /** The way to the workbench. */
  static final class Access {

    @Spec(Spec.Target.MIXEE)
    private CommandSpec spec;

    @Option(
        names = "--host",
        paramLabel = "URL",
        description = "The workbench, also CML_HOST; inside of one CDSW_DOMAIN is.")
    private @Nullable String host;

    @Option(
        names = "--project",
        paramLabel = "ID",
        description = "The project, also CDSW_PROJECT_ID.")
    private @Nullable String project;

    @Option(
        names = "--name",
        paramLabel = "NAME",
        defaultValue = "seedcore",
        description = "What the names of the cluster's applications begin with. Default: seedcore.")
    private String name;

    @Option(
        names = "--timeout",
        paramLabel = "SECONDS",
        defaultValue = "900",
        description = "How long to wait for the workbench. Default: 900.")
    private int timeout;

    @Option(names = "--poll", hidden = true, defaultValue = "2000")
    private int pollMillis;

    private CmlApi api(CaiCommand cai) {
      if (!name.matches("[a-z]([a-z0-9-]{0,28}[a-z0-9])?") || name.contains("--")) {
        throw usage(
            "--name: found '%s', expected lower-case letters, digits and single hyphens, 30 at most"
                .formatted(name));
      }
      if (timeout < 1) {
        throw usage("--timeout: found %d, expected 1 or more".formatted(timeout));
      }
      // Not an option: what stands on a command line can be read by all of the machine.
      String key = cai.variable("CML_API_KEY", "CDSW_APIV2_KEY");
      if (key == null) {
        throw usage("CML_API_KEY: found nothing, expected an API v2 key of the workbench");
      }
      if (!key.matches("[!-~]+")) {
        throw usage("CML_API_KEY: found a character that no key has, expected it as it was given");
      }
      return new CmlApi(uri(cai), key, Duration.ofMillis(Math.min(1000, pollMillis)), cai::say);
    }

    private URI uri(CaiCommand cai) {
      String named = host == null ? cai.variable("CML_HOST", "CDSW_DOMAIN") : host.strip();
      String text = named == null ? "" : named.replaceFirst("/+$", "");
      try {
        URI uri = new URI(text.contains("://") ? text : "https://" + text);
        boolean secure = "https".equals(uri.getScheme());
        boolean here = "http".equals(uri.getScheme()) && "127.0.0.1".equals(uri.getHost());
        if (!text.isEmpty() && uri.getHost() != null && (secure || here)) {
          return new URI(uri.getScheme(), uri.getAuthority(), null, null, null);
        }
      } catch (URISyntaxException e) {
        // As for every other text that is no address.
      }
      throw usage(
          "--host: found '%s', expected the workbench's address, such as https://ml-1234.cloudera.site (or CML_HOST)"
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
        throw usage("--project: found '%s', expected a project's id".formatted(found));
      }
      if (found == null) {
        throw usage(
            "--project: found nothing, expected the project's id (or CDSW_PROJECT_ID); 'cai setup' prints it");
      }
      return found;
    }

    private ClusterManager manager(CaiCommand cai) {
      return new ClusterManager(
          api(cai),
          project(cai),
          Duration.ofMillis(pollMillis),
          Duration.ofSeconds(timeout),
          cai::say);
    }

    private ProjectSetup setup(CmlApi api, Consumer<String> said) {
      return new ProjectSetup(
          api, Duration.ofMillis(pollMillis), Duration.ofSeconds(timeout), said);
    }

    private ParameterException usage(String message) {
      return new ParameterException(spec.commandLine(), message);
    }
  }

  /** What our applications run. */
  static final class Program {
    @Option(
        names = "--ray-version",
        paramLabel = "VERSION",
        defaultValue = RAY,
        description = "Of Ray in the project's environment. Default: " + RAY + ".")
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
        Path here =
            Path.of(CaiCommand.class.getProtectionDomain().getCodeSource().getLocation().toURI());
        if (Files.isRegularFile(here)) {
          return here;
        }
      } catch (URISyntaxException e) {
        throw new IllegalStateException(e);
      }
      throw new CmlException(400, "expected to run from the jar, which is what is brought there");
    }
  }

  @Command(
      name = "setup",
      mixinStandardHelpOptions = true,
      description = {
        "Makes the project where there is none yet, brings our files to it, and runs a job that makes",
        "its environment: Ray and a Java runtime in /home/cdsw/.venv. Again: does what is missing."
      })
  static final class Setup implements Callable<Integer> {
    @Mixin private Access access;
    @Mixin private Program program;
    @ParentCommand private CaiCommand cai;

    @Option(
        names = "--repository",
        paramLabel = "OWNER/NAME",
        description = "What a new project is cloned from, also GITHUB_REPOSITORY.")
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
            ProjectSetup setup = access.setup(api, cai::say);
            String project =
                setup.project(
                    access.projectOrNone(cai),
                    repository == null ? cai.variable("GITHUB_REPOSITORY") : repository);
            setup.environment(
                project, program.files(cai), access.name + "-setup", setup.runtime(runtime));
            cai.out().println("ready; for the next commands: export CDSW_PROJECT_ID=" + project);
            return 0;
          });
    }
  }

  @Command(
      name = "launchers",
      mixinStandardHelpOptions = true,
      description = "Writes the launchers into this project's own folder; asks nobody.")
  static final class Launchers implements Callable<Integer> {
    @Mixin private Program program;
    @ParentCommand private CaiCommand cai;

    @Option(
        names = "--home",
        paramLabel = "FOLDER",
        defaultValue = "/home/cdsw",
        description = "The project's folder. Default: /home/cdsw.")
    private Path home;

    @Override
    public Integer call() throws IOException {
      return cai.guarded(
          () -> {
            if (!Files.isDirectory(home)) {
              throw new CmlException(
                  400,
                  "--home: found no folder %s, expected a project's; outside of one 'cai setup' brings the files"
                      .formatted(home));
            }
            program.files(cai).write(home, cai::say);
            return 0;
          });
    }
  }

  @Command(
      name = "launch",
      mixinStandardHelpOptions = true,
      description = {
        "Makes the cluster's applications what is wanted (creates, changes, starts, removes) and waits",
        "until they run. What is as it is wanted is left alone; after a failure the same command goes on."
      })
  static final class Launch implements Callable<Integer> {
    @Mixin private Access access;
    @Mixin private Program program;
    @ParentCommand private CaiCommand cai;

    @Option(
        names = "--num-workers",
        paramLabel = "N",
        defaultValue = "1",
        description = "How many workers. Default: 1.")
    private int workers;

    @Option(
        names = "--cpu",
        paramLabel = "N",
        defaultValue = "2",
        description = "Processors of the head and of each worker. Default: 2.")
    private double cpu;

    @Option(
        names = "--memory",
        paramLabel = "GB",
        defaultValue = "8",
        description = "Memory of the head and of each worker. Default: 8.")
    private double memory;

    @Option(
        names = "--head-cpu",
        paramLabel = "N",
        description = "Of the head, where it is to differ.")
    private @Nullable Double headCpu;

    @Option(
        names = "--head-memory",
        paramLabel = "GB",
        description = "Of the head, where it is to differ.")
    private @Nullable Double headMemory;

    @Option(
        names = "--runtime-identifier",
        paramLabel = "IMAGE",
        description =
            "The runtime image. Default: that of the cluster, else the newest PBJ Workbench with Python 3.11.")
    private @Nullable String runtime;

    @Option(
        names = "--head-script",
        paramLabel = "FILE",
        defaultValue = ProjectFiles.HEAD,
        description =
            "What the head runs: a file of the project, or 'inline' for the bare command. Default: ${DEFAULT-VALUE}.")
    private String headScript;

    @Option(
        names = "--worker-script",
        paramLabel = "FILE",
        defaultValue = ProjectFiles.WORKER,
        description =
            "What a worker runs: a file of the project, or 'inline' (wants --head-address). Default: ${DEFAULT-VALUE}.")
    private String workerScript;

    @Option(
        names = "--head-address",
        paramLabel = "HOST:PORT",
        description =
            "Where workers and daemon find the head. Default: where its launcher says that it is.")
    private @Nullable String headAddress;

    @Option(
        names = "--environment",
        paramLabel = "NAME=VALUE",
        description = "A variable for all of the applications; may be given several times.")
    private Map<String, String> environment = new TreeMap<>();

    @Override
    public Integer call() throws IOException {
      if (workers < 0 || workers > 1000) {
        throw access.usage("--num-workers: found %d, expected 0 to 1000".formatted(workers));
      }
      double hCpu = headCpu == null ? cpu : headCpu;
      double hMemory = headMemory == null ? memory : headMemory;
      if (!(cpu > 0) || !(memory > 0) || !(hCpu > 0) || !(hMemory > 0)) {
        throw access.usage("--cpu, --memory: expected more than 0");
      }
      if (headAddress != null && !headAddress.matches("[^\\s:]+:[0-9]{1,5}")) {
        throw access.usage("--head-address: found '%s', expected HOST:PORT".formatted(headAddress));
      }
      if (headScript.equals("inline") && headAddress == null) {
        throw access.usage("--head-script: inline wants --head-address, expected HOST:PORT");
      }
      if (workerScript.equals("inline") && headAddress == null && workers > 0) {
        throw access.usage("--worker-script: inline wants --head-address, expected HOST:PORT");
      }
      CmlApi api = access.api(cai);
      String project = access.project(cai);
      return cai.guarded(() -> launch(api, project, hCpu, hMemory));
    }

    private int launch(CmlApi api, String project, double hCpu, double hMemory) throws IOException {
      ClusterManager manager = access.manager(cai);
      ProjectFiles files = program.files(cai);
      files.upload(api, project, cai::say);
      Map<String, String> variables = new TreeMap<>(environment);
      if (headAddress != null) {
        variables.put("RAY_HEAD_ADDRESS", headAddress);
      }
      List<Application> before = manager.list(access.name);
      String image =
          runtime == null && !before.isEmpty() && before.get(0).runtimeIdentifier() != null
              ? before.get(0).runtimeIdentifier()
              : access.setup(api, cai::say).runtime(runtime);
      Cluster cluster =
          new Cluster(
              access.name,
              workers,
              new Cluster.Size(hCpu, hMemory),
              new Cluster.Size(cpu, memory),
              new Cluster.Size(1, 2),
              image,
              new Cluster.Scripts(
                  headScript.equals("inline")
                      ? "ray start --head --port 6379 --dashboard-host 0.0.0.0 --dashboard-port 8265 --block"
                      : headScript,
                  workerScript.equals("inline")
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
      description = "Lists the cluster's applications. Exit code 0: all of them run; 3: not.")
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
      description = "Stops the cluster's applications: the daemon first, the head last.")
  static final class Stop implements Callable<Integer> {
    @Mixin private Access access;
    @ParentCommand private CaiCommand cai;

    @Option(names = "--delete", description = "Delete them, too.")
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
      out.println("no application of the name " + access.name + "; 'cai launch' makes them");
    }
    String domain = access.uri(cai).getAuthority();
    for (Application each : all) {
      out.printf(
          "%-24s %-9s https://%s.%s%n",
          each.name(), each.state().name().toLowerCase(Locale.ROOT), each.subdomain(), domain);
    }
  }
}
