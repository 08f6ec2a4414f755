package ai.seedcore.serve.daemon.metrics;

import static org.assertj.core.api.Assertions.assertThat;

import ai.seedcore.serve.daemon.status.Statuses;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What is exported, and that docs/metrics.md lists exactly that. */
class MetricsTest {

  private static final Path PAGE = Path.of("../../docs/metrics.md");

  private final Metrics metrics = new Metrics("0.1.0", "2.39.0");

  @AfterEach
  void close() {
    metrics.close();
  }

  @Test
  void thePageListsAllThatIsExportedAndNothingElse() throws IOException {
    metrics.publish(Statuses.serving());
    Map<String, String> exported = find("# TYPE (\\S+) (\\S+)", scraped());
    Map<String, String> listed = find("\\| `(\\S+)` \\| (\\S+) \\|", Files.readString(PAGE));
    assertThat(listed).isEqualTo(exported);
  }

  @Test
  void ofAllStatesOneHolds() {
    metrics.publish(Statuses.serving());
    assertThat(scraped())
        .contains("seedcore_phase{state=\"serving\"} 1.0")
        .contains("seedcore_phase{state=\"recovering\"} 0.0")
        .contains("seedcore_app_state{app=\"A\",state=\"running\"} 1.0")
        .contains("seedcore_role{state=\"leads\"} 1.0")
        .contains("seedcore_ready 1.0")
        .contains("seedcore_not_serving_seconds 0.0");
    metrics.publish(Statuses.recovering());
    assertThat(scraped())
        .contains("seedcore_phase{state=\"serving\"} 0.0")
        .contains("seedcore_phase{state=\"recovering\"} 1.0")
        .contains("seedcore_app_state{app=\"B\",state=\"missing\"} 1.0")
        .contains("seedcore_ready 0.0")
        .doesNotContain("seedcore_not_serving_seconds 0.0");
  }

  @Test
  void whatIsCountedIsCountedOnce() {
    for (int lap = 0; lap < 3; lap++) {
      metrics.publish(Statuses.serving());
    }
    assertThat(scraped())
        .contains("seedcore_decisions_total{action=\"Rest\",reason=\"all_well\"} 3.0")
        .contains("seedcore_recovery_seconds_count 1")
        .contains("seedcore_recovery_seconds_bucket{le=\"8.0\"} 1")
        .contains("seedcore_recovery_seconds_bucket{le=\"5.0\"} 0")
        .contains("seedcore_probe_seconds_count{app=\"A\",outcome=\"answered\"} 1")
        .contains("seedcore_deploys_total{app=\"A\",outcome=\"accepted\"} 1.0")
        .contains("seedcore_reconcile_passes_total 7.0");
  }

  @Test
  void theFrontDoorIsTold() {
    metrics.publish(Statuses.serving());
    assertThat(scraped())
        .contains("seedcore_door_waiting 3.0")
        .contains("seedcore_door_proxies 1.0")
        .contains("seedcore_door_replicas{app=\"A\"} 1.0")
        .contains("seedcore_door_replayed_total 5.0")
        .contains("seedcore_door_refused_total{code=\"not_served\"} 1.0")
        .contains("seedcore_door_request_seconds_count{app=\"A\",code=\"200\"} 40")
        .contains("seedcore_door_request_seconds_sum{app=\"A\",code=\"200\"} 0.5");
  }

  @Test
  void anApplicationThatIsNoLongerDeclaredIsNoLongerExported() {
    metrics.publish(Statuses.recovering());
    assertThat(scraped()).contains("app=\"B\"");
    metrics.publish(Statuses.serving());
    assertThat(scraped()).contains("app=\"A\"").doesNotContain("app=\"B\"");
  }

  @Test
  void histogramsHaveExemplarsAndObjectivesWhatAlertsNeed() {
    metrics.publish(Statuses.serving());
    assertThat(scraped())
        .contains("seedcore_door_latency_seconds_bucket{app=\"A\",le=\"0.0025\"} 0")
        .contains("seedcore_door_latency_seconds_bucket{app=\"A\",le=\"0.005\"} 40")
        .contains("seedcore_door_latency_seconds_bucket{app=\"A\",le=\"+Inf\"} 40")
        .contains("seedcore_door_hold_seconds_count{app=\"A\"} 40")
        .contains("seedcore_objective_target{app=\"A\",objective=\"availability\"} 0.99")
        .contains("seedcore_objective_budget_left{app=\"A\",objective=\"availability\"} 0.6")
        .contains("seedcore_objective_requests_total{app=\"A\",objective=\"availability\"} 40.0")
        .contains("seedcore_objective_missed_total{app=\"A\",objective=\"availability\"} 2.0")
        .contains("seedcore_objective_requests_total{app=\"A\",objective=\"latency\"} 38.0")
        .contains("seedcore_objective_missed_total{app=\"A\",objective=\"latency\"} 3.0");
    assertThat(metrics.scrape("application/openmetrics-text; version=1.0.0; charset=utf-8"))
        .contains(
            "# {span_id=\"b7ad6b7169203331\",trace_id=\"0af7651916cd43dd8448eb211c80319c\"} 0.004")
        .endsWith("# EOF\n");
  }

  private String scraped() {
    return metrics.scrape("text/plain; version=0.0.4; charset=utf-8");
  }

  private static Map<String, String> find(String pattern, String text) {
    return Pattern.compile(pattern)
        .matcher(text)
        .results()
        .collect(
            Collectors.toMap(
                (MatchResult found) -> found.group(1),
                found -> found.group(2),
                (first, second) -> first,
                TreeMap::new));
  }
}
