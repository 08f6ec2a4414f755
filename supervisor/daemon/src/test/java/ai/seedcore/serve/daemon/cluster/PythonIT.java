package ai.seedcore.serve.daemon.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import java.io.IOException;
import java.io.OutputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.WebSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.jspecify.annotations.Nullable;
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

  private static final String LIVE =
      """
      import asyncio

      from fastapi import FastAPI, WebSocket
      from fastapi.responses import StreamingResponse
      from ray import serve

      api = FastAPI()


      @serve.deployment(ray_actor_options={"num_cpus": 0.1})
      @serve.ingress(api)
      class Live:
          @api.websocket("/talk")
          async def talk(self, socket: WebSocket):
              await socket.accept()
              while True:
                  await socket.send_text("heard " + await socket.receive_text())

          @api.get("/events")
          def events(self, kind: str):
              async def count():
                  for i in range(3):
                      yield f"data: {i}\\n\\n"
                      await asyncio.sleep(1)

              return StreamingResponse(count(), media_type=kind)


      app = Live.bind()
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
      List.of("/zipped", "/hello", "/SalienceScorer").forEach(this::awaitAnswer);
      assertThat(answer("/zipped").path("word").asString()).isEqualTo("plain");
      assertThat(answer("/hello").path("word").asString()).isEqualTo("hello");
      assertThat(answer("/hello").path("set").asString()).isEqualTo("here");

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
  void anEnvironmentThatRayRefusesIsNamedAndTheOthersAreServed() throws Exception {
    String refused =
        """
          - name: refused
            route: /refused
            import_path: chat:plain
            runtime_env: {working_dir: chat, pip: [requests], conda: base}
        """;
    Path config = declare(refused, 1);
    try (RayCluster cluster = new RayCluster().start();
        DaemonProcess daemon = DaemonProcess.onCluster(folder, "--config=" + config)) {
      daemon.awaitReason("RECOVERING", "specified conda field: base");
      awaitAnswer("/hello");
      cluster.worker("ServeController").destroyForcibly();
      await()
          .atMost(Duration.ofSeconds(30))
          .until(() -> cluster.workers("ServeController").size() == 1);
      awaitAnswer("/hello");
      awaitAnswer("/SalienceScorer");
      declare("", 1);
      await().atMost(Duration.ofSeconds(60)).until(daemon::ready);
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
  void anInterruptedReplacementIsCompletedByTheNextDaemon() throws Exception {
    Path theirs = theirs("theirs");
    try (RayCluster cluster = new RayCluster().start()) {
      serve(cluster, "deploy", theirs.toString());
      awaitAnswer("/theirs");
      try (DaemonProcess first = DaemonProcess.onCluster(folder)) {
        await()
            .atMost(Duration.ofSeconds(60))
            .pollInterval(Duration.ofMillis(20))
            .until(() -> cluster.workers("ServeController").isEmpty());
        first.end("KILL");
      }
      try (DaemonProcess second = DaemonProcess.onCluster(folder)) {
        second.awaitReady();
        awaitAnswer("/theirs");
        assertThat(web.status(ROUTES + "/SalienceScorer")).isEqualTo(200);
      }
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

  @Test
  void webSocketsAndEventsPassTheFrontDoor() throws Exception {
    assumeFalse(
        System.getProperty("seedcore.ray").contains("2.39"),
        "Ray 2.39 cannot serialize an application of the current FastAPI");
    Files.writeString(folder.resolve("chat/live.py"), LIVE);
    Path config =
        Files.writeString(
            folder.resolve("live.yaml"),
            """
            builtin: false
            deployments:
              - {name: live, route: /live, import_path: "live:app", runtime_env: {working_dir: chat}}
            """);
    try (RayCluster cluster = new RayCluster().start();
        DaemonProcess daemon =
            DaemonProcess.onCluster(folder, "--config=" + config, "--front-door=" + DOOR)) {
      BlockingQueue<String> heard = new LinkedBlockingQueue<>();
      // The handshake waits until the application is there.
      await().ignoreExceptions().until(() -> web.status("http://" + DOOR + "/-/healthz") > 0);
      WebSocket socket = talk(heard);
      await().until(daemon::ready);
      socket.sendText("one", true).join();
      assertThat(heard.poll(10, TimeUnit.SECONDS)).isEqualTo("heard one");

      for (String kind : List.of("text/event-stream", "text/plain")) {
        long begun = System.nanoTime();
        List<Double> arrived = new ArrayList<>();
        HttpRequest events =
            HttpRequest.newBuilder(URI.create("http://" + DOOR + "/live/events?kind=" + kind))
                .header("Accept-Encoding", "gzip")
                .build();
        web.send(events, HttpResponse.BodyHandlers.ofLines())
            .body()
            .filter(line -> line.startsWith("data: "))
            .forEach(line -> arrived.add((System.nanoTime() - begun) / 1e9));
        assertThat(arrived).as(kind).hasSize(3);
        assertThat(arrived.get(2) - arrived.get(0)).as(kind).isBetween(1.5, 3.0);
      }

      cluster.workers("ServeReplica:live").forEach(ProcessHandle::destroyForcibly);
      await().atMost(Duration.ofSeconds(20)).until(socket::isInputClosed);
      WebSocket another = talk(heard);
      another.sendText("two", true).join();
      assertThat(heard.poll(10, TimeUnit.SECONDS)).isEqualTo("heard two");
    }
  }

  private static WebSocket talk(BlockingQueue<String> heard) throws Exception {
    return HttpClient.newHttpClient()
        .newWebSocketBuilder()
        .buildAsync(
            URI.create("ws://" + DOOR + "/live/talk"),
            new WebSocket.Listener() {
              @Override
              public @Nullable CompletionStage<?> onText(
                  WebSocket socket, CharSequence text, boolean last) {
                heard.add(text.toString());
                socket.request(1);
                return null;
              }
            })
        .get(60, TimeUnit.SECONDS);
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
