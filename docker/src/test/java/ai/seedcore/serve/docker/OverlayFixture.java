package ai.seedcore.serve.docker;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/**
 * One of the folders of docker/kubernetes on a real cluster, and a pod beside it that sends
 * requests through the Service.
 */
@Tag("kubernetes")
abstract class OverlayFixture {

  static final String DAEMONS = "app.kubernetes.io/component=supervisor";
  static final String WORKERS = "app.kubernetes.io/component=worker";
  static final String DAEMON = "seedcore-serve";

  private static final Path RESOURCES =
      Path.of("src/test/resources/kubernetes").toAbsolutePath().normalize();
  private static final List<String> ROUTES =
      List.of("SalienceScorer", "AnomalyDetector", "ScalingPredictor");
  private static final int PER_SECOND = 50;
  private static final String TOKEN = "0123456789abcdef";

  @TempDir static Path folder;
  static Kube kube;

  /** The Service that clients use. */
  static String service = "seedcore";

  private static String overlay = "";

  /**
   * Creates a namespace with the client, applies folders, and waits until all routes answer.
   *
   * @param title what the page calls them
   */
  static void begin(String title, Path... folders) {
    overlay = title;
    kube = new Kube("seedcore-test", folder);
    setToken(TOKEN);
    kube.apply(RESOURCES.resolve("client"));
    kube.run("wait", "--for=condition=Ready", "pod/client", "--timeout=60s");
    long start = System.nanoTime();
    for (Path each : folders) {
      kube.apply(each);
    }
    awaitServed();
    row("applied", seconds(start), "", "");
  }

  static Path overlay(String name) {
    return Manifests.FOLDER.resolve(name);
  }

  static Path resource(String name) {
    return RESOURCES.resolve(name);
  }

  @BeforeEach
  void served() {
    awaitServed();
    await()
        .atMost(Duration.ofMinutes(2))
        .until(
            () ->
                kube.get("pods")
                    .path("items")
                    .valueStream()
                    .flatMap(pod -> pod.path("status").path("containerStatuses").valueStream())
                    .allMatch(container -> container.path("ready").asBoolean()));
  }

  @AfterAll
  static void end() {
    if (kube != null) {
      kube.close();
      kube = null;
      service = "seedcore";
    }
  }

  /** Sets the token of the status port. */
  private static void setToken(String token) {
    kube.applyText(
        """
        apiVersion: v1
        kind: Secret
        metadata:
          name: seedcore-status
        data:
          token: %s
        """
            .formatted(
                Base64.getEncoder().encodeToString(token.getBytes(StandardCharsets.US_ASCII))));
  }

  /** Waits until all routes answer through the Service, asked from the client's pod. */
  static void awaitServed() {
    kube.exec(
        "client",
        "client",
        "for route in %s; do timeout 180 sh -c \"until curl -sf -m 3 -o /dev/null http://%s:8000/$route; do sleep 0.1; done\" || exit 1; done"
            .formatted(String.join(" ", ROUTES), service));
  }

  /** Waits until the Service has no address to which it sends requests. */
  static void awaitNotServed() {
    await()
        .atMost(Duration.ofSeconds(30))
        .pollInterval(Duration.ofMillis(50))
        .until(
            () ->
                kube.get("endpointslices", "-l", "kubernetes.io/service-name=" + service)
                    .path("items")
                    .valueStream()
                    .flatMap(slice -> slice.path("endpoints").valueStream())
                    .noneMatch(each -> each.path("conditions").path("ready").asBoolean()));
  }

  /** What clients noticed. */
  record Noticed(int sent, int failed, double worst, String failures) {}

  /** Injects a fault. */
  interface Fault {
    void inject() throws IOException;
  }

  /**
   * Injects a fault under load, and writes down how long it lasted and what clients noticed.
   *
   * @param body returns when the fault is over, or when the routes can tell
   */
  static Noticed measure(String fault, Fault body) throws IOException {
    List<String> all =
        new ArrayList<>(List.of("python", "/load/load.py", Integer.toString(PER_SECOND)));
    ROUTES.forEach(route -> all.add("http://%s:8000/%s".formatted(service, route)));
    Process load = kube.start("client", all.toArray(new String[0]));
    double took;
    String told;
    try {
      long start = System.nanoTime();
      body.inject();
      awaitServed();
      took = seconds(start);
      goOn(Duration.ofSeconds(5));
    } finally {
      told = Kube.finish(load);
    }
    JsonNode result = Manifests.YAML.readTree(told);
    Noticed noticed =
        new Noticed(
            result.path("sent").asInt(),
            result.path("failed").asInt(),
            result.path("worst_s").asDouble(),
            result.path("failures").toString());
    assertThat(noticed.sent()).as(told).isGreaterThan(2 * PER_SECOND);
    row(
        fault,
        took,
        noticed.failed() + " of " + noticed.sent(),
        String.format(Locale.ROOT, "%.1f s", noticed.worst()));
    System.out.printf("failures: %s%n", noticed.failures());
    return noticed;
  }

  /** Injects a fault under load of which clients notice nothing but time. */
  static void nothingFails(String fault, Fault body) throws IOException {
    Noticed noticed = measure(fault, body);
    assertThat(noticed.failed()).as(noticed.failures()).isZero();
  }

  /** Restarts head and workers as a new image would. */
  static void restartCluster() {
    kube.run("rollout", "restart", "statefulset/seedcore-head", "deployment/seedcore-worker");
    kube.run("rollout", "status", "statefulset/seedcore-head", "--timeout=180s");
    kube.run("rollout", "status", "deployment/seedcore-worker", "--timeout=180s");
  }

