package ai.seedcore.serve.daemon.pack;

import ai.seedcore.serve.daemon.config.DeclaredApplication;
import ai.seedcore.serve.daemon.config.DeclaredJava;
import ai.seedcore.serve.daemon.config.DeclaredPython;
import ai.seedcore.serve.daemon.decide.DesiredApplication;
import ai.seedcore.serve.daemon.decide.DesiredJava;
import ai.seedcore.serve.daemon.observe.Dashboard;
import ai.seedcore.serve.protocol.Application;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.zip.ZipOutputStream;
import org.jspecify.annotations.Nullable;

/**
 * The packages that the cluster needs. Each distinct set of jars and files becomes one zip with the
 * agent, the jars and the files. Ray unpacks it as a replica's working directory. So the nodes need
 * a JDK but none of our files. A local folder of a Python application becomes a zip as well.
 */
public final class Packages {

  /** How much of a node's accelerator type Ray reserves for an actor that needs it. */
  private static final double ACCELERATOR = 0.001;

  private static final String SCHEME = "gcs://";

  private static final String AGENT = "seedcore-agent.jar";

  /** The file with the additional environment variables, which the agent reads. */
  private static final String ENVIRONMENT = "seedcore.env";

  /**
   * The environment variable with the number of threads for a replica's requests (java_support.py).
   */
  private static final String THREADS = "SEEDCORE_THREADS";

  private final List<DeclaredApplication> declared;
  private final Cache cache;
  private final Map<String, Path> files;
  private final List<DesiredApplication> applications;

  /** The contents of one package, besides the agent. */
  private record Contents(List<Path> jars, List<Path> files, String environment) {}

  private Packages(
      List<DeclaredApplication> declared,
      Cache cache,
      Map<String, Path> files,
      List<DesiredApplication> applications) {
    this.declared = declared;
    this.cache = cache;
    this.files = files;
    this.applications = applications;
  }

  /** Packs the declared deployments. */
  public static Packages pack(List<DeclaredApplication> declared, Cache cache) throws IOException {
    // Only Java needs our jars, and hashing them takes time.
    @Nullable Path agent = null;
    @Nullable Path builtIn = null;
    Map<Contents, String> names = new LinkedHashMap<>();
    Map<String, Path> files = new LinkedHashMap<>();
    List<DesiredApplication> applications = new ArrayList<>();
    for (DeclaredApplication each : declared) {
      if (each instanceof DeclaredPython python) {
        PythonPackages packed = PythonPackages.pack(python, cache);
        files.putAll(packed.files());
        applications.add(packed.application());
        continue;
      }
      DeclaredJava deployment = (DeclaredJava) each;
      List<Path> jars = new ArrayList<>(deployment.jars());
      if (jars.isEmpty()) {
        builtIn = builtIn == null ? cache.packed("deployments.jar") : builtIn;
        jars.add(builtIn);
      }
      if (deployment.bringsOnnx()) {
        jars.add(cache.packed("onnxruntime.jar"));
      }
      Contents contents = new Contents(jars, deployment.files(), environment(deployment));
      String name = names.get(contents);
      if (name == null) {
        agent = agent == null ? cache.packed("agent.jar") : agent;
        Path with = agent;
        Path zip = cache.keep("_ray_pkg_", ".zip", out -> zip(with, contents, out));
        name = zip.getFileName().toString();
        files.put(name, zip);
        names.put(contents, name);
      }
      applications.add(
          new DesiredJava(
              application(deployment, name),
              deployment.upgrade().order(),
              deployment.upgrade() + " " + deployment.probe()));
    }
    return new Packages(declared, cache, files, List.copyOf(applications));
  }

  /** Returns the additional environment variables, in the form of /proc/PID/environ. */
  private static String environment(DeclaredJava deployment) {
    return deployment.environment(System.getenv()).entrySet().stream()
        .map(variable -> variable.getKey() + "=" + variable.getValue() + "\0")
        .collect(Collectors.joining());
  }

  /** Recreates the files. */
  void again() throws IOException {
    pack(declared, cache);
  }

