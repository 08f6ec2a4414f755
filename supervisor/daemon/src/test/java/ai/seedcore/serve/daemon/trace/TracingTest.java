package ai.seedcore.serve.daemon.trace;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import ai.seedcore.serve.base.ConfigException;
import ai.seedcore.serve.daemon.status.Statuses;
import com.sun.net.httpserver.HttpServer;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.Test;

/** What is exported of a recovery, and when anything is. */
class TracingTest {

  @Test
  void theEnvironmentAloneTurnsItOn() {
    assertThat(Tracing.isWanted(Map.of())).isFalse();
    assertThat(Tracing.isWanted(Map.of("OTEL_EXPORTER_OTLP_ENDPOINT", " "))).isFalse();
    assertThat(Tracing.isWanted(Map.of("OTEL_EXPORTER_OTLP_ENDPOINT", "http://a:4318"))).isTrue();
    assertThat(Tracing.isWanted(Map.of("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://a"))).isTrue();
    assertThat(
            Tracing.isWanted(
                Map.of("OTEL_EXPORTER_OTLP_ENDPOINT", "http://a", "OTEL_SDK_DISABLED", "true")))
        .isFalse();
    assertThat(
            Tracing.isWanted(
                Map.of("OTEL_EXPORTER_OTLP_ENDPOINT", "http://a", "OTEL_TRACES_EXPORTER", "none")))
        .isFalse();
  }

  @Test
  void aRecoveryIsExportedOnceWithItsSteps() throws Exception {
    List<String> bodies = new CopyOnWriteArrayList<>();
    HttpServer collector =
        HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    collector.createContext(
        "/v1/traces",
        exchange -> {
          bodies.add(
              new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.ISO_8859_1));
          exchange.sendResponseHeaders(200, -1);
          exchange.close();
        });
    collector.start();
    URI endpoint = URI.create("http://127.0.0.1:" + collector.getAddress().getPort());
    try (Tracing tracing = Tracing.start(endpoint, "0.1.0")) {
      tracing.publish(Statuses.serving());
      tracing.publish(Statuses.serving());
    }
    await().until(() -> !bodies.isEmpty());
    collector.stop(0);
    assertThat(String.join("", bodies))
        .containsOnlyOnce("Serve starts")
        .containsOnlyOnce("recovery.seconds")
        .contains("seedcore-serve", "service.version");
  }

  @Test
  void anInvalidEndpointIsNamed() {
    assertThatThrownBy(() -> Tracing.start(URI.create("nonsense"), "0.1.0"))
        .isInstanceOf(ConfigException.class)
        .hasMessageContaining("otlp_endpoint");
  }
}
