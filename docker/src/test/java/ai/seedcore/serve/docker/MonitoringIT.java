package ai.seedcore.serve.docker;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Runs Debian's Prometheus with the files of docker/monitoring, because the image of the profile
 * needs a registry. The cluster restarts, and its head stops for a while.
 */
@Tag("cluster")
@Tag("containers")
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class MonitoringIT {

  private static final String IMAGE = "localhost/seedcore-test/prometheus";
  private static final String API = "http://127.0.0.1:9090/api/v1/";
  private static final String HEAD = "seedcore-ray-head";

  private static final HttpClient CLIENT = HttpClient.newHttpClient();
  private static String engine = "";

  @BeforeAll
  static void start() {
    String name = Shell.engine();
    String dockerfile =
        "FROM debian:bookworm-slim\nRUN apt-get update -qq && apt-get install -y -qq"
            + " --no-install-recommends prometheus && rm -rf /var/lib/apt/lists/*";
    Shell.Result image =
        Shell.library(
            Map.of(),
            "printf '%s' '"
                + dockerfile
                + "' | engine build ${SEEDCORE_BUILD_OPTIONS:-} -t "
                + IMAGE
                + " -");
    assumeTrue(image.code() == 0, () -> "skipped: cannot install Prometheus: " + image.output());
    Shell.script("start-cluster.sh", "down").orFail();
    engine = name;
    Shell.script("start-cluster.sh", "up", "1", "--build").orFail();
    Shell.library(
            Map.of("SEEDCORE_PROMETHEUS_IMAGE", IMAGE),
            "compose --profile obs up -d --no-deps seedcore-prometheus")
        .orFail();
  }

  @AfterAll
  static void down() {
    if (!engine.isEmpty()) {
      Shell.script("start-cluster.sh", "down").orFail();
    }
  }

  @Test
  @Order(1)
  void scrapesDaemonHeadAndWorker() {
    await("all targets are up")
        .atMost(Duration.ofSeconds(60))
        .untilAsserted(
            () -> {
              assertThat(values("up{job=\"seedcore-serve\"}")).containsExactly(1.0);
              assertThat(values("up{job=\"ray\"}")).containsExactly(1.0, 1.0);
            });
  }

  @Test
  @Order(2)
  void everyDashboardQueryHasData() {
    Shell.script("start-cluster.sh", "restart").orFail();
    // Nothing declares an objective here.
    List<String> queries =
        Dashboards.queries().stream()
            .filter(query -> !query.contains("seedcore_objective_"))
            .toList();
    assertThat(queries).hasSizeGreaterThan(20);
    await("data for every query")
        .atMost(Duration.ofMinutes(2))
        .pollInterval(Duration.ofSeconds(2))
        .untilAsserted(
            () -> {
              ask(); // The front door's histograms need requests.
              assertThat(queries.stream().filter(query -> values(query).isEmpty()).toList())
                  .as("queries without data")
                  .isEmpty();
            });
  }

  @Test
  @Order(3)
  void alertFiresDuringOutageAndResolves() {
    await().atMost(Duration.ofMinutes(1)).until(() -> firing().isEmpty());
    Shell.run(engine, "stop", HEAD).orFail();
    long start = System.nanoTime();
    await("the alert fires")
        .atMost(Duration.ofSeconds(100))
        .pollInterval(Duration.ofSeconds(1))
        .until(() -> firing().equals(List.of("SeedCoreNotServing")));
    System.out.printf(
        "FIGURE alert after the head was stopped: %.0f s%n", (System.nanoTime() - start) / 1e9);
    Shell.run(engine, "start", HEAD).orFail();
    await("the alert is over")
        .atMost(Duration.ofMinutes(1))
        .pollInterval(Duration.ofSeconds(1))
        .until(() -> firing().isEmpty());
  }

  private static void ask() {
    try {
      CLIENT.send(
          HttpRequest.newBuilder(URI.create("http://127.0.0.1:8000/SalienceScorer"))
              .timeout(Duration.ofSeconds(60))
              .POST(HttpRequest.BodyPublishers.ofString("{\"features\":[{}]}"))
              .build(),
          HttpResponse.BodyHandlers.discarding());
    } catch (IOException e) {
      // Without requests, queries have no data.
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Returns the values of a query, without NaN. */
  private static List<Double> values(String query) {
    List<Double> values = new ArrayList<>();
    String text = URLEncoder.encode(query, StandardCharsets.UTF_8);
    for (JsonNode series : get("query?query=" + text).path("data").path("result")) {
      double value = Double.parseDouble(series.path("value").path(1).asString());
      if (!Double.isNaN(value)) {
        values.add(value);
      }
    }
    return values;
  }

  private static List<String> firing() {
    List<String> names = new ArrayList<>();
    for (JsonNode alert : get("alerts").path("data").path("alerts")) {
      if (alert.path("state").asString().equals("firing")) {
        names.add(alert.path("labels").path("alertname").asString());
      }
    }
    return names;
  }

  private static JsonNode get(String path) {
    try {
      HttpResponse<String> response =
          CLIENT.send(
              HttpRequest.newBuilder(URI.create(API + path)).timeout(Duration.ofSeconds(5)).build(),
              HttpResponse.BodyHandlers.ofString());
      // While Prometheus starts, it answers 503 in plain text.
      return response.statusCode() == 200
          ? JsonMapper.shared().readTree(response.body())
          : JsonMapper.shared().createObjectNode();
    } catch (IOException e) {
      return JsonMapper.shared().createObjectNode();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }
}
