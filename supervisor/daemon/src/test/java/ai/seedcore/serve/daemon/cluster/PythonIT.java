package ai.seedcore.serve.daemon.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/** Python applications, declared beside the built-in classes or instead of them. */
@Tag("cluster")
class PythonIT {

  private static final String SOURCE =
      """
      import os

      from ray import serve


      @serve.deployment
      class Counter:
          def __init__(self):
              self.n = 0

          def add(self):
              self.n += 1
              return self.n


      @serve.deployment
      class Front:
          def __init__(self, counter, word):
              self.counter = counter
              self.word = word

          async def __call__(self, request):
              return {"word": self.word, "n": await self.counter.add.remote(), "pid": os.getpid(),
                      "set": os.environ.get("SET")}


      def build(args):
          return Front.bind(Counter.bind(), args["word"])


      plain = Front.bind(Counter.bind(), "plain")
      """;

  private static final String SMALL =
      "[{name: Front, ray_actor_options: {num_cpus: 0.1}},"
          + " {name: Counter, ray_actor_options: {num_cpus: 0.1}}]";

  private static final String ROUTES = RayCluster.ROUTES;
  private static final String DOOR = "127.0.0.1:28080";

  @TempDir Path folder;
  private final Web web = new Web();

  @BeforeEach
  void makeCode() throws IOException {
    Files.writeString(Files.createDirectory(folder.resolve("chat")).resolve("chat.py"), SOURCE);
    try (OutputStream file = Files.newOutputStream(folder.resolve("chat.zip"));
        ZipOutputStream zip = new ZipOutputStream(file)) {
      zip.putNextEntry(new ZipEntry("chat.py"));
      zip.write(SOURCE.getBytes(StandardCharsets.UTF_8));
    }
  }

  @Test
  void applicationsAreServedAndRestoredAndOneThatFailsIsNamed() throws Exception {
    Files.writeString(
        folder.resolve("apps.yaml"),
        """
        proxy_location: EveryNode
        applications:
          - name: zipped
            route_prefix: /zipped
            import_path: chat:plain
            runtime_env: {working_dir: chat.zip}
            deployments: %s
          - name: broken
            route_prefix: /broken
            import_path: chat:nothing
            runtime_env: {working_dir: chat}
        """
            .formatted(SMALL));
    Path config = declare("  - serve_config: apps.yaml\n", 1);
    try (RayCluster cluster = new RayCluster().start();
        DaemonProcess daemon = DaemonProcess.onCluster(folder, "--config=" + config)) {
      daemon.awaitReason("RECOVERING", "module 'chat' has no attribute 'nothing'");
      assertThat(answer("/zipped").path("word").asString()).isEqualTo("plain");
      assertThat(answer("/hello").path("word").asString()).isEqualTo("hello");
      assertThat(answer("/hello").path("set").asString()).isEqualTo("here");
      assertThat(web.status(ROUTES + "/SalienceScorer")).isEqualTo(200);

      // Once it is mended, all is well.
      Files.writeString(folder.resolve("chat/chat.py"), SOURCE + "\nnothing = plain\n");
      daemon.awaitReady();

      String session = cluster.session();
      cluster.kill();
      daemon.awaitNotReady();
      assertThat(cluster.comeBack()).isNotEqualTo(session);
      daemon.awaitReady();
      assertThat(answer("/hello").path("n").asInt()).isPositive();
      assertThat(answer("/zipped").path("n").asInt()).isPositive();
      assertThat(answer("/broken").path("n").asInt()).isPositive();
    }
  }

  @Test
  void serveDeployBesideTheDaemonHarmsNobody() throws Exception {
    Path config = declare("", 1);
    Path first = theirs("first");
    Path second = theirs("second");
    try (RayCluster cluster = new RayCluster().start();
        DaemonProcess daemon = DaemonProcess.onCluster(folder, "--config=" + config)) {
      daemon.awaitReady();
      int deploys = daemon.deploys();
      int pid = answer("/hello").path("pid").asInt();
      for (Path file : List.of(first, second, first)) {
        serve(cluster, "deploy", file.toString());
        String name = file.getFileName().toString().replace(".yaml", "");
        awaitAnswer("/" + name);
      }
      await().atMost(Duration.ofSeconds(30)).until(() -> web.status(ROUTES + "/second") == 404);
      assertThat(answer("/hello").path("pid").asInt()).isEqualTo(pid);

      // Serve's options change what runs; the code is not imported again.
      declare("", 2);
      await()
          .atMost(Duration.ofSeconds(40))
          .until(() -> replicas(cluster, "hello", "Front") == 2 && daemon.ready());
      assertThat(cluster.workers("ServeReplica:hello:Front").stream().map(ProcessHandle::pid))
          .contains((long) pid);

      // The controller that dies forgets neither theirs nor ours.
      cluster.worker("ServeController").destroyForcibly();
      awaitAnswer("/first");
      await().atMost(Duration.ofSeconds(40)).until(daemon::ready);
      assertThat(cluster.workers("ServeReplica:hello:Front").stream().map(ProcessHandle::pid))
          .contains((long) pid);
      assertThat(daemon.deploys()).isEqualTo(deploys + 1);

      Files.writeString(config, "deployments: []");
      await().atMost(Duration.ofSeconds(40)).until(() -> web.status(ROUTES + "/hello") == 404);
      assertThat(answer("/first").path("n").asInt()).isPositive();
    }
  }

