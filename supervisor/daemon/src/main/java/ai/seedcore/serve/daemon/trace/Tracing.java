package ai.seedcore.serve.daemon.trace;

import ai.seedcore.serve.base.ConfigException;
import ai.seedcore.serve.daemon.report.Status;
import io.opentelemetry.api.common.Attributes;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.Tracer;
import io.opentelemetry.context.Context;
import io.opentelemetry.sdk.OpenTelemetrySdk;
import io.opentelemetry.sdk.autoconfigure.AutoConfiguredOpenTelemetrySdk;
import io.opentelemetry.sdk.autoconfigure.spi.ConfigurationException;
import io.opentelemetry.sdk.resources.Resource;
import java.net.URI;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Exports the traces of requests, which the front door creates, and of recoveries, with
 * OpenTelemetry's SDK. Its own variables ({@code OTEL_TRACES_SAMPLER}, {@code
 * OTEL_EXPORTER_OTLP_HEADERS} and so on) are in effect.
 *
 * <p>A daemon that exports nothing does not load these classes.
 */
public final class Tracing implements AutoCloseable {

  private static final String SCOPE = "ai.seedcore.serve";

  /** How long the last spans may take to be exported. */
  private static final Duration FLUSH = Duration.ofSeconds(1);

  private final OpenTelemetrySdk sdk;
  private final Tracer tracer;
  private int recovered;

  /** Creates the traces of an SDK. */
  Tracing(OpenTelemetrySdk sdk) {
    this.sdk = sdk;
    this.tracer = sdk.getTracer(SCOPE);
  }

  /** Returns whether the environment itself, without a setting of ours, wants traces. */
  public static boolean isWanted(Map<String, String> environment) {
    boolean disabled =
        Boolean.parseBoolean(environment.get("OTEL_SDK_DISABLED"))
            || "none".equals(environment.get("OTEL_TRACES_EXPORTER"));
    return !disabled
        && (isSet(environment.get("OTEL_EXPORTER_OTLP_ENDPOINT"))
            || isSet(environment.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")));
  }

  private static boolean isSet(@Nullable String value) {
    return value != null && !value.isBlank();
  }

  /**
   * Starts to export.
   *
   * @param endpoint the collector's base URL; null: the environment names it
   * @throws ConfigException if one of OpenTelemetry's variables is invalid
   */
  public static Tracing start(@Nullable URI endpoint, String version) {
    Map<String, String> defaults = new HashMap<>();
    defaults.put("otel.service.name", "seedcore-serve");
    defaults.put("otel.traces.exporter", "otlp");
    defaults.put("otel.metrics.exporter", "none");
    defaults.put("otel.logs.exporter", "none");
    defaults.put("otel.exporter.otlp.protocol", "http/protobuf");
    Map<String, String> ours =
        endpoint == null ? Map.of() : Map.of("otel.exporter.otlp.endpoint", endpoint.toString());
    try {
      return new Tracing(
          AutoConfiguredOpenTelemetrySdk.builder()
              .disableShutdownHook()
              .addPropertiesSupplier(() -> defaults)
              .addPropertiesCustomizer(environment -> ours)
              .addResourceCustomizer(
                  (resource, config) ->
                      Resource.create(Attributes.builder().put("service.version", version).build())
                          .merge(resource))
              .build()
              .getOpenTelemetrySdk());
    } catch (ConfigurationException | IllegalArgumentException | IllegalStateException e) {
      throw new ConfigException("otlp_endpoint: found an invalid variable: " + e.getMessage());
    }
  }

  /** Returns what creates spans. */
  public Tracer tracer() {
    return tracer;
  }

  /** Receives the status of one lap, and exports a recovery that is over. */
  public void publish(Status now) {
    Status.Past past = now.past();
    if (past.recovered() > recovered && !past.recoveries().isEmpty()) {
      export(past.recoveries().get(past.recoveries().size() - 1));
    }
    recovered = past.recovered();
  }

  private void export(Status.Recovery recovery) {
    Instant zero = at(recovery.at(), -recovery.seconds());
    Instant begin =
        recovery.steps().stream()
            .map(step -> at(zero, Math.min(0, step.from())))
            .min(Instant::compareTo)
            .orElse(zero);
    Span whole = tracer.spanBuilder("recovery").setNoParent().setStartTimestamp(begin).startSpan();
    Context within = whole.storeInContext(Context.root());
    for (Status.Step step : recovery.steps()) {
      tracer
          .spanBuilder(step.name())
          .setParent(within)
          .setStartTimestamp(at(zero, step.from()))
          .startSpan()
          .end(at(zero, step.to()));
    }
    whole.setAttribute("seedcore.recovery.seconds", recovery.seconds()).end(recovery.at());
  }

  private static Instant at(Instant from, double seconds) {
    return from.plusMillis(Math.round(1_000 * seconds));
  }

  /** Exports what has not been exported yet, and ends. */
  @Override
  public void close() {
    sdk.shutdown().join(FLUSH.toMillis(), TimeUnit.MILLISECONDS);
  }
}
