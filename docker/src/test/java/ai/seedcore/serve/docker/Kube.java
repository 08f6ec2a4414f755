package ai.seedcore.serve.docker;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import tools.jackson.databind.JsonNode;

/**
 * A namespace of the cluster that KUBECONFIG names, under the PodSecurity standard 'restricted'.
 */
final class Kube implements AutoCloseable {

  /** The image's name in the manifests, and on the nodes. */
  private static final String NAME = "seedcore/ray:0.1.0";

  private static final String IMAGE =
      System.getenv().getOrDefault("SEEDCORE_KUBERNETES_IMAGE", NAME);

  /** What kubectl itself logs, which is not what it was asked for. */
  private static final Pattern NOISE = Pattern.compile("(?m)^([EWI]\\d{4} |Warning: ).*\\R?");

  private final String namespace;
  private final Path folder;

  /** Creates the namespace. Skips the test if there is no cluster. */
  Kube(String namespace, Path folder) {
    this.namespace = namespace;
    this.folder = folder;
    Shell.Result nodes = Shell.run("kubectl", "get", "nodes", "--request-timeout=10s");
    assumeTrue(nodes.code() == 0, () -> "skipped: no Kubernetes cluster: " + nodes.output());
    close();
    run("create", "namespace", namespace);
    String restricted = "pod-security.kubernetes.io/enforce=restricted";
    run("label", "namespace", namespace, restricted);
  }

  /** Runs kubectl in the namespace, and returns what it prints. */
  String run(String... arguments) {
    return attempt(arguments).orFail();
  }

  Shell.Result attempt(String... arguments) {
    Shell.Result result = Shell.run(command(arguments).toArray(new String[0]));
    return new Shell.Result(result.code(), NOISE.matcher(result.output()).replaceAll(""));
  }

  private List<String> command(String... arguments) {
    List<String> command = new ArrayList<>(List.of("kubectl", "--namespace", namespace));
    command.addAll(List.of(arguments));
    return command;
  }

  /** Applies a Kustomize folder. */
  void apply(Path kustomization) {
    applyText(Manifests.build(kustomization).replace("image: " + NAME, "image: " + IMAGE));
  }

  void applyText(String manifests) {
    try {
      run("apply", "-f", Files.writeString(folder.resolve("apply.yaml"), manifests).toString());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Asks for the eviction of a pod, as a drain of its node does. */
  Shell.Result evict(String pod) throws IOException {
    Path request =
        Files.writeString(
            folder.resolve("eviction.json"),
            """
            {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "%s"}}
            """
                .formatted(pod));
    String path = "/api/v1/namespaces/%s/pods/%s/eviction".formatted(namespace, pod);
    return attempt("create", "--raw", path, "-f", request.toString());
  }

  /** Returns an object of a kind, or the list of those that a selector names, as JSON. */
  JsonNode get(String... arguments) {
    List<String> all = new ArrayList<>(List.of("get", "-o", "json"));
    all.addAll(List.of(arguments));
    return Manifests.YAML.readTree(run(all.toArray(new String[0])));
  }

  /** Returns the names of the pods with a label. */
  List<String> pods(String label) {
    return get("pods", "-l", label)
        .path("items")
        .valueStream()
        .filter(pod -> !pod.path("metadata").has("deletionTimestamp"))
        .map(pod -> pod.path("metadata").path("name").asString())
        .toList();
  }

  /** Runs a line of sh in a container. */
  String exec(String pod, String container, String line) {
    return tryExec(pod, container, line).orFail();
  }

  Shell.Result tryExec(String pod, String container, String line) {
    return attempt("exec", pod, "-c", container, "--", "sh", "-c", line);
  }

  /** Starts a command in a container, with an open standard input. */
  Process start(String pod, String... arguments) {
    List<String> command = command("exec", "-i", pod, "--");
    command.addAll(List.of(arguments));
    try {
      return new ProcessBuilder(command)
          .redirectError(folder.resolve("exec-errors").toFile())
          .start();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Ends a command's standard input, and returns what it prints. */
  static String finish(Process process) {
    try {
      process.getOutputStream().close();
      return new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public void close() {
    Shell.run("kubectl", "delete", "namespace", namespace, "--ignore-not-found").orFail();
  }
}
