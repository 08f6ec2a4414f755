package ai.seedcore.serve.daemon.decide;

import static org.assertj.core.api.Assertions.assertThat;

import ai.seedcore.serve.daemon.observe.Serve;
import ai.seedcore.serve.protocol.Application;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** Each difference between what is declared and what Serve says is seen, and nothing else is. */
class DesiredJavaTest {

  private static final String FIXED =
      """
      {"num_replicas": 2, "max_ongoing_requests": 100, "user_config": {"json": "{\\"a\\":1}"},
       "health_check_period_s": 5.0, "health_check_timeout_s": 10.0, "autoscaling_config": null,
       "graceful_shutdown_wait_loop_s": 2.0, "graceful_shutdown_timeout_s": 20}
      """;

  private static final DesiredJava TARGET = desired(2, null);

  @Test
  void whatIsDeployedAsDeclaredDoesNotDiffer() {
    assertThat(TARGET.difference(app("v1", json(FIXED)), false)).isEmpty();
  }

  @ParameterizedTest
  @CsvSource({
    "num_replicas, 1",
    "max_ongoing_requests, 50",
    "user_config, {\"json\":\"{}\"}",
    "user_config, null",
    "health_check_period_s, 6",
    "health_check_timeout_s, 11",
    "graceful_shutdown_wait_loop_s, 1",
    "graceful_shutdown_timeout_s, 30",
    "autoscaling_config, {\"min_replicas\":1}"
  })
  void anotherSettingDiffers(String field, String value) {
    ObjectNode config = json(FIXED);
    config.set(field, JsonMapper.shared().readTree(value));
    assertThat(TARGET.difference(app("v1", config), false)).isPresent();
    config.remove(field);
    if (!field.equals("num_replicas") && !field.equals("autoscaling_config")) {
      assertThat(TARGET.difference(app("v1", config), false)).as("%s unset", field).isPresent();
    }
  }

  @ParameterizedTest
  @CsvSource({
    "min_replicas, 2",
    "max_replicas, 4",
    "target_ongoing_requests, 1",
    "upscale_delay_s, 1",
    "downscale_delay_s, 1",
    "metrics_interval_s, 1",
    "look_back_period_s, 1"
  })
  void anotherBoundOfAutoscalingDiffers(String field, double value) {
    DesiredJava desired = desired(null, new Application.Autoscaling(1, 3, 2, 30, 600, 10, 30));
    ObjectNode config = json(FIXED);
    ObjectNode scaling =
        config
            .putObject("autoscaling_config")
            .put("min_replicas", 1)
            .put("max_replicas", 3)
            .put("target_ongoing_requests", 2.0)
            .put("upscale_delay_s", 30.0)
            .put("downscale_delay_s", 600.0)
            .put("metrics_interval_s", 10.0)
            .put("look_back_period_s", 30.0);
    assertThat(desired.difference(app("v1", config), false)).isEmpty();
    scaling.put(field, value);
    assertThat(desired.difference(app("v1", config), false).orElseThrow()).contains(field);
  }

  @Test
  void someoneElsesVersionDiffers() {
    assertThat(TARGET.difference(app(null, json(FIXED)), false).orElseThrow())
        .contains("another client");
    assertThat(TARGET.difference(app("v2", json(FIXED)), false).orElseThrow())
        .contains("version v2");
  }

  @Test
  void onAServeThatChangesNothingInPlaceSettingsArePartOfTheVersion() {
    Application frozen = TARGET.frozen();
    assertThat(frozen.version()).startsWith("v1-");
    assertThat(frozen.actorOptions().toString()).contains("SEEDCORE_VERSION=" + frozen.version());
    ObjectNode config = json(FIXED);
    config.putNull("user_config"); // It went with the constructor's arguments.
    assertThat(TARGET.difference(app(frozen.version(), config), false)).isEmpty();
    assertThat(
            new DesiredJava(application("{\"a\":2}", 2, null))
                .difference(app(frozen.version(), config), false))
        .isPresent();
  }

  private static Serve.Application app(@Nullable String version, JsonNode config) {
    return new Serve.Application("RUNNING", "", version, "/A", 1, Set.of(), config);
  }

  private static ObjectNode json(String text) {
    return (ObjectNode) JsonMapper.shared().readTree(text);
  }

  private static DesiredJava desired(
      @Nullable Integer replicas, Application.@Nullable Autoscaling autoscaling) {
    return new DesiredJava(application("{\"a\":1}", replicas, autoscaling));
  }

  private static Application application(
      String settings, @Nullable Integer replicas, Application.@Nullable Autoscaling autoscaling) {
    return new Application(
        "A",
        "C",
        "/A",
        "v1",
        replicas,
        autoscaling,
        100,
        "[]",
        settings,
        new Application.Lifecycle(5, 10, 2, 20),
        Map.of("num_cpus", 1, "runtime_env", Map.of("env_vars", Map.of("SEEDCORE_VERSION", "v1"))));
  }
}
