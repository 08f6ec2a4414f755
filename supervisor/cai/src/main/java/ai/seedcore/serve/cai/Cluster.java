package ai.seedcore.serve.cai;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.zip.CRC32;

/**
 * The desired state of a cluster.
 *
 * @param name the prefix of the applications' names
 * @param workers the number of workers
 * @param head the size of the head
 * @param worker the size of each worker
 * @param serve the size of the daemon
 * @param runtime the runtime image of all applications
 * @param scripts the scripts of the applications
 * @param jar the name of the daemon's jar in the project's directory
 * @param environment environment variables for all applications
 */
record Cluster(
    String name,
    int workers,
    Size head,
    Size worker,
    Size serve,
    String runtime,
    Scripts scripts,
    String jar,
    Map<String, String> environment) {

  /**
   * The resources of an application.
   *
   * @param cpu the number of CPUs
   * @param memory the memory, in GB
   */
  record Size(double cpu, double memory) {}

  /** The project files or commands that head, workers and daemon run. */
  record Scripts(String head, String worker, String serve) {}

  /**
   * Returns the applications, the head first. Their names are the same in every launch, because
   * they identify the applications.
   */
  List<AppSpec> applications(String project) {
    List<AppSpec> all = new ArrayList<>();
    all.add(application(project, "head", scripts.head(), head));
    for (int i = 1; i <= workers; i++) {
      all.add(application(project, "worker-" + i, scripts.worker(), worker));
    }
    all.add(application(project, "serve", scripts.serve(), serve));
    return all;
  }

  private AppSpec application(String project, String part, String script, Size size) {
    Map<String, String> variables = new TreeMap<>(environment);
    variables.put("SEEDCORE_CAI_NAME", name);
    if (part.equals("serve")) { // Only the daemon must restart for a new jar.
      variables.put("SEEDCORE_CAI_JAR", jar);
    }
    return new AppSpec(
        name + "-" + part,
        subdomain(project, part),
        script,
        size.cpu(),
        size.memory(),
        runtime,
        variables);
  }

  /** Returns a subdomain that is unique in the workbench and the same in every launch. */
  private String subdomain(String project, String part) {
    CRC32 sum = new CRC32();
    sum.update(project.getBytes(StandardCharsets.UTF_8));
    return "%s-%s-%s".formatted(name, part, HexFormat.of().toHexDigits((int) sum.getValue()));
  }
}