  /** Returns the declared deployments. */
  public List<DeclaredApplication> declared() {
    return declared;
  }

  /** Returns a hash of everything declared. It is the same in all daemons that declare the same. */
  public String hash() {
    return Cache.hash(
        applications.stream().map(Packages::fingerprint).sorted().toArray(String[]::new));
  }

  private static String fingerprint(DesiredApplication desired) {
    return String.join(
        " ",
        desired.version(),
        String.valueOf(desired.route()),
        String.valueOf(desired.replicas()),
        desired.inPlace());
  }

  /** Returns the packages, by name. */
  public Map<String, Path> files() {
    return files;
  }

  /**
   * Returns the packages of other versions of these deployments, as far as they are in the cache.
   */
  public Map<String, Path> filesOf(Collection<Application> others) {
    Map<String, Path> found = new LinkedHashMap<>();
    for (Application other : others) {
      if (other.actorOptions().get("runtime_env") instanceof Map<?, ?> environment
          && environment.get("working_dir") instanceof String uri
          && uri.startsWith(SCHEME)) {
        String name = uri.substring(SCHEME.length());
        cache
            .find(name)
            .filter(file -> !files.containsKey(name))
            .ifPresent(file -> found.put(name, file));
      }
    }
    return found;
  }

  /** Returns the applications to serve, in the order of their declarations. */
  public List<DesiredApplication> applications() {
    return applications;
  }

  private static Application application(DeclaredJava deployment, String packageName) {
    String arguments = deployment.initArgs().toString();
    Map<String, Object> options = new TreeMap<>();
    options.put("num_cpus", deployment.cpus());
    Long memory = deployment.memoryBytes();
    if (memory != null) {
      options.put("memory", memory);
    }
    if (deployment.numGpus() > 0) {
      options.put("num_gpus", deployment.numGpus());
    }
    Map<String, Double> resources = new TreeMap<>(deployment.resources());
    if (deployment.acceleratorType() != null) {
      resources.put("accelerator_type:" + deployment.acceleratorType(), ACCELERATOR);
    }
    if (!resources.isEmpty()) {
      options.put("resources", resources);
    }
    String threads = Integer.toString(deployment.threads());
    String version =
        Cache.hash(
            packageName,
            deployment.className(),
            arguments,
            options.toString(),
            String.join(" ", deployment.jvmOptions()),
            threads,
            // Removing the user_config, or adding the first one, is more than a change of its
            // value.
            String.valueOf(deployment.userConfig() != null));
    options.put(
        "runtime_env",
        Map.of(
            "working_dir",
            SCHEME + packageName,
            "env_vars",
            Map.of(
                // With a thousand threads, the C library would spread its free memory over many
                // arenas.
                "MALLOC_ARENA_MAX",
                "2",
                "JAVA_TOOL_OPTIONS",
                "-javaagent:" + AGENT + " " + String.join(" ", deployment.jvmOptions()),
                THREADS,
                threads,
                Dashboard.VERSION_VARIABLE,
                version)));
    return new Application(
        deployment.name(),
        deployment.className(),
        deployment.route(),
        version,
        deployment.replicas(),
        deployment.scaling(),
        deployment.maxOngoingRequests(),
        arguments,
        deployment.settings(),
        deployment.lifecycle(),
        options);
  }

  private static void zip(Path agent, Contents contents, OutputStream out) throws IOException {
    ZipOutputStream zip = new ZipOutputStream(out);
    Zips.add(zip, AGENT, agent);
    int index = 0;
    for (Path jar : contents.jars()) {
      // The numbers keep the order of the declaration in the class path.
      Zips.add(zip, "lib/%02d.jar".formatted(index++), jar);
    }
    for (Path file : contents.files()) {
      Zips.add(zip, file.getFileName().toString(), file);
    }
    if (!contents.environment().isEmpty()) {
      Zips.add(zip, ENVIRONMENT, contents.environment().getBytes(StandardCharsets.UTF_8));
    }
    zip.finish();
  }
}