  /** Lets the load go on for a while, in which nothing must stop. */
  private static void goOn(Duration time) {
    await().pollDelay(time).atMost(time.plusSeconds(10)).until(() -> true);
  }

  static void row(String fault, double seconds, String failed, String worst) {
    String serving = String.format(Locale.ROOT, "%.1f s", seconds);
    System.out.printf("ROW %s | %s | %s | %s | %s%n", overlay, fault, serving, failed, worst);
    KubernetesPage.put(overlay, fault, serving, failed, worst);
  }

  static double seconds(long since) {
    return (System.nanoTime() - since) / 1e9;
  }

  /** Kills all of a container's processes of a name, as if they had crashed. */
  static void kill(String pod, String container, String process) {
    kube.exec(pod, container, "pkill -KILL -x " + process);
  }

  /** Asks a pod's daemon for the status with a token, over the network; the HTTP status. */
  private static String statusWith(String token, JsonNode pod) {
    return kube.exec(
        "client",
        "client",
        "curl -s -m 3 -o /dev/null -w '%%{http_code}' -H 'Authorization: Bearer %s' http://%s:8090/status || true"
            .formatted(token, pod.path("status").path("podIP").asString()));
  }

  /** Returns how many replicas of an application run, as Ray's dashboard says. */
  static int replicas(String headPod, String container, String app) {
    Shell.Result told =
        kube.tryExec(
            headPod, container, "curl -sf -m 4 http://localhost:8265/api/serve/applications/");
    if (told.code() != 0) {
      return -1;
    }
    return (int)
        Manifests.YAML
            .readTree(told.output())
            .path("applications")
            .path(app)
            .path("deployments")
            .valueStream()
            .flatMap(deployment -> deployment.path("replicas").valueStream())
            .filter(replica -> replica.path("state").asString("").equals("RUNNING"))
            .count();
  }

  /** Declares two replicas of AnomalyDetector in the ConfigMap, and measures until they run. */
  static void changeConfiguration(String headPod, String container) throws IOException {
    measure(
        "the ConfigMap changed (two replicas)",
        () -> {
          kube.applyText(
              """
              apiVersion: v1
              kind: ConfigMap
              metadata:
                name: seedcore-serve
              data:
                deployments.yaml: |
                  deployments:
                    - name: AnomalyDetector
                      replicas: 2
              """);
          await()
              .atMost(Duration.ofMinutes(4))
              .pollInterval(Duration.ofSeconds(1))
              .until(() -> replicas(headPod, container, "AnomalyDetector") == 2);
        });
  }

  /** Rotates the token of the status port, and measures until only the new one is valid. */
  static void rotateToken() {
    String next = "fedcba9876543210" + System.nanoTime();
    List<JsonNode> pods =
        kube.get("pods").path("items").valueStream().filter(pod -> runs(pod, DAEMON)).toList();
    assertThat(pods).isNotEmpty();
    await()
        .atMost(Duration.ofMinutes(2))
        .until(() -> pods.stream().allMatch(pod -> statusWith(TOKEN, pod).equals("200")));
    setToken(next);
    long start = System.nanoTime();
    await()
        .atMost(Duration.ofMinutes(4))
        .pollInterval(Duration.ofSeconds(1))
        .until(
            () ->
                pods.stream()
                    .allMatch(
                        pod ->
                            statusWith(next, pod).equals("200")
                                && statusWith(TOKEN, pod).equals("401")));
    row("the status port's token rotated: until only the new one is valid", seconds(start), "", "");
  }

  private static boolean runs(JsonNode pod, String container) {
    return Stream.of("initContainerStatuses", "containerStatuses")
        .flatMap(kind -> pod.path("status").path(kind).valueStream())
        .filter(status -> status.path("name").asString().equals(container))
        .anyMatch(status -> status.path("state").has("running"));
  }

  /**
   * Checks that no container has been killed for want of memory, and how many processes and threads
   * a pod has: many clusters allow 1,024.
   */
  @AfterEach
  void limitsHold() {
    for (JsonNode pod : kube.get("pods").path("items")) {
      if (pod.path("metadata").has("deletionTimestamp")) {
        continue;
      }
      String name = pod.path("metadata").path("name").asString();
      int tasks =
          Stream.of("initContainers", "containers")
              .flatMap(kind -> pod.path("spec").path(kind).valueStream())
              .filter(container -> runs(pod, container.path("name").asString()))
              .mapToInt(container -> tasks(name, container))
              .sum();
      assertThat(tasks).as("threads of " + name).isLessThan(1024);
      assertThat(pod.path("status").toString()).as(name).doesNotContain("OOMKilled");
    }
  }

  /** Returns how many threads a container has, and prints the most memory that it has used. */
  private static int tasks(String pod, JsonNode container) {
    String name = container.path("name").asString();
    String[] lines =
        kube.exec(
                pod,
                name,
                "ls -d /proc/[0-9]*/task/* 2>/dev/null | wc -l; cat /sys/fs/cgroup/memory/memory.max_usage_in_bytes /sys/fs/cgroup/memory.peak 2>/dev/null || true")
            .split("\\s+", -1);
    System.out.printf(
        "SIZE %s %s/%s: %s threads, %s bytes at most, limit %s%n",
        overlay,
        pod,
        name,
        lines[0],
        lines.length > 1 ? lines[1] : "?",
        container.path("resources").path("limits").path("memory").asString());
    return Integer.parseInt(lines[0]);
  }
}
