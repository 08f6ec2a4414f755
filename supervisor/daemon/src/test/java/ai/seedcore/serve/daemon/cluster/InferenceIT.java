package ai.seedcore.serve.daemon.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.net.URI;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Clients of the Open Inference Protocol that others wrote reach the models unmodified. */
@Tag("cluster")
class InferenceIT {

  private static final Path FOLDER = Machine.temporaryFolder();
  private static final String ADDRESS = "127.0.0.1:28001";
  private static final String TOKEN = "a-token-for-the-door";

  private static final String MIXER =
      """
      package org.example;

      import ai.seedcore.serve.api.*;
      import java.util.*;

      public class Mixer implements TensorModel {
        public String call(String body) {
          return "mixed";
        }

        @Override
        public List<TensorType> inputs() {
          return List.of(
              TensorType.of("numbers", Datatype.INT64, -1, 3),
              TensorType.optional("flags", Datatype.BOOL, -1),
              TensorType.optional("words", Datatype.BYTES, 1, -1));
        }

        @Override
        public List<TensorType> outputs() {
          return inputs();
        }

        @Override
        public List<Tensor> infer(Inference request) {
          List<Tensor> outputs = new ArrayList<>();
          Tensor numbers = request.input("numbers");
          outputs.add(
              Tensor.of(
                  "numbers",
                  Datatype.INT64,
                  numbers.shape(),
                  Arrays.stream(numbers.longs()).map(n -> 2 * n).toArray()));
          request.find("flags").ifPresent(flags ->
              outputs.add(
                  Tensor.of(
                      "flags",
                      Datatype.BOOL,
                      flags.shape(),
                      Arrays.stream(flags.longs()).map(n -> 1 - n).toArray())));
          request.find("words").ifPresent(words ->
              outputs.add(
                  Tensor.of(
                      "words",
                      words.texts().stream().map(String::toUpperCase).toArray(String[]::new))));
          return outputs;
        }
      }
      """;

  private static final String CONFIG =
      """
      front_door_token_file: %s
      deployments:
        - name: Mixer
          class: org.example.Mixer
          route: /mixer
          jars: [mixer.jar]
          cpus: 0.1
      """;

  private static RayCluster cluster;
  private static DaemonProcess daemon;

  private final Web web = new Web();

  @BeforeAll
  static void start() throws Exception {
    UserJar.make(FOLDER.resolve("mixer.jar"), "Mixer", MIXER);
    Path token = Files.writeString(FOLDER.resolve("token"), TOKEN);
    Path config = Files.writeString(FOLDER.resolve("mixer.yaml"), CONFIG.formatted(token));
    cluster = new RayCluster().start();
    daemon =
        DaemonProcess.onCluster(FOLDER, "--front-door=" + ADDRESS, "--config=" + config)
            .awaitReady();
    await()
        .atMost(Duration.ofSeconds(60))
        .until(
            () -> {
              JsonNode replicas = daemon.status().path("door").path("replicas");
              return replicas.size() == 4
                  && StreamSupport.stream(replicas.spliterator(), false)
                      .allMatch(each -> each.path("state").asString("").equals("ready"));
            });
  }

  @AfterAll
  static void end() {
    Machine.close(daemon, cluster);
    Machine.delete(FOLDER);
  }

  @Test
  void clientsThatOthersWroteAreAnswered() throws Exception {
    Path script = FOLDER.resolve("inference_clients.py");
    try (var in = InferenceIT.class.getResourceAsStream("inference_clients.py")) {
      Files.copy(in, script);
    }
    String transcript =
        Machine.run(Tools.path("inference-clients"), script.toString(), ADDRESS, TOKEN);
    assertThat(transcript).contains("all clients were answered");
    System.out.println(transcript);
  }

  /** Serve's own proxies carry what is text: a request finds its way while no replica is direct. */
  @Test
  void serveSProxyPassesTheProtocolOn() throws Exception {
    HttpRequest request =
        HttpRequest.newBuilder(URI.create(RayCluster.ROUTES + "/mixer/v2/models/Mixer/infer"))
            .header("X-SeedCore-Inference", "Mixer/infer")
            .POST(
                BodyPublishers.ofString(
                    """
                    {"inputs":[{"name":"numbers","shape":[1,3],"datatype":"INT32",
                      "data":[[1,2,3]]}]}"""))
            .build();
    JsonNode response = JsonMapper.shared().readTree(web.send(request).body());
    assertThat(response.path("outputs").path(0).path("data")).hasToString("[2,4,6]");
  }
}
