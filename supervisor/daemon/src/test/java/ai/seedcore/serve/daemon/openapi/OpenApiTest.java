package ai.seedcore.serve.daemon.openapi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.seedcore.serve.anomaly.AnomalyDetector;
import ai.seedcore.serve.daemon.config.ConfigLoader;
import ai.seedcore.serve.daemon.config.Settings;
import ai.seedcore.serve.salience.SalienceScorer;
import ai.seedcore.serve.scaling.ScalingPredictor;
import com.networknt.schema.SchemaRegistry;
import com.networknt.schema.SpecificationVersion;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

class OpenApiTest {

  @TempDir Path folder;

  @BeforeEach
  void makeJar() throws IOException {
    try (JarOutputStream out =
        new JarOutputStream(Files.newOutputStream(folder.resolve("echo.jar")))) {
      out.putNextEntry(new JarEntry("org/example/Echo.class"));
    }
  }

  private JsonNode document(String config) throws IOException {
    Path file = Files.writeString(folder.resolve("config.yaml"), config);
    Settings settings = ConfigLoader.load(file, Map.of(), Map.of());
    return JsonMapper.shared()
        .readTree(new OpenApi("1", false, "X-Token").document(settings.deployments()));
  }

  private static boolean accepts(String name, String body) {
    Object response =
        switch (name) {
          case "SalienceScorer" -> new SalienceScorer().call(body).body();
          case "AnomalyDetector" -> new AnomalyDetector().call(body).body();
          default -> new ScalingPredictor().call(body).body();
        };
    return response instanceof Map<?, ?> map && "success".equals(map.get("status"));
  }