  @Test
  void aServeWithoutJavaIsReplacedAndNoRequestFails() throws Exception {
    Path theirs = theirs("theirs");
    try (RayCluster cluster = new RayCluster().start()) {
      serve(cluster, "deploy", theirs.toString());
      awaitAnswer("/theirs");
      cluster.python(
          ("import sys; sys.path.insert(0, '%s'); import chat; serve.run(chat.plain, name='byHand',"
                  + " route_prefix='/byHand')")
              .formatted(folder.resolve("chat")));
      try (DaemonProcess daemon =
          DaemonProcess.onCluster(folder, "--front-door=" + DOOR, "--hold-seconds=60")) {
        daemon.awaitReason("BLOCKED", "could not deploy again: byHand");
        assertThat(web.status("http://" + DOOR + "/theirs")).isEqualTo(200);
        try (Traffic traffic = new Traffic("http://" + DOOR + "/theirs")) {
          cluster.delete("byHand");
          daemon.awaitReady();
          await().until(() -> web.status("http://" + DOOR + "/theirs") == 200);
          assertThat(traffic.failures()).isEmpty();
        }
      }
      assertThat(answer("/theirs").path("word").asString()).isEqualTo("plain");
      assertThat(web.status(ROUTES + "/SalienceScorer")).isEqualTo(200);
    }
  }

  @Test
  void aServeWithoutJavaIsLeftAloneIfTheUserWantsThat() throws Exception {
    Path theirs = theirs("theirs");
    try (RayCluster cluster = new RayCluster().start()) {
      serve(cluster, "deploy", theirs.toString());
      awaitAnswer("/theirs");
      int pid = answer("/theirs").path("pid").asInt();
      try (DaemonProcess daemon = DaemonProcess.onCluster(folder, "--adopt=never")) {
        daemon.awaitReason("BLOCKED", "started without Java support");
        assertThat(answer("/theirs").path("pid").asInt()).isEqualTo(pid);
      }
    }
  }

  /** Writes a configuration with the folder's application. */
  private Path declare(String others, int replicas) throws IOException {
    String deployments =
        SMALL.replace("{name: Front,", "{name: Front, num_replicas: %d,".formatted(replicas));
    return Files.writeString(
        folder.resolve("d.yaml"),
        """
        deployments:
        %s  - name: hello
            route: /hello
            import_path: chat:build
            args: {word: hello}
            runtime_env: {working_dir: chat, env_vars: {SET: here}}
            deployments: %s
            probe: {expect: {word: hello}}
        """
            .formatted(others, deployments));
  }

  private Path theirs(String name) throws IOException {
    return Files.writeString(
        folder.resolve(name + ".yaml"),
        """
        http_options: {port: %d}
        applications:
          - name: %s
            route_prefix: /%2$s
            import_path: chat:plain
            runtime_env: {working_dir: "file://%s"}
            deployments: %s
        """
            .formatted(RayCluster.SERVE_PORT, name, folder.resolve("chat.zip"), SMALL));
  }

  private static void serve(RayCluster cluster, String command, String file) {
    cluster.run(List.of(RayCluster.ray("serve"), command, file, "-a", RayCluster.DASHBOARD));
  }

  private static int replicas(RayCluster cluster, String app, String deployment) {
    return cluster.workers("ServeReplica:%s:%s".formatted(app, deployment)).size();
  }

  private void awaitAnswer(String route) {
    await()
        .atMost(Duration.ofSeconds(60))
        .ignoreExceptions()
        .until(() -> web.status(ROUTES + route) == 200);
  }

  private JsonNode answer(String route) throws IOException, InterruptedException {
    return Json.parse(web.get(ROUTES + route).body());
  }
}
