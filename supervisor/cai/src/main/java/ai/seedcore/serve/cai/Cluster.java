package ai.seedcore.serve.cai;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.zip.CRC32;

/**
 * A cluster as it is wanted.
 *
 * @param name what the names of its applications begin with
 * @param workers how many
 * @param head of the head
 * @param worker of each worker
 * @param serve of the daemon
 * @param runtime the runtime image of all
 * @param scripts what they run
 * @param jar the daemon's jar, in the project's folder
 * @param environment variables for all of them
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
   * What an application gets.
   *
   * @param cpu processors
   * @param memory GB
   */
  record Size(double cpu, double memory) {}

  /** The files, or commands, that head, workers and daemon run. */
  record Scripts(String head, String worker, String serve) {}

  /**
   * Its applications, the head first. A name is the same in every launch: it is what we find them
   * by.
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
    if (part.equals("serve")) { // A new jar is no reason to restart the others.
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

  /** Unique in the workbench, and the same in every launch. */
  private String subdomain(String project, String part) {
    CRC32 sum = new CRC32();
    sum.update(project.getBytes(StandardCharsets.UTF_8));
    return "%s-%s-%s".formatted(name, part, HexFormat.of().toHexDigits((int) sum.getValue()));
  }
}