  /** What the schema says and what the reader does are the same. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "SalienceScorer|{\"features\":[{}]}",
        "SalienceScorer|{\"features\":[{\"task_risk\":null}],\"top_k\":2.0}",
        "SalienceScorer|{\"features\":[{\"task_risk\":1.1}]}",
        "SalienceScorer|{\"features\":[{\"risk\":1}]}",
        "SalienceScorer|{\"features\":[{}],\"context\":{}}",
        "SalienceScorer|{\"text\":\"a\",\"context\":{\"priority\":10}}",
        "SalienceScorer|{\"text\":\"a\",\"top_k\":1}",
        "SalienceScorer|{\"top_k\":1}",
        "SalienceScorer|{}",
        "AnomalyDetector|{\"data\":[1,null]}",
        "AnomalyDetector|{\"data\":[1,{\"a\":1}]}",
        "AnomalyDetector|{\"data\":[{\"a\":1},{}]}",
        "AnomalyDetector|{\"data\":[{}]}",
        "AnomalyDetector|{\"data\":[{\"timestamp\":1}]}",
        "AnomalyDetector|{\"data\":[{\"timestamp\":1,\"a\":1},{\"timestamp\":\"2026-01-01T00:00:00Z\"}]}",
        "AnomalyDetector|{\"data\":[{\"timestamp\":1,\"a\":1},{\"a\":1}]}",
        "AnomalyDetector|{\"data\":[{\"host\":\"a\",\"cpu_usage\":0.5}]}",
        "AnomalyDetector|{\"data\":[{\"host\":\"a\",\"cpu_usage\":0.5}],\"ignore\":[\"host\"]}",
        "AnomalyDetector|{\"data\":[{\"host\":\"a\",\"cpu_usage\":0.5}],\"ignore\":[]}",
        "AnomalyDetector|{\"data\":[{\"timestamp\":\"noon\",\"a\":1}],\"ignore\":[\"timestamp\"]}",
        "AnomalyDetector|{\"data\":[{\"cpu_usage\":38.1}]}",
        "AnomalyDetector|{\"data\":[1],\"sensitivity\":2}",
        "ScalingPredictor|{\"cpu_avg\":0.5}",
        "ScalingPredictor|{\"cpu_avg\":null}",
        "ScalingPredictor|{\"request_rate\":5}",
        "ScalingPredictor|{\"request_rate\":5,\"cpu_avg\":null,\"memory_avg\":0.5}",
        "ScalingPredictor|{\"history\":[{\"timestamp\":1,\"cpu_avg\":0.5}],\"cpu_avg\":null}",
        "ScalingPredictor|{\"history\":[{\"timestamp\":1,\"cpu_avg\":0.5}],\"cpu_avg\":0.5}",
        "ScalingPredictor|{\"history\":[{\"timestamp\":1,\"cpu_avg\":0.5}],\"horizon_s\":60}",
        "ScalingPredictor|{\"history\":[{\"cpu_avg\":0.5}]}",
        "ScalingPredictor|{\"history\":[{\"timestamp\":1,\"pod\":\"a\",\"queue\":3}],\"ignore\":[\"pod\"]}",
        "ScalingPredictor|{\"cpu_avg\":0.5,\"horizon_s\":60}",
        "ScalingPredictor|{\"cpu_avg\":0.5,\"current_replicas\":-1}",
        "ScalingPredictor|{\"cpu_avg\":0.5,\"max_replicas\":0}",
      })
  void theSchemaSaysWhatTheReaderDoes(String name, String body) throws IOException {
    ObjectNode document = (ObjectNode) document("{}");
    JsonNode schema = document.at("/components/schemas").path(name + ".request");
    boolean valid =
        SchemaRegistry.withDefaultDialect(SpecificationVersion.DRAFT_2020_12)
            .getSchema(schema)
            .validate(JsonMapper.shared().readTree(body))
            .isEmpty();
    assertThat(valid).isEqualTo(accepts(name, body));
  }

  @Test
  void describesADeploymentWithADeclaredSchema() throws IOException {
    JsonNode document =
        document(
            """
            builtin: false
            deployments:
              - name: Echo
                class: org.example.Echo
                jars: [echo.jar]
                upgrade: {examples: [{n: 1}, {n: 2}]}
                schema:
                  request:
                    type: object
                    properties: {n: {$ref: "#/$defs/n"}}
                    $defs: {n: {type: integer}}
              - {name: Silent, class: org.example.Echo, jars: [echo.jar]}
            """);
    assertThat(document.path("paths").propertyNames()).containsExactly("/Echo");
    JsonNode post = document.at("/paths/~1Echo/post");
    JsonNode content = post.at("/requestBody/content/application~1json");
    assertThat(content.at("/examples/example2/value/n").asInt()).isEqualTo(2);
    String reference = content.at("/schema/$ref").asString();
    JsonNode request = document.at(reference.substring(1));
    String inner = request.at("/properties/n/$ref").asString();
    assertThat(document.at(inner.substring(1)).path("type").asString()).isEqualTo("integer");
    assertThat(post.path("responses").has("default")).isTrue();
    assertThat(document.at("/components/securitySchemes/token/name").asString())
        .isEqualTo("X-Token");
  }

  @Test
  void anInvalidOptionOfOneDeploymentLeavesTheOthersDescribed() throws IOException {
    JsonNode document =
        document(
            """
            deployments:
              - {name: AnomalyDetector, init_args: [{limit: 5}]}
              - {name: SalienceScorer, init_args: ['{"limits": {"items": 7}}']}
            """);
    assertThat(document.path("paths").propertyNames())
        .containsExactly("/SalienceScorer", "/ScalingPredictor");
    assertThat(document.path("tags").toString()).contains("limit: found an unknown field");
    assertThat(document.toString()).contains("\"maxItems\":7");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{type: strng}",
        "{minimum: low}",
        "7",
        "{$ref: 'https://example.org/schema'}",
        "{$ref: '#item'}",
        "{$ref: '#/$defs/none'}",
        "{$id: 'https://example.org/schema'}",
        "{$defs: {a: {$anchor: item}}}",
        "{$dynamicRef: '#a'}",
      })
  void refusesWhatIsNoSchema(String schema) {
    assertThatThrownBy(
            () ->
                document(
                    """
                    deployments:
                      - {name: Echo, class: org.example.Echo, jars: [echo.jar], schema: {request: %s}}
                    """
                        .formatted(schema)))
        .hasMessageContaining("schema")
        .hasMessageContaining("request")
        .hasMessageContaining("expected");
  }

  @Test
  void theBuiltInOnesTakeNoSchema() {
    assertThatThrownBy(
            () -> document("deployments: [{name: SalienceScorer, schema: {request: {}}}]"))
        .hasMessageContaining("schema: found one for a class of the built-in jar");
  }
}
